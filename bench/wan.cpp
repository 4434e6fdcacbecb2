// The command `wan`: what a request to all nodes takes where they live in several sites, by the distance between these.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/caller.hpp"
#include "bench/commands.hpp"
#include "bench/plot.hpp"
#include "bench/round_times.hpp"
#include "bench/wan_relay.hpp"
#include "bench/wan_sites.hpp"
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

constexpr std::size_t warm_up_rounds = 5, long_rounds = 10;
constexpr std::size_t long_by = 16'000;  // octets, so that a copy of a request stands out of what else is on a line
constexpr auto whole_patience = 120s;
constexpr double promised_factor = 1.1, promised_beside_ms = 20;

struct Wish {
    WanSites::Plan sites;
    WanRelay::Plan relay;
    std::size_t rounds = 50, from = 0;  // from: the caller's site, counted from 1; 0: each in turn
    bool json = false;
    int ready_descriptor = 0;
    std::string plot;
};

// What a caller at one site found.
struct Seen {
    std::size_t site = 0;
    RoundTimes times;
    std::vector<std::vector<double>> copies;  // of a request, by the sites that a line goes from and to; empty: not measured
    bool interrupted = false;
};

// By line; what an hour's rounds sent is less than 2^53.
using Octets = std::vector<std::vector<double>>;

Octets octets_of(const WanRelay& relay, std::size_t sites) {
    Octets octets(sites, std::vector<double>(sites));
    for (std::size_t from = 0; from < sites; ++from) {
        for (std::size_t to = 0; to < sites; ++to) octets[from][to] = static_cast<double>(relay.octets(from, to));
    }
    return octets;
}

class Measurement {
 public:
    explicit Measurement(const Wish& wish) : wish_(wish), relay_(wish.relay) {}
    proto::Result<void> start();
    proto::Result<Seen> ask_from(std::size_t site);
    bool interrupted() { return stopped_ = stopped_ || asked_to_stop(signals_); }
    const WanRelay& relay() const { return relay_; }

 private:
    proto::Result<std::unique_ptr<Caller>> caller_at(std::size_t site);
    // Stops early where interrupted.
    proto::Result<std::vector<Round>> rounds(Caller& caller, const CallerRequest& request, std::size_t count, std::string_view what);
    std::size_t nodes() const { return wish_.sites.sites * wish_.sites.nodes; }

    const Wish& wish_;
    node::Signals signals_;
    WanRelay relay_;
    std::unique_ptr<WanSites> sites_;
    bool stopped_ = false;
};

proto::Result<void> Measurement::start() {
    auto sites = WanSites::start(wish_.sites, relay_, [this] { return interrupted(); });
    if (!sites) return tl::unexpected(sites.error());
    sites_ = std::move(*sites);
    auto caller = caller_at(0);
    if (!caller) return tl::unexpected(caller.error());
    const auto begin = Clock::now();
    for (std::size_t answered = 0; answered < nodes();) {
        auto asked = rounds(**caller, {.timeout = 5s}, 1, "waiting for all nodes");
        if (!asked) return tl::unexpected(asked.error());
        if (interrupted()) return fail(Errc::cancelled, "interrupted before all nodes were there");
        answered = times_of(*asked).nodes;
        if (auto alive = sites_->alive(); !alive) return alive;
        if (answered < nodes()) {
            if (auto waited = (*caller)->wait(200ms, signals_.descriptor()); !waited) return waited;
        }
        if (Clock::now() - begin > whole_patience)
            return fail(Errc::expired, fmt::format("after {} s not all of {} nodes answer", whole_patience.count(), nodes()));
    }
    return {};
}

proto::Result<std::unique_ptr<Caller>> Measurement::caller_at(std::size_t site) {
    relay_.belongs(::getpid(), site);
    const auto files = CallerFiles::read(sites_->client_config(site));
    if (!files) return tl::unexpected(files.error());
    auto caller = Caller::open(*files);
    if (!caller) return caller;
    if (auto attached = (*caller)->attach(10s); !attached) return tl::unexpected(attached.error());
    return caller;
}

proto::Result<std::vector<Round>> Measurement::rounds(Caller& caller, const CallerRequest& request, std::size_t count, std::string_view what) {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    std::vector<Round> all;
    while (all.size() < count && !interrupted()) {
        if (terminal) fmt::print(stderr, "\r\033[K{}: {} of {}", what, all.size(), count);
        if (auto begun = caller.start(request, Clock::now()); !begun) return tl::unexpected(begun.error());
        while (caller.outstanding() > 0 && !interrupted()) {
            if (auto waited = caller.wait(100ms, signals_.descriptor()); !waited) return tl::unexpected(waited.error());
        }
        for (auto& round : caller.take_done()) all.push_back(std::move(round));
    }
    if (terminal) fmt::print(stderr, "\r\033[K");
    return all;
}

proto::Result<Seen> Measurement::ask_from(std::size_t site) {
    Seen seen{.site = site, .times = {}, .copies = {}, .interrupted = false};
    auto caller = caller_at(site);
    if (!caller) return tl::unexpected(caller.error());
    if (auto warm = rounds(**caller, {}, warm_up_rounds, "warming up"); !warm) return tl::unexpected(warm.error());
    const auto before = octets_of(relay_, wish_.sites.sites);
    auto asked = rounds(**caller, {}, wish_.rounds, fmt::format("from site {}", site + 1));
    if (!asked) return tl::unexpected(asked.error());
    const auto between = octets_of(relay_, wish_.sites.sites);
    seen.times = times_of(*asked);
    seen.interrupted = interrupted();
    if (seen.interrupted || seen.times.nodes == 0) return seen;
    // The same with a longer request: what a round sends more is copies of what it is longer by.
    CallerRequest longer;
    longer.lengthen(long_by);
    auto more = rounds(**caller, longer, long_rounds, fmt::format("from site {}, longer requests", site + 1));
    if (!more) return tl::unexpected(more.error());
    const auto after = octets_of(relay_, wish_.sites.sites);
    const auto more_times = times_of(*more);
    if (more_times.nodes == 0 || more->size() < long_rounds) return seen;
    const auto added = static_cast<double>(more_times.request_octets) - static_cast<double>(seen.times.request_octets);
    seen.copies = after;
    for (std::size_t from = 0; from < after.size(); ++from) {
        for (std::size_t to = 0; to < after.size(); ++to) {
            const auto small = (between[from][to] - before[from][to]) / static_cast<double>(asked->size());
            const auto large = (after[from][to] - between[from][to]) / static_cast<double>(more->size());
            seen.copies[from][to] = std::max(0.0, (large - small) / added);
        }
    }
    return seen;
}

double slowest_ms(const WanRelay& relay, const Wish& wish, std::size_t site) {
    WanRelay::Duration slowest{};
    for (std::size_t other = 0; other < wish.sites.sites; ++other) slowest = std::max(slowest, relay.round_trip(site, other));
    return static_cast<double>(slowest.count()) / 1'000;
}

std::string trips_text(const Wish& wish) {
    std::string text;
    for (const auto& [pair, trip] : wish.relay.round_trips)
        text += fmt::format("{}{}-{} {:g} ms", text.empty() ? "" : ", ", pair.first + 1, pair.second + 1, static_cast<double>(trip.count()) / 1'000);
    return text;
}

void tell_json(const Wish& wish, const WanRelay& relay, const Seen& seen) {
    const auto slowest = slowest_ms(relay, wish, seen.site);
    const auto& weather = wish.relay.weather;
    Value::List trips;
    for (const auto& [pair, trip] : wish.relay.round_trips) trips.emplace_back(static_cast<double>(trip.count()) / 1'000);
    Value::Map copies;
    for (std::size_t from = 0; from < seen.copies.size(); ++from) {
        for (std::size_t to = 0; to < seen.copies.size(); ++to)
            if (from != to) copies.emplace(fmt::format("{} to {}", from + 1, to + 1), std::round(seen.copies[from][to] * 100) / 100);
    }
    fmt::print("{}\n", proto::to_json(Value::Map{{"name", "wan"},
                                                 {"sites", static_cast<std::int64_t>(wish.sites.sites)},
                                                 {"proxies", static_cast<std::int64_t>(wish.sites.proxies)},
                                                 {"nodes", static_cast<std::int64_t>(seen.times.nodes)},
                                                 {"from", static_cast<std::int64_t>(seen.site + 1)},
                                                 {"round_trips_ms", std::move(trips)},
                                                 {"slowest_ms", slowest},
                                                 {"promised_ms", slowest * promised_factor + promised_beside_ms},
                                                 {"jitter_ms", static_cast<double>(weather.jitter.count()) / 1'000},
                                                 {"loss_percent", weather.loss_of_10000 / 100.0},
                                                 {"stall_every_s", static_cast<std::int64_t>(weather.stall_every / 1s)},
                                                 {"stall_for_ms", static_cast<std::int64_t>(weather.stall_for / 1ms)},
                                                 {"rounds", static_cast<std::int64_t>(seen.times.replies.back().second.size())},
                                                 {"incomplete", static_cast<std::int64_t>(seen.times.incomplete)},
                                                 {"interrupted", seen.interrupted},
                                                 {"seed", static_cast<std::int64_t>(wish.relay.seed)},
                                                 {"version", MCO_VERSION},
                                                 {"commit", commit()},
                                                 {"machine", machine()},
                                                 {"copies", std::move(copies)},
                                                 {"replies_us", seen.times.nodes == 0 ? Value::Map() : summaries(seen.times.replies)}}));
    std::fflush(stdout);
}

void tell(const Wish& wish, const WanRelay& relay, const Seen& seen) {
    if (wish.json) return tell_json(wish, relay, seen);
    if (seen.times.nodes == 0) {
        fmt::print("from site {}: no request was answered by everybody in time{}\n", seen.site + 1, seen.interrupted ? "; INTERRUPTED" : "");
        return;
    }
    const auto at = [&](std::size_t which, std::size_t percent) { return milliseconds(seen.times.replies[which].second.rank(percent)); };
    const auto slowest = slowest_ms(relay, wish, seen.site), promised = slowest * promised_factor + promised_beside_ms;
    fmt::print("from site {}, the slowest round trip is {:g} ms; {} requests to {} nodes{}{}\n", seen.site + 1, slowest,
               seen.times.replies.back().second.size(), seen.times.nodes,
               seen.times.incomplete == 0 ? "" : fmt::format(", and {} that not everybody answered, left out", seen.times.incomplete),
               seen.interrupted ? "; INTERRUPTED" : "");
    fmt::print("  first reply {:.1f}, half of them {:.1f}, last {:.1f} ms (p90 {:.1f}, p99 {:.1f}, most {:.1f}); closed {:.1f} ms\n", at(first_reply, 50),
               at(half_of_replies, 50), at(last_reply, 50), at(last_reply, 90), at(last_reply, 99), at(last_reply, 100), at(account_closed, 50));
    fmt::print("  last reply at most {:g} times the slowest round trip and {:g} ms, {:.0f} ms: {}\n", promised_factor, promised_beside_ms, promised,
               at(last_reply, 50) <= promised ? "kept" : "MISSED");
    std::string copies;
    for (std::size_t from = 0; from < seen.copies.size(); ++from) {
        for (std::size_t to = 0; to < seen.copies.size(); ++to)
            if (from != to) copies += fmt::format(" {}>{} {:.2f}", from + 1, to + 1, seen.copies[from][to]);
    }
    if (!copies.empty()) fmt::print("  copies of a request on each line:{}\n", copies);
}

std::vector<Drawing> plots_of(const std::vector<Seen>& all, const std::string& title) {
    Plot replies{.title = title, .x = "ms since the start, at the median request", .y = "% of the replies", .series = {}};
    for (const auto& seen : all) {
        if (seen.times.nodes == 0) continue;
        Series series{fmt::format("from site {}", seen.site + 1), {{0, 0}}};
        for (std::size_t i = first_reply; i <= last_reply; ++i)
            series.points.emplace_back(milliseconds(seen.times.replies[i].second.rank(50)), i == first_reply ? 0 : static_cast<double>(i) * 10);
        replies.series.push_back(std::move(series));
    }
    return {replies};
}

std::optional<double> decimal(std::string_view text, double most) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = error == std::errc() && end == text.data() + text.size() && value >= 0 && value <= most;
    return good ? std::optional(value) : std::nullopt;
}

// Round trips by pair, 1-2, 1-3, 2-3, ...: their number says how many sites there are.
proto::Result<void> read_trips(const std::string& text, Wish& wish) {
    std::vector<double> trips;
    for (std::size_t from = 0; from <= text.size();) {
        const auto comma = std::min(text.find(',', from), text.size());
        const auto trip = decimal(std::string_view(text).substr(from, comma - from), 2'000);
        if (!trip) return fail(Errc::invalid, fmt::format("--rtt takes milliseconds up to 2000 with commas between them, not '{}'", text));
        trips.push_back(*trip);
        from = comma + 1;
    }
    std::size_t sites = 2;
    while (sites * (sites - 1) / 2 < trips.size()) ++sites;
    if (sites * (sites - 1) / 2 != trips.size() || sites > 6)
        return fail(Errc::invalid, fmt::format("--rtt takes a number for each pair of sites: 1, 3, 6, 10 or 15 of them, not {}", trips.size()));
    wish.sites.sites = wish.relay.sites = sites;
    auto next = trips.begin();
    for (std::size_t one = 0; one < sites; ++one) {
        for (std::size_t other = one + 1; other < sites; ++other)
            wish.relay.round_trips[{one, other}] = WanRelay::Duration(std::llround(*next++ * 1'000));
    }
    return {};
}

proto::Result<Wish> read(Arguments& arguments) {
    Wish wish;
    const auto trips = arguments.text("rtt", "30,80,150"), loss = arguments.text("loss", "0"), jitter = arguments.text("jitter", "0");
    wish.sites.nodes = arguments.number("nodes", 4, 1, 200);
    wish.sites.proxies = arguments.number("proxies", 2, 1, 4);
    wish.rounds = arguments.number("rounds", 50, 1, 100'000);
    wish.from = arguments.number("from", 0, 1, 6);
    auto& weather = wish.relay.weather;
    weather.stall_every = std::chrono::seconds(arguments.number("stall-every", 0, 1, 10'000));
    weather.stall_for = std::chrono::milliseconds(arguments.number("stall-for", 300, 1, 30'000));
    wish.relay.seed = arguments.number("seed", 1, 0, 1ULL << 62);
    wish.ready_descriptor = static_cast<int>(arguments.number("ready-fd", 0, 3, 1'000));
    wish.json = arguments.flag("json");
    wish.plot = arguments.text("plot", "-");
    if (auto done = arguments.done(); !done) return tl::unexpected(done.error());
    if (auto good = read_trips(trips, wish); !good) return tl::unexpected(good.error());
    const auto lost = decimal(loss, 20), shaken = decimal(jitter, 1'000);
    if (!lost) return fail(Errc::invalid, fmt::format("--loss takes percent of the segments, from 0 to 20, not '{}'", loss));
    if (!shaken) return fail(Errc::invalid, fmt::format("--jitter takes milliseconds, from 0 to 1000, not '{}'", jitter));
    weather.loss_of_10000 = static_cast<std::uint32_t>(std::lround(*lost * 100));
    weather.jitter = WanRelay::Duration(std::llround(*shaken * 1'000));
    if (wish.from > wish.sites.sites) return fail(Errc::invalid, fmt::format("--from {}: there are {} sites", wish.from, wish.sites.sites));
    return wish;
}

}  // namespace

proto::Result<void> run_wan(Arguments arguments) {
    auto wish = read(arguments);
    if (!wish) return tl::unexpected(wish.error());
    security::entropy::start();
    node::Signals::block();
    Measurement measurement(*wish);
    if (auto started = measurement.start(); !started) return started;
    if (!wish->json) {
        const auto& weather = wish->relay.weather;
        fmt::print("wan: {} sites with {} proxies and {} nodes each; round trips {}; jitter {:g} ms, {:g} % lost{}; seed {}\n", wish->sites.sites,
                   wish->sites.proxies, wish->sites.nodes, trips_text(*wish), static_cast<double>(weather.jitter.count()) / 1'000, weather.loss_of_10000 / 100.0,
                   weather.stall_every == 0s ? "" : fmt::format(", still for {} ms every {} s", weather.stall_for / 1ms, weather.stall_every / 1s), wish->relay.seed);
    }
    if (wish->ready_descriptor != 0) tell_line(wish->ready_descriptor, "measuring");
    std::vector<Seen> all;
    for (std::size_t site = 0; site < wish->sites.sites && !measurement.interrupted(); ++site) {
        if (wish->from != 0 && wish->from != site + 1) continue;
        auto seen = measurement.ask_from(site);
        if (!seen) return tl::unexpected(seen.error());
        tell(*wish, measurement.relay(), *seen);
        all.push_back(std::move(*seen));
    }
    if (measurement.relay().strangers() > 0)
        fmt::print(stderr, "mco-bench wan: {} connections came from processes that belong to no site, and were refused\n", measurement.relay().strangers());
    if (wish->plot == "-") return {};
    std::ofstream file(wish->plot, std::ios::trunc);
    file << to_svg(plots_of(all, fmt::format("Replies over time, {} sites: {}", wish->sites.sites, trips_text(*wish))));
    file.close();
    return file ? proto::Result<void>() : fail(Errc::invalid, fmt::format("{} cannot be written", wish->plot));
}

}  // namespace mco::bench
