// Three engines and a client; the input chooses what happens next: which link delivers its oldest frame, which one breaks,
// whose agent answers, how time passes. Links stay ordered, everything else is up to the input. Nobody performs a request
// twice, and the client's account only grows and closes once.

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "mesh/core/engine.hpp"
#include "mesh/sim/workload.hpp"
#include "proto/codec.hpp"

using namespace mco;

namespace {

constexpr std::size_t nodes = 3;
constexpr std::size_t the_client = nodes;

void require(bool promise) {
    if (!promise) std::abort();
}

proto::PeerRecordBody record(std::size_t node) {
    proto::PeerRecordBody body;
    body.peer.octets.fill(static_cast<std::uint8_t>(10 + node));
    body.name = "node" + std::to_string(node);
    body.incarnation = 1;
    body.link_endpoint = "fuzz://" + body.name;
    body.fanout_endpoint = body.link_endpoint + "/fanout";
    body.curve_key.octets.fill(static_cast<std::uint8_t>(10 + node));
    body.collectives = {"mcollective"};
    return body;
}

mesh::SharedRecord shared(std::size_t node) {
    return std::make_shared<const mesh::Record>(record(node), proto::Bytes{1});
}

// From one to another, in order. The link's number is its place in `wires`, and the same at both ends.
struct Wire {
    std::size_t from, to;
    mesh::LinkId link;
    std::deque<proto::Bytes> frames;
};

struct Bench {
    mesh::Rng rng{1};
    std::vector<mesh::Engine> engines;
    proto::Now now{proto::Instant(std::chrono::seconds(10)), {}};
    std::vector<Wire> wires;
    mesh::LinkId last_link = 0;
    std::array<std::set<proto::RequestId>, nodes> performed, working;
    mco::mesh::sim::Client client{{.request = {}, .timeout = std::chrono::milliseconds(3'000), .entries = 2}};

    Bench() {
        for (std::size_t node = 0; node < nodes; ++node) {
            engines.emplace_back(mesh::Engine::Self{.record = shared(node), .seeds = {}}, mesh::Timing{},
                                 rng);
            engines.back().start(now);
        }
        for (std::size_t a = 0; a < nodes; ++a) {
            for (std::size_t b = a + 1; b < nodes; ++b) connect(a, b);
        }
        attach(0);
        attach(1);
    }

    void connect(std::size_t a, std::size_t b) {
        const auto link = ++last_link;
        wires.push_back({a, b, link, {}});
        wires.push_back({b, a, link, {}});
        announce(a, b, link, mesh::Side::dialled);
        announce(b, a, link, mesh::Side::accepted);
    }

    void announce(std::size_t at, std::size_t other, mesh::LinkId link, mesh::Side side) {
        auto& engine = engines[at];
        const auto theirs = shared(other);
        engine.link_up(now, {.link = link, .peer = theirs->body.peer, .side = side, .record = theirs});
        for (const auto& topic : {mesh::relay_topic(), mesh::presence_topic(theirs->body.peer)})
            engine.subscribed(now, theirs->body.peer, topic);
        settle(at);
    }

    void attach(std::size_t entry) {
        const auto link = ++last_link;
        proto::PeerId caller;
        caller.octets.fill(200);
        wires.push_back({the_client, entry, link, {}});
        wires.push_back({entry, the_client, link, {}});
        engines[entry].link_up(now, {.link = link, .peer = caller, .caller = true});
        client.link_up(now, entry);
        settle(entry);
        settle_client();
    }

    void settle(std::size_t node) {
        std::vector<mesh::Effect> effects;
        engines[node].drain(effects);
        for (auto& effect : effects) {
            if (auto* send = std::get_if<mesh::Send>(&effect)) {
                put(node, send->to, std::move(send->frame));
            } else if (auto* publish = std::get_if<mesh::Publish>(&effect)) {
                for (std::size_t other = 0; other < nodes; ++other) {
                    if (other != node) publications.push_back({node, other, publish->frame});
                }
            } else if (auto* perform = std::get_if<mesh::Perform>(&effect)) {
                require(performed[node].insert(perform->request).second);
                working[node].insert(perform->request);
            } else if (auto* hangup = std::get_if<mesh::Hangup>(&effect)) {
                cut(hangup->link);
            }
        }
        engines[node].check();
    }

    void put(std::size_t from, mesh::LinkId link, proto::Bytes frame) {
        for (auto& wire : wires) {
            if (wire.from == from && wire.link == link) wire.frames.push_back(std::move(frame));
        }
    }

    void settle_client() {
        for (auto& out : client.take()) {
            for (auto& wire : wires) {
                if (wire.from == the_client && wire.to == out.entry) wire.frames.push_back(out.frame);
            }
        }
        require(client.complaints().empty());
    }

    // The link is gone, with what is on it; both ends hear of it.
    void cut(mesh::LinkId link) {
        std::vector<std::pair<std::size_t, std::size_t>> ends;
        for (const auto& wire : wires) {
            if (wire.link == link) ends.push_back({wire.to, wire.from});
        }
        std::erase_if(wires, [&](const Wire& wire) { return wire.link == link; });
        for (const auto& [at, other] : ends) {
            if (at == the_client) {
                client.link_down(now, other);
                settle_client();
            } else {
                engines[at].link_down(now, link);
                settle(at);
            }
        }
    }

    void deliver(std::size_t choice) {
        if (wires.empty()) return;
        auto& wire = wires[choice % wires.size()];
        if (wire.frames.empty()) return;
        const auto frame = std::move(wire.frames.front());
        wire.frames.pop_front();
        const auto from = wire.from, to = wire.to;
        const auto link = wire.link;
        if (to == the_client) {
            client.frame(now, from, frame);
            return settle_client();
        }
        auto message = proto::decode(frame);
        require(message.has_value());
        if (std::holds_alternative<proto::Roster>(*message)) return;  // everybody knows everybody here
        engines[to].frame(now, link, frame);
        settle(to);
    }

    void step(std::uint8_t what, std::uint8_t choice) {
        static constexpr std::uint32_t jumps_ms[] = {1, 5, 20, 100, 200, 1'000, 5'000, 20'000};
        switch (what % 16) {
            case 0:
                now.mono += std::chrono::milliseconds(jumps_ms[choice % std::size(jumps_ms)]);
                for (std::size_t node = 0; node < nodes; ++node) {
                    engines[node].elapse(now);
                    settle(node);
                }
                client.elapse(now);
                return settle_client();
            case 1:
                if (!wires.empty()) cut(wires[choice % wires.size()].link);
                return;
            case 2:
                return connect(choice % nodes, (choice + 1) % nodes);
            case 3:
                client.cancel(now);
                return settle_client();
            case 4:
            case 5:
            case 6: {
                const std::size_t node = choice % nodes;
                if (working[node].empty()) return;
                const auto request = *working[node].begin();
                working[node].erase(working[node].begin());
                engines[node].performed(now, request, static_cast<proto::Outcome>(choice % 4), proto::Bytes(choice));
                return settle(node);
            }
            case 7:
            case 8:
            case 9: {
                if (publications.empty()) return;
                const auto at = publications.begin() + static_cast<std::ptrdiff_t>(choice % publications.size());
                const auto [publisher, node, frame] = *at;
                publications.erase(at);
                if (choice >= 240) return;  // lost
                engines[node].fanout(now, record(publisher).curve_key, frame);
                return settle(node);
            }
            default:
                return deliver(choice);
        }
    }

    struct Publication {
        std::size_t from, to;
        proto::Bytes frame;
    };
    std::deque<Publication> publications;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bench bench;
    for (std::size_t i = 0; i + 1 < size; i += 2) bench.step(data[i], data[i + 1]);
    return 0;
}
