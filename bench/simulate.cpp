// One request through a simulated mesh: the engine that the daemons run, in virtual time (mesh/sim).

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/commands.hpp"
#include "bench/sample.hpp"
#include "mesh/sim/shape.hpp"
#include "mesh/sim/world.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"

namespace mco::bench {

namespace {

using mesh::sim::Client;
using mesh::sim::Place;
using mesh::sim::World;
using std::chrono::milliseconds;
using std::chrono::seconds;

enum class Victim : std::uint8_t { nobody, relay, entry, gateway };

struct Plan {
    std::size_t nodes = 0, groups = 0, homes = 0, requests = 0, reply_size = 0;
    std::uint64_t seed = 0, dying = 0;  // percent
    Victim kill = Victim::nobody;
    bool costs = true, progress = false, json = false;
};

// What became of one request.
struct Report {
    proto::Duration last_reply{0}, closed{0}, round_trip{0};  // the slowest there is from the entry
    bool has_closed = false;
    std::size_t expected = 0, answered = 0, survivors = 0, survivors_answered = 0, attempts = 0;
    std::map<std::string, std::size_t> missing;  // by outcome and reason
    double messages = 0, octets = 0;             // a node
    std::uint64_t load_messages = 0, load_octets = 0, connection_octets = 0;
    proto::Duration load_busy{0};
    std::string victim;
};

double milli(proto::Duration duration) { return static_cast<double>(duration.count()) / 1'000.0; }

enum class Faults : std::uint8_t { none, strike };

class Simulation {
 public:
    explicit Simulation(const Plan& plan) : plan_(plan), dice_(plan.seed), world_(options(plan)) {
        world_.set_agent([this](Place, const proto::RequestId&) {
            return World::Script{.service = {}, .outcome = proto::Outcome::ok, .reply_size = plan_.reply_size};
        });
    }

    proto::Result<void> settle();
    Report request(Faults faults);
    void pause() { world_.run(seconds(2)); }
    struct State {
        std::size_t mean = 0, most = 0;
    };
    State state() const;
    const World& world() const { return world_; }
    mesh::sim::Settled shape() const { return mesh::sim::settled(world_); }

 private:
    static World::Options options(const Plan& plan);
    void say(const std::string& what) const;
    void let_die(const std::vector<Place>& spared);
    void watch_for_victim(Place entry);
    void strike(Place victim, std::string what);
    std::vector<Place> entries();
    Place an_entry(std::optional<Place> beside);
    Report report(const Client& client, Place entry) const;

    Plan plan_;
    mesh::Rng dice_;
    World world_;
    std::string victim_;
};

World::Options Simulation::options(const Plan& plan) {
    World::Options options;
    options.nodes = plan.nodes;
    options.seed = plan.seed;
    options.homes = plan.homes;
    options.trace_max = 0;
    options.check = false;
    options.start = World::Start::warm_without_seeds;
    options.network.delay_min = proto::Duration(130);  // 0.3 ms there and back inside a site, 30 to 150 ms between two
    options.network.delay_max = proto::Duration(170);
    if (plan.groups > 1) {
        options.character = [groups = plan.groups](Place place) {
            World::Character character;
            character.group = fmt::format("dc{}", place % groups + 1);
            return character;
        };
    }
    return options;
}

void Simulation::say(const std::string& what) const {
    if (plan_.progress) fmt::print(stderr, "\r\033[K{}", what);
}

proto::Result<void> Simulation::settle() {
    constexpr auto at_most = seconds(60);
    const auto until = world_.now().mono + at_most;
    auto now = shape();
    while (!now.all() && world_.now().mono < until && !world_.failed()) {
        say(fmt::format("{:.1f} s: {} of {} leaves attached, {} of {} relays linked, {} of {} groups joined",
                        milli(world_.now().mono.time_since_epoch()) / 1'000 - 1'000, now.leaves_attached, now.leaves,
                        now.relays_linked, now.relays, now.groups_joined, now.groups));
        world_.run(milliseconds(plan_.nodes < 1'000 ? 20 : 200));
        now = shape();
    }
    say("");
    if (world_.failed()) return proto::fail(proto::Errc::internal, world_.invariants().complaints().front());
    if (!now.all())
        return proto::fail(proto::Errc::expired, fmt::format("the mesh did not settle within {} s of its own time: {}",
                                                             at_most.count(), mesh::sim::text_of(now)));
    world_.run(seconds(1));  // for what is told in batches
    if (plan_.costs) world_.set_costs(mesh::sim::Costs{});
    return {};
}

// A relay, as the client of an operator finds it: of any group, or of the same as another. A gateway only where no gateway is
// to die, and where there are others.
Place Simulation::an_entry(std::optional<Place> beside) {
    for (;;) {
        const auto place = static_cast<Place>(dice_.below(world_.nodes()));
        if (!world_.running(place) || place == beside) continue;
        const auto& engine = world_.engine(place);
        if (engine.role() != mesh::Engine::Role::relay || (plan_.kill == Victim::gateway && engine.gateway())) continue;
        if (!beside || world_.record(place).group == world_.record(*beside).group) return place;
    }
}

// They tell nobody, and nobody knows yet. The entry is spared: that is --kill entry.
void Simulation::let_die(const std::vector<Place>& spared) {
    auto left = plan_.nodes * plan_.dying / 100;
    while (left > 0) {
        const auto place = static_cast<Place>(dice_.below(world_.nodes()));
        if (!world_.running(place) || std::find(spared.begin(), spared.end(), place) != spared.end()) continue;
        world_.kill(place, World::Death::host);
        --left;
    }
}

void Simulation::strike(Place victim, std::string what) {
    if (!victim_.empty()) return;
    victim_ = std::move(what);
    world_.at(proto::Duration(0), [this, victim] { world_.kill(victim); });
}

// It dies when it has just handed the request on: a relay to its leaves, the entry to the relays, a gateway to other groups.
void Simulation::watch_for_victim(Place entry) {
    victim_.clear();
    const auto on_effect = [this, entry](Place place, const mesh::Effect& effect, Place) {
        const auto* publish = std::get_if<mesh::Publish>(&effect);
        const auto* send = std::get_if<mesh::Send>(&effect);
        if (publish == nullptr && send == nullptr) return;
        const auto& frame = publish != nullptr ? publish->frame : send->frame;
        const auto type = proto::peek_type(frame);
        if (!type || *type != proto::MessageType::request) return;
        const auto message = proto::decode(frame);
        const auto* request = message ? std::get_if<proto::Request>(&*message) : nullptr;
        if (request == nullptr) return;
        const auto& engine = world_.engine(place);
        if (plan_.kill == Victim::entry && place == entry) strike(place, "entry " + world_.name(place));
        if (plan_.kill == Victim::gateway && engine.gateway() && request->scope == proto::Scope::group)
            strike(place, "gateway " + world_.name(place));
        if (plan_.kill == Victim::relay && place != entry && !engine.gateway() && request->scope == proto::Scope::deliver)
            strike(place, "relay " + world_.name(place));
    };
    world_.set_observer({.effect = on_effect, .received = {}});
}

std::vector<Place> Simulation::entries() {
    std::vector<Place> chosen{an_entry({})};
    if (plan_.kill == Victim::entry) chosen.push_back(an_entry(chosen.front()));
    return chosen;
}

Report Simulation::request(Faults faults) {
    const auto asked_of = entries();
    if (faults == Faults::strike && plan_.kill != Victim::nobody) watch_for_victim(asked_of.front());
    const auto client = world_.submit({.request = world_.make_request_id()}, asked_of);
    const auto& view = world_.clients().at(client);
    world_.run_until([&] { return view.asked_at().has_value(); }, seconds(2));  // its links are warm when it asks
    world_.reset_traffic();
    if (faults == Faults::strike) let_die(asked_of);
    const auto until = world_.now().mono + seconds(12);
    while (!view.closed() && !view.refused() && world_.now().mono < until && !world_.failed()) {
        world_.run_until([&] { return view.closed() || view.refused(); }, milliseconds(20));
        say(fmt::format("{:.0f} ms after the request: {} nodes told of", milli(world_.now().mono - *view.asked_at()),
                        view.nodes().size()));
    }
    say("");
    world_.set_observer({});
    return report(view, asked_of.front());
}

Report Simulation::report(const Client& client, Place entry) const {
    Report report;
    const auto& network = world_.network();
    for (mesh::sim::Site site = 0; site < world_.groups().size(); ++site)
        report.round_trip = std::max(report.round_trip, 2 * network.distance(network.site(entry), site));
    const auto since = [&](std::optional<proto::Instant> when) {
        return when && client.asked_at() ? *when - *client.asked_at() : proto::Duration(0);
    };
    report.last_reply = since(client.answered_at());
    report.closed = since(client.closed_at());
    report.has_closed = client.closed().has_value();
    report.expected = client.closed() ? client.closed()->expected : 0;
    report.attempts = client.attempt();
    report.victim = victim_;
    for (const auto& [node, seen] : client.nodes()) {
        if (!seen.reason) ++report.answered;
        if (seen.reason) ++report.missing[fmt::format("{} ({})", proto::name(seen.outcome), proto::name(*seen.reason))];
    }
    for (const auto& [group, one] : client.groups_missing())
        report.missing[fmt::format("{} ({})", proto::name(one.outcome), proto::name(one.reason))] += one.nodes;
    std::uint64_t messages = 0, octets = 0;
    for (Place place = 0; place < world_.nodes(); ++place) {
        const auto& traffic = world_.traffic(place);
        messages += traffic.messages_in;  // each message once
        octets += traffic.octets_in;
        if (traffic.messages() > report.load_messages) report.load_messages = traffic.messages();
        if (traffic.octets() > report.load_octets) report.load_octets = traffic.octets();
        report.load_busy = std::max(report.load_busy, std::chrono::floor<proto::Duration>(traffic.busy));
        if (!world_.running(place)) continue;
        ++report.survivors;
        const auto seen = client.nodes().find(world_.id(place));
        if (seen != client.nodes().end() && !seen->second.reason) ++report.survivors_answered;
    }
    report.messages = static_cast<double>(messages) / static_cast<double>(world_.nodes());
    report.octets = static_cast<double>(octets) / static_cast<double>(world_.nodes());
    report.connection_octets = world_.busiest_connection();
    return report;
}

// Of engines, as they estimate it themselves: of all, and of the largest.
Simulation::State Simulation::state() const {
    State sum;
    for (Place place = 0; place < world_.nodes(); ++place) {
        if (!world_.running(place)) continue;
        const auto octets = world_.engine(place).state_bytes();
        sum.mean += octets / world_.nodes();
        sum.most = std::max(sum.most, octets);
    }
    return sum;
}

// ------------------------------------------------------------------------------------------------ words

std::uint64_t peak_memory() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

double megabytes(double octets) { return octets / 1e6; }

std::string to_text(const Report& one) {
    std::string text;
    if (one.has_closed) {
        text += fmt::format("last reply {:.1f} ms, account closed {:.1f} ms: {} of {} expected nodes answered\n", milli(one.last_reply),
                            milli(one.closed), one.answered, one.expected);
    } else {
        text += fmt::format("last reply {:.1f} ms, and the account was not closed: {} nodes answered\n", milli(one.last_reply), one.answered);
    }
    if (one.round_trip.count() > 0)
        text += fmt::format("  the slowest round trip from the entry: {:.1f} ms; the last reply came {:+.1f} ms after 1.2 times that\n",
                            milli(one.round_trip), milli(one.last_reply - one.round_trip * 6 / 5));
    if (!one.victim.empty()) text += fmt::format("  killed: {}; attempts: {}\n", one.victim, one.attempts);
    text += fmt::format("  survivors that answered: {} of {} ({:.3f} %)\n", one.survivors_answered, one.survivors,
                        100.0 * static_cast<double>(one.survivors_answered) / static_cast<double>(std::max<std::size_t>(one.survivors, 1)));
    for (const auto& [reason, count] : one.missing) text += fmt::format("  missing: {} {}\n", count, reason);
    return text + fmt::format("  a node: {:.1f} messages, {:.1f} KB; the busiest: {} messages, {:.2f} MB, {:.1f} ms of its reactor; the "
                              "busiest connection: {:.2f} MB\n",
                              one.messages, one.octets / 1e3, one.load_messages, megabytes(static_cast<double>(one.load_octets)),
                              milli(one.load_busy), megabytes(static_cast<double>(one.connection_octets)));
}

// Names are ours and need no escaping.
std::string to_json(const Report& one) {
    std::string missing;
    for (const auto& [reason, count] : one.missing) missing += fmt::format("{}\"{}\":{}", missing.empty() ? "" : ",", reason, count);
    return fmt::format(
        "{{\"last_reply_ms\":{:.3f},\"round_trip_ms\":{:.3f},\"closed_ms\":{},\"expected\":{},\"answered\":{},\"survivors\":{},\"survivors_answered\":{},"
        "\"missing\":{{{}}},\"attempts\":{},\"killed\":\"{}\",\"messages_per_node\":{:.2f},\"bytes_per_node\":{:.0f},"
        "\"most_messages_of_a_node\":{},\"most_bytes_of_a_node\":{},\"most_busy_of_a_node_ms\":{:.3f},\"most_bytes_of_a_connection\":{}}}",
        milli(one.last_reply), milli(one.round_trip), one.has_closed ? fmt::format("{:.3f}", milli(one.closed)) : "null", one.expected, one.answered,
        one.survivors, one.survivors_answered, missing, one.attempts, one.victim, one.messages, one.octets, one.load_messages,
        one.load_octets, milli(one.load_busy), one.connection_octets);
}

proto::Result<Plan> read_plan(Arguments& arguments) {
    Plan plan;
    plan.nodes = arguments.number("nodes", 1'000, 3, 200'000);
    plan.groups = arguments.number("groups", 1, 1, 64);
    plan.seed = arguments.number("seed", 1, 0, std::numeric_limits<std::uint64_t>::max());
    plan.dying = arguments.number("dying", 0, 0, 90);
    plan.homes = arguments.number("homes", 2, 1, 8);
    plan.reply_size = arguments.number("reply-size", 0, 0, proto::limits::reply_size_max);
    plan.requests = arguments.number("requests", 1, 1, 10'000);
    const auto kill = arguments.choice("kill", {"nobody", "relay", "entry", "gateway"});
    plan.kill = static_cast<Victim>(kill);
    plan.costs = !arguments.flag("free");
    plan.json = arguments.flag("json");
    plan.progress = ::isatty(STDERR_FILENO) == 1;
    if (auto done = arguments.done(); !done) return tl::unexpected(done.error());
    if (plan.nodes < 3 * plan.groups) return proto::fail(proto::Errc::invalid, "each group needs three nodes");
    if (plan.nodes > plan.groups * proto::limits::roster_max)
        return proto::fail(proto::Errc::invalid, fmt::format("a group has at most {} members: give more --groups", proto::limits::roster_max));
    if (plan.kill == Victim::gateway && plan.groups < 2)
        return proto::fail(proto::Errc::invalid, "there are no gateways in one group: give --groups");
    if (plan.kill == Victim::relay && plan.nodes / plan.groups <= proto::limits::full_mesh_max)
        return proto::fail(proto::Errc::invalid, "in a full mesh no relay has leaves: give more --nodes");
    return plan;
}

}  // namespace

proto::Result<void> run_simulate(Arguments arguments) {
    const auto plan = read_plan(arguments);
    if (!plan) return tl::unexpected(plan.error());
    const auto began = std::chrono::steady_clock::now();
    Simulation simulation(*plan);
    if (auto settled = simulation.settle(); !settled) return settled;
    const auto shape = simulation.shape();
    std::vector<Report> reports;
    Sample replies;
    for (std::size_t i = 0; i < plan->requests; ++i) {
        reports.push_back(simulation.request(i == 0 ? Faults::strike : Faults::none));
        replies.add(reports.back().last_reply);
        if (i + 1 < plan->requests) simulation.pause();
    }
    if (simulation.world().failed())
        return proto::fail(proto::Errc::internal, simulation.world().invariants().complaints().front());
    const auto state = simulation.state();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;

    std::string text;
    if (plan->json) {
        text = fmt::format("{{\"name\":\"simulate\",\"version\":\"{}\",\"nodes\":{},\"groups\":{},\"seed\":{},\"dying\":{},\"homes\":{},"
                           "\"reply_size\":{},\"costs\":{},\"relays\":{},\"leaves\":{},\"requests\":[",
                           MCO_VERSION, plan->nodes, plan->groups, plan->seed, plan->dying, plan->homes, plan->reply_size, plan->costs,
                           shape.relays, shape.leaves);
        for (std::size_t i = 0; i < reports.size(); ++i) text += (i == 0 ? "" : ",") + to_json(reports[i]);
        text += fmt::format("],\"state_bytes_per_node\":{},\"state_bytes_most\":{},\"peak_memory_bytes\":{},\"run_time_s\":{:.2f}}}\n",
                            state.mean, state.most, peak_memory(), took.count());
    } else {
        text = fmt::format("{} nodes, {} groups, seed {}: {}\n", plan->nodes, plan->groups, plan->seed, mesh::sim::text_of(shape));
        for (const auto& one : reports) text += to_text(one);
        if (reports.size() > 1) {
            const auto summary = replies.summary();
            const auto ms = [](Sample::Duration one) { return static_cast<double>(one.count()) / 1e6; };
            text += fmt::format("last reply of {} requests: p50 {:.1f} ms, p99 {:.1f} ms (least {:.1f}, most {:.1f})\n", reports.size(),
                                ms(summary.p50), ms(summary.p99), ms(summary.least), ms(summary.most));
        }
        text += fmt::format("state of an engine: {:.1f} KB, the largest {:.2f} MB; this run: {:.2f} GB at its peak, {:.1f} s\n",
                            static_cast<double>(state.mean) / 1e3, megabytes(static_cast<double>(state.most)),
                            static_cast<double>(peak_memory()) / 1e9, took.count());
    }
    std::fwrite(text.data(), 1, text.size(), stdout);
    return {};
}

}  // namespace mco::bench
