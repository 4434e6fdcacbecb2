// The command `fanout`: what a request to all nodes takes, from its intended start to the closed account.

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/caller.hpp"
#include "bench/commands.hpp"
#include "bench/fleet.hpp"
#include "bench/floor.hpp"
#include "bench/plot.hpp"
#include "bench/round_times.hpp"
#include "bench/sample.hpp"
#include "bench/usage.hpp"
#include "bench/watch.hpp"
#include "node/signals.hpp"
#include "proto/value.hpp"
#include "security/entropy.hpp"

namespace mco::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using proto::Errc;
using proto::fail;
using proto::Value;

constexpr std::size_t warm_up_rounds = 20;
constexpr std::size_t outstanding_max = 64;  // beyond, requests start late, and are counted from when they were due
constexpr std::size_t floor_rounds = 100;    // before, and again after

struct Wish {
    EmulatedFleet::Plan fleet;
    std::string client;  // empty: a fleet of our own
    CallerRequest request;
    std::size_t rounds = 100, rate = 0;
    bool floor = false, json = false;
    int ready_descriptor = 0;  // told when the first request is measured; 0: nobody waits
    std::string plot;
};

struct Measured {
    std::vector<Round> rounds;
    bool interrupted = false;
    std::chrono::nanoseconds attach{};
    std::chrono::microseconds caller{};  // processor time during the rounds
    std::string entry;
};

proto::Result<Measured> measure(Caller& caller, const Wish& wish, node::Signals& signals) {
    Measured measured;
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    int ready = 0;
    const auto run = [&](std::size_t rounds, std::size_t rate) -> proto::Result<bool> {
        const auto begin = Clock::now();
        for (std::size_t started = 0, done = 0; done < rounds;) {
            const auto due =
                rate == 0 ? Clock::now() : begin + std::chrono::nanoseconds(std::size_t{1'000'000'000} * started / rate);
            const bool may = started < rounds && caller.outstanding() < (rate == 0 ? 1 : outstanding_max);
            if (may && due <= Clock::now()) {
                if (auto begun = caller.start(wish.request, due); !begun) return tl::unexpected(begun.error());
                ++started;
                continue;
            }
            const auto left = may ? std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()) : 100ms;
            if (auto waited = caller.wait(std::clamp<std::chrono::milliseconds>(left, 0ms, 100ms), signals.descriptor()); !waited)
                return tl::unexpected(waited.error());
            for (auto& round : caller.take_done()) {
                measured.rounds.push_back(std::move(round));
                ++done;
            }
            if (done > 0 && ready != 0) tell_line(std::exchange(ready, 0), "measuring");
            if (terminal) fmt::print(stderr, "\r{} of {} requests ", done, rounds);
            if (asked_to_stop(signals)) return false;
        }
        return true;
    };
    auto warm = run(warm_up_rounds, 0);
    if (!warm) return tl::unexpected(warm.error());
    measured.rounds.clear();
    ready = wish.ready_descriptor;
    const auto before = processor_time();
    auto done = *warm ? run(wish.rounds, wish.rate) : warm;
    if (!done) return tl::unexpected(done.error());
    measured.caller = processor_time() - before;
    measured.interrupted = !*done;
    for (auto& round : caller.abandon()) measured.rounds.push_back(std::move(round));
    measured.attach = caller.attached_in();
    measured.entry = caller.entry();
    if (terminal) fmt::print(stderr, "\r\033[K");
    return measured;
}

// How many of the replies were there after what time, at the median over the requests; and the distribution of the whole.
std::vector<Drawing> plots_of(const RoundTimes& times, const std::string& title) {
    Plot replies{.title = title + ": replies over time", .x = "ms since the start", .y = "% of the replies", .series = {}};
    for (const std::size_t percent : {50, 90, 99}) {
        Series series{fmt::format("p{} of requests", percent), {}};
        series.points.emplace_back(0, 0);
        for (std::size_t i = 0; i <= 10; ++i)
            series.points.emplace_back(milliseconds(times.replies[i].second.rank(percent)), i == 0 ? 0 : static_cast<double>(i) * 10);
        replies.series.push_back(std::move(series));
    }
    Plot spread{.title = title + ": distribution over the requests", .x = "ms", .y = "% of the requests", .series = {}};
    for (const std::size_t i : {0, 5, 10, 11}) {
        Series series{times.replies[i].first, {}};
        for (std::size_t percent = 1; percent <= 100; ++percent)
            series.points.emplace_back(milliseconds(times.replies[i].second.rank(percent)), static_cast<double>(percent));
        spread.series.push_back(std::move(series));
    }
    return {replies, spread};
}

void tell(const Wish& wish, const Measured& measured, const RoundTimes& times, const std::optional<Sample>& floor,
          const std::optional<double>& fleet_each) {
    const auto count = measured.rounds.size() - times.incomplete;
    const auto each = static_cast<double>(measured.caller.count()) / static_cast<double>(std::max<std::size_t>(1, count * times.nodes));
    const auto ratio = floor ? std::optional(static_cast<double>(times.replies[10].second.rank(50).count()) /
                                             static_cast<double>(floor->rank(50).count()))
                             : std::nullopt;
    if (wish.json) {
        Value::Map line{{"name", "fanout"},
                        {"nodes", static_cast<std::int64_t>(times.nodes)},
                        {"rounds", static_cast<std::int64_t>(count)},
                        {"incomplete", static_cast<std::int64_t>(times.incomplete)},
                        {"interrupted", measured.interrupted},
                        {"rate", static_cast<std::int64_t>(wish.rate)},
                        {"agent", wish.request.agent},
                        {"action", wish.request.action},
                        {"emulated", wish.client.empty()},
                        {"groups", static_cast<std::int64_t>(wish.client.empty() ? wish.fleet.groups : 0)},
                        {"seed", static_cast<std::int64_t>(wish.fleet.seed)},
                        {"request_bytes", static_cast<std::int64_t>(times.request_octets)},
                        {"reply_bytes", static_cast<std::int64_t>(times.reply_octets)},
                        {"version", MCO_VERSION},
                        {"commit", commit()},
                        {"machine", machine()},
                        {"attach_us", static_cast<std::int64_t>(measured.attach.count() / 1'000)},
                        {"caller_us_per_reply", each},
                        {"replies_us", summaries(times.replies)},
                        {"phases_us", summaries(times.phases)}};
        if (fleet_each) line.emplace("fleet_us_per_reply", *fleet_each);
        if (floor) line.emplace("floor_us", static_cast<std::int64_t>(floor->rank(50).count() / 1'000));
        if (ratio) line.emplace("floor_ratio", *ratio);
        fmt::print("{}\n", proto::to_json(line));
        return;
    }
    fmt::print("fanout: {} nodes by {}, {} requests {}, {} {}; a request has {} octets, a reply {}{}\n", times.nodes, measured.entry, count,
               wish.rate == 0 ? std::string("one after the other") : fmt::format("at {} a second", wish.rate), wish.request.agent,
               wish.request.action, times.request_octets, times.reply_octets, measured.interrupted ? "; INTERRUPTED" : "");
    if (times.incomplete > 0) fmt::print("{} requests were not answered by everybody in time, and are left out\n", times.incomplete);
    fmt::print("{:>16} {:>8} {:>8} {:>8} {:>8}  ms from the {} start\n", "", "p50", "p90", "p99", "most",
               wish.rate == 0 ? "request's" : "intended");
    const auto row = [](const std::string& name, const Sample& sample) {
        fmt::print("{:>16} {:8.2f} {:8.2f} {:8.2f} {:8.2f}\n", name, milliseconds(sample.rank(50)), milliseconds(sample.rank(90)),
                   milliseconds(sample.rank(99)), milliseconds(sample.rank(100)));
    };
    for (const auto& [name, sample] : times.replies) row(name, sample);
    fmt::print("{:>16}  (attached once, in {:.2f} ms)\n", "of that", milliseconds(measured.attach));
    for (const auto& [name, sample] : times.phases) row(name, sample);
    fmt::print("processor: {:.0f} us a reply at the caller{}\n", each,
               fleet_each ? fmt::format(", {:.0f} us at the nodes with their relays", *fleet_each) : "");
    if (floor)
        fmt::print("floor: bare libzmq p50 {:.2f} ms, before and after; the last reply comes at {:.2f} times that\n",
                   milliseconds(floor->rank(50)), *ratio);
}

proto::Result<Wish> read(Arguments& arguments) {
    Wish wish;
    wish.client = arguments.text("client", "");
    wish.fleet.nodes = arguments.number("nodes", 0, 1, 8'000);
    wish.fleet.groups = arguments.number("groups", 1, 1, 64);
    wish.fleet.relays = arguments.number("relays", 0, 0, 512);
    wish.fleet.seed = arguments.number("seed", 1, 0, 1ULL << 62);
    wish.rounds = arguments.number("rounds", 100, 1, 1'000'000);
    wish.rate = arguments.number("rate", 0, 1, 10'000);
    wish.request.agent = arguments.text("agent", "rpcutil");
    wish.request.action = arguments.text("action", "ping");
    wish.request.timeout = std::chrono::seconds(arguments.number("timeout", 10, 1, 300));
    const auto given = arguments.text("arguments", "-"), filter = arguments.text("filter", "-");
    const auto request_bytes = arguments.number("request-bytes", 0, 0, 100'000);
    const auto reply_bytes = arguments.number("reply-bytes", 0, 1, 200'000);
    wish.ready_descriptor = static_cast<int>(arguments.number("ready-fd", 0, 3, 1'000));
    wish.floor = arguments.flag("floor");
    wish.json = arguments.flag("json");
    wish.plot = arguments.text("plot", "-");
    if (auto done = arguments.done(); !done) return tl::unexpected(done.error());
    if (wish.client.empty() == (wish.fleet.nodes == 0))
        return fail(Errc::invalid, "either --nodes or --client says which mesh is asked");
    if (wish.fleet.groups > std::max<std::size_t>(1, wish.fleet.nodes))
        return fail(Errc::invalid, fmt::format("{0} groups need {0} nodes at least", wish.fleet.groups));
    if (given != "-") {
        for (std::size_t from = 0; from <= given.size();) {
            const auto comma = std::min(given.find(',', from), given.size()), equal = given.find('=', from);
            if (equal >= comma) return fail(Errc::invalid, fmt::format("--arguments needs NAME=VALUE,..., not '{}'", given));
            wish.request.arguments.emplace(given.substr(from, equal - from), given.substr(equal + 1, comma - equal - 1));
            from = comma + 1;
        }
    }
    if (filter != "-") {
        if (auto added = proto::add_with(wish.request.filter, filter); !added) return tl::unexpected(added.error());
    }
    if (reply_bytes > 0) {
        if (!wish.client.empty())
            return fail(Errc::invalid, "--reply-bytes is for emulated nodes; choose an --action with large replies");
        wish.fleet.filler = reply_bytes;
        wish.request.action = "get_fact";
        wish.request.arguments = {{"fact", "filler"}};
    }
    if (request_bytes > 0) wish.request.lengthen(request_bytes);
    return wish;
}

}  // namespace

proto::Result<void> run_fanout(Arguments arguments) {
    auto wish = read(arguments);
    if (!wish) return tl::unexpected(wish.error());
    security::entropy::start();
    node::Signals::block();
    ::mallopt(M_ARENA_MAX, 2);
    std::unique_ptr<EmulatedFleet> fleet;
    if (wish->client.empty()) {
        auto plan = EmulatedFleet::fit(wish->fleet);
        if (!plan) return tl::unexpected(plan.error());
        auto started = EmulatedFleet::start(*plan);
        if (!started) return tl::unexpected(started.error());
        fleet = std::move(*started);
    }
    node::Signals signals;
    if (fleet) {
        const auto ready = wait_until_whole(*fleet, wish->fleet.nodes, signals);
        if (!ready) return tl::unexpected(ready.error());
        if (!*ready) return fail(Errc::cancelled, "interrupted before all nodes were ready");
    }
    const auto files = CallerFiles::read(fleet ? fleet->client_config() : std::filesystem::path(wish->client));
    if (!files) return tl::unexpected(files.error());
    auto caller = Caller::open(*files);
    if (!caller) return tl::unexpected(caller.error());
    if (auto attached = (*caller)->attach(10s); !attached) return attached;

    std::optional<Sample> floor;
    const auto measure_beside = [&](std::size_t agents) -> proto::Result<void> {
        auto sample = measure_floor({.agents = agents, .rounds = floor_rounds});
        if (!sample) return tl::unexpected(sample.error());
        if (!floor) floor.emplace();
        floor->add(*sample);
        return {};
    };
    if (wish->floor && fleet) {
        if (auto done = measure_beside(wish->fleet.nodes); !done) return done;
    }
    const auto before = fleet ? fleet->figures() : EmulatedFleet::Figures();
    auto measured = measure(**caller, *wish, signals);
    if (!measured) return tl::unexpected(measured.error());
    const auto times = times_of(measured->rounds);
    if (times.replies.back().second.size() == 0)
        return fail(Errc::expired, fmt::format("none of {} requests was answered by everybody in time", measured->rounds.size()));
    if (wish->floor && !measured->interrupted) {
        if (auto done = measure_beside(times.nodes); !done) return done;
    }
    std::optional<double> fleet_each;
    if (fleet) {
        fleet->stop();
        const auto after = fleet->figures();
        if (after.replies > before.replies)
            fleet_each = static_cast<double>((after.processor - before.processor).count()) / static_cast<double>(after.replies - before.replies);
    }
    tell(*wish, *measured, times, floor, fleet_each);
    if (wish->plot == "-") return {};
    std::ofstream file(wish->plot, std::ios::trunc);
    file << to_svg(plots_of(times, fmt::format("{} nodes, {} {}", times.nodes, wish->request.agent, wish->request.action)));
    file.close();
    return file ? proto::Result<void>() : fail(Errc::invalid, fmt::format("{} cannot be written", wish->plot));
}

}  // namespace mco::bench
