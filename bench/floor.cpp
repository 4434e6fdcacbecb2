// The floor: what libzmq with CURVE and ZAP costs for one request to N agents and their N replies, in the shape that mco
// uses (XPUB to SUBs, DEALERs to ROUTER) and with nothing of mco in it.

#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <sstream>
#include <stop_token>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/commands.hpp"
#include "bench/floor.hpp"
#include "bench/floor_crew.hpp"
#include "bench/floor_socket.hpp"
#include "bench/sample.hpp"

namespace mco::bench {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using proto::Errc;

constexpr auto patience = 20s;  // for all agents to come, or for one round
constexpr long look_ms = 200;   // how often an agent looks whether to stop

struct Hub {
    CurveKeys keys;
    std::string fanout, gather;  // endpoints
};

// ---------------------------------------------------------------------------------------------- agents

struct Agent {
    Socket sub, dealer;
    Agent(const Context& context, const Hub& hub) : sub(context, ZMQ_SUB), dealer(context, ZMQ_DEALER) {
        CurveKeys keys;
        zmq_curve_keypair(keys.public_text.data(), keys.secret_text.data());
        sub.use_curve(keys, hub.keys);
        dealer.use_curve(keys, hub.keys);
        sub.set(ZMQ_SUBSCRIBE, "R");
        sub.connect(hub.fanout);
        dealer.connect(hub.gather);
        dealer.send("here");
    }
};

// Answers until it is to stop. The first eight octets of a request are its number, and come back.
void run_agents(const std::string& where, std::size_t count, const FloorShape& shape, const std::stop_token& stop) {
    Hub hub;
    std::istringstream words(where);
    std::string key;
    if (!(words >> hub.fanout >> hub.gather >> key) || key.size() != 40) return;
    key.copy(hub.keys.public_text.data(), 40);
    const Context context;
    std::vector<Agent> agents;
    agents.reserve(count);
    std::vector<zmq_pollitem_t> items;
    for (std::size_t i = 0; i < count; ++i) {
        agents.emplace_back(context, hub);
        items.push_back({agents.back().sub.get(), 0, ZMQ_POLLIN, 0});
    }
    std::string frame;
    std::string reply(shape.reply_bytes, 'r');
    while (!stop.stop_requested()) {
        zmq_poll(items.data(), static_cast<int>(items.size()), look_ms);
        for (std::size_t i = 0; i < count; ++i) {
            if (items[i].revents == 0) continue;
            bool more = false;
            while (agents[i].sub.receive(frame, more)) {
                if (more) continue;  // the topic
                std::memcpy(reply.data(), frame.data(), sizeof(std::uint64_t));
                agents[i].dealer.send(reply);
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------- hub

class Fan {
 public:
    explicit Fan(const Context& context)
        : zap_(context, ZMQ_ROUTER), xpub_(context, ZMQ_XPUB), router_(context, ZMQ_ROUTER) {
        zmq_curve_keypair(hub_.keys.public_text.data(), hub_.keys.secret_text.data());
        zap_.bind("inproc://zeromq.zap.01");
        xpub_.set(ZMQ_XPUB_VERBOSE, 1);
        xpub_.serve_curve(hub_.keys, "fanout");
        router_.serve_curve(hub_.keys, "link");
        hub_.fanout = xpub_.bind_loopback();
        hub_.gather = router_.bind_loopback();
    }
    std::string where() const { return fmt::format("{} {} {}", hub_.fanout, hub_.gather, hub_.keys.public_text.data()); }

    // Everybody subscribed and said "here".
    bool assemble(std::size_t agents) {
        std::size_t subscribed = 0, here = 0;
        const auto end = Clock::now() + patience;
        while ((subscribed < agents || here < agents) && Clock::now() < end) {
            wait(100);
            answer_zap();
            std::string frame;
            bool more = false;
            while (xpub_.receive(frame, more)) ++subscribed;
            while (router_.receive(frame, more)) here += more ? 0 : 1;
        }
        return subscribed >= agents && here >= agents;
    }

    std::optional<Sample::Duration> round(std::uint64_t number, std::string& request, std::size_t agents) {
        std::memcpy(request.data(), &number, sizeof number);
        std::size_t replies = 0;
        std::string frame;
        const auto begin = Clock::now();
        xpub_.send("R", true);
        xpub_.send(request);
        while (replies < agents) {
            bool more = false;
            while (router_.receive(frame, more)) {
                if (!more && std::memcmp(frame.data(), &number, sizeof number) == 0) ++replies;
            }
            if (replies == agents) break;
            if (Clock::now() - begin > patience) return std::nullopt;
            wait(1'000);
        }
        return Clock::now() - begin;
    }

 private:
    void wait(long milliseconds) {
        zmq_pollitem_t items[] = {
            {zap_.get(), 0, ZMQ_POLLIN, 0}, {xpub_.get(), 0, ZMQ_POLLIN, 0}, {router_.get(), 0, ZMQ_POLLIN, 0}};
        zmq_poll(items, 3, milliseconds);
    }
    void answer_zap() {
        std::string frame;
        bool more = false;
        while (zap_.receive(frame, more)) {
            std::vector<std::string> question{frame};
            while (more && zap_.receive(frame, more)) question.push_back(frame);
            if (question.size() < 4) continue;
            for (const std::string_view part :
                 {std::string_view(question[0]), std::string_view(), std::string_view("1.0"),
                  std::string_view(question[3]), std::string_view("200"), std::string_view(),
                  std::string_view("agent")}) {
                zap_.send(part, true);
            }
            zap_.send("");
        }
    }

    Hub hub_;
    Socket zap_, xpub_, router_;
};

}  // namespace

proto::Result<Sample> measure_curve_floor(const FloorShape& shape) {
    Sample sample;
    {
        Crew crew(shape, &run_agents);
        const Context context;
        Fan fan(context);
        if (!crew.start(fan.where())) return proto::fail(Errc::internal, "an agent could not be told where to connect");
        const bool whole = fan.assemble(shape.agents);
        std::string request(shape.request_bytes, 'q');
        bool answered = true;
        for (std::uint64_t i = 0; whole && answered && i < floor_warm_up_rounds + shape.rounds; ++i) {
            const auto took = fan.round(i + 1, request, shape.agents);
            answered = took.has_value();
            if (took && i >= floor_warm_up_rounds) sample.add(*took);
        }
        if (!whole) return proto::fail(Errc::unreachable, fmt::format("not all of {} agents came", shape.agents));
        if (!answered) return proto::fail(Errc::expired, "a round was not answered completely");
    }
    return sample;
}

proto::Result<Sample> measure_floor(const FloorShape& shape) {
    return shape.transport == Transport::tcp ? measure_tcp_floor(shape) : measure_curve_floor(shape);
}

proto::Result<void> run_floor(Arguments arguments) {
    FloorShape shape;
    shape.agents = arguments.number("agents", shape.agents, 1, 2'000);
    shape.rounds = arguments.number("rounds", shape.rounds, 1, 1'000'000);
    shape.request_bytes = arguments.number("request-bytes", shape.request_bytes, 8, 1 << 20);
    shape.reply_bytes = arguments.number("reply-bytes", shape.reply_bytes, 8, 1 << 20);
    shape.processes = arguments.flag("processes");
    shape.transport = arguments.choice("transport", {"curve", "tcp"}) == 0 ? Transport::curve : Transport::tcp;
    const bool json = arguments.flag("json");
    if (auto done = arguments.done(); !done) return done;

    auto sample = measure_floor(shape);
    if (!sample) return tl::unexpected(sample.error());
    const Parameters parameters{{"agents", std::to_string(shape.agents)},
                                {"request_bytes", std::to_string(shape.request_bytes)},
                                {"reply_bytes", std::to_string(shape.reply_bytes)},
                                {"processes", shape.processes ? "one each" : "one for all"},
                                {"transport", shape.transport == Transport::tcp ? "tcp" : "curve"}};
    const auto line = json ? to_json("floor", parameters, *sample) : to_text("floor", parameters, *sample);
    std::fwrite(line.data(), 1, line.size(), stdout);
    return {};
}

}  // namespace mco::bench
