#include "bench/shard.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bench/reactor.hpp"
#include "bench/usage.hpp"
#include "node/agents/built_in.hpp"
#include "node/log.hpp"
#include "node/signals.hpp"
#include "node/worker_pool.hpp"
#include "security/entropy.hpp"

namespace mco::bench {
namespace {

constexpr std::size_t sockets_max = 65'000;    // of a libzmq context
constexpr std::size_t seeds_of_group = 8;      // a gate admits 50 strangers a second, so knocks are spread
constexpr std::size_t measured_unlinked = 16;  // the first nodes, before they have any link
constexpr std::size_t jobs_of_node = 256;      // as a daemon's queue
constexpr std::size_t nodes_of_io_thread = 64;  // libzmq looks through all timers of a thread to cancel one

std::string group_of(const EmulatedFleet::Plan& plan, std::size_t number) {
    return plan.groups == 1 ? "default" : fmt::format("group{}", number % plan.groups + 1);
}

// A line is shorter than PIPE_BUF, so it is written whole.
void tell(int news, std::string line) {
    line += '\n';
    while (::write(news, line.data(), line.size()) < 0 && errno == EINTR) {}
}

class Shard {
 public:
    explicit Shard(const ShardPlan& plan)
        : plan_(plan), seeds_(plan.seeds), empty_(resident_bytes()), workers_(std::in_place, plan.fleet.workers, jobs()) {}
    ~Shard() { workers_.reset(); }  // before the nodes

    proto::Result<void> run();

 private:
    std::size_t first() const { return std::min(plan_.fleet.nodes, std::max(seeds_of(plan_.fleet), measured_unlinked + 1)); }
    std::size_t later() const {  // of this process, after the first ones
        const auto left = plan_.fleet.nodes - first(), processes = plan_.fleet.processes;
        return left / processes + (plan_.index < left % processes ? 1 : 0);
    }
    std::size_t jobs() const { return (first() + later()) * jobs_of_node; }
    proto::Result<void> open_seeds();
    EmulatedNode::Plan plan_of(std::size_t number) const;
    proto::Result<std::unique_ptr<EmulatedNode>> open(std::size_t number);
    Reactor::Expected expected(const EmulatedNode& node) const;
    void tell_figures(const Reactor::Figures& now) const;

    const ShardPlan& plan_;
    std::vector<mesh::Address> seeds_;
    std::size_t empty_;  // resident bytes before the first node
    std::size_t unlinked_ = 0;
    node::BuiltInAgents agents_;
    security::Policy policy_;
    std::optional<node::Log> log_;
    node::Signals signals_;
    std::unique_ptr<Reactor> reactor_;
    std::optional<node::WorkerPool> workers_;
};

proto::Result<void> Shard::run() {
    auto policy = security::Policy::read(plan_.estate.policies(), {});
    if (!policy) return tl::unexpected(policy.error());
    policy_ = std::move(*policy);
    auto log = node::Log::open({.level = node::LogLevel::error, .program = "mco-bench"});
    if (!log) return tl::unexpected(log.error());
    log_.emplace(std::move(*log));
    const auto io_threads = static_cast<std::uint32_t>(1 + (first() + later()) / nodes_of_io_thread);
    auto reactor = Reactor::make({.io_threads = io_threads, .sockets_max = sockets_max});
    if (!reactor) return tl::unexpected(reactor.error());
    reactor_ = std::move(*reactor);
    reactor_->expect([this](const EmulatedNode& node) { return expected(node); });
    if (seeds_.empty()) {
        if (auto opened = open_seeds(); !opened) return opened;
    }
    auto next = first() + plan_.index;
    const auto open_next = [&] { return open(std::exchange(next, next + plan_.fleet.processes)); };
    auto done = reactor_->run(later(), open_next, signals_.descriptor(),
                              [this](const Reactor::Figures& now) { tell_figures(now); });
    tell_figures(reactor_->figures());
    return done;
}

// Open, and linked to nobody before the reactor runs: what they take until then is a node's own.
proto::Result<void> Shard::open_seeds() {
    const auto count = first();
    std::vector<std::unique_ptr<EmulatedNode>> nodes;
    std::size_t before = 0;
    for (std::size_t number = 0; number < count; ++number) {
        if (number == 1) before = resident_bytes();  // the first one brings what all of them share
        auto node = open(number);
        if (!node) return tl::unexpected(node.error());
        seeds_.push_back((*node)->address());
        nodes.push_back(std::move(*node));
    }
    if (count > 1) unlinked_ = (resident_bytes() - before) / (count - 1);
    for (std::size_t i = 0; i < count; ++i) {
        if (i < seeds_of(plan_.fleet)) tell(plan_.news, fmt::format("seed {} {}", seeds_[i].endpoint, seeds_[i].key.hex()));
        reactor_->add(std::move(nodes[i]));
    }
    return {};
}

EmulatedNode::Plan Shard::plan_of(std::size_t number) const {
    const auto& fleet = plan_.fleet;
    EmulatedNode::Plan plan{.name = fmt::format("node{}", number + 1),
                            .number = number,
                            .group = group_of(fleet, number),
                            .seed = fleet.seed,
                            .filler = fleet.filler,
                            .neighbours = fleet.nodes};
    const auto in_group = number / fleet.groups, group = number % fleet.groups;
    if (fleet.relays > 0) plan.relay = in_group < fleet.relays ? proto::RelayWish::always : proto::RelayWish::never;
    // Two seeds of its own group that came before, by turns; the first nodes of a group knock at the group before.
    const auto known = std::min(in_group, seeds_of_group);
    for (std::size_t i = 0; i < std::min<std::size_t>(known, 2); ++i)
        plan.seeds.push_back(seeds_[(in_group + i) % known * fleet.groups + group]);
    if (in_group < 2 && group > 0) plan.seeds.push_back(seeds_[in_group * fleet.groups + group - 1]);
    return plan;
}

proto::Result<std::unique_ptr<EmulatedNode>> Shard::open(std::size_t number) {
    return EmulatedNode::open(plan_of(number), {.estate = plan_.estate,
                                                .policy = policy_,
                                                .agents = agents_.all(),
                                                .workers = *workers_,
                                                .log = *log_,
                                                .venue = reactor_->venue()});
}

Reactor::Expected Shard::expected(const EmulatedNode& node) const {
    const auto& fleet = plan_.fleet;
    std::size_t of_group = 0;
    for (std::size_t group = 0; group < fleet.groups; ++group) {
        if (group_of(fleet, group) == node.group())
            of_group = fleet.nodes / fleet.groups + (group < fleet.nodes % fleet.groups ? 1 : 0);
    }
    return {.members = of_group, .other_groups = fleet.groups - 1};
}

void Shard::tell_figures(const Reactor::Figures& now) const {
    const auto resident = resident_bytes();
    tell(plan_.news, to_line({.opened = now.opened,
                              .joined = now.joined,
                              .relays = now.relays,
                              .aware = now.aware,
                              .dialled = now.dialled,
                              .turns = now.turns,
                              .replies = now.replies,
                              .memory = resident - std::min(resident, empty_),
                              .unlinked = unlinked_,
                              .descriptors = open_descriptors(),
                              .processor = processor_time()}));
}

}  // namespace

std::size_t seeds_of(const EmulatedFleet::Plan& plan) { return std::min(plan.nodes, seeds_of_group * plan.groups); }

void run_shard(const ShardPlan& plan) {
    security::entropy::start();  // libzmq's dice, too, must fall otherwise than in the other shards
    Shard shard(plan);
    const auto done = shard.run();
    if (!done) {
        auto problem = done.error().detail;
        std::replace(problem.begin(), problem.end(), '\n', ' ');
        tell(plan.news, "problem " + problem);
    }
}

std::string to_line(const EmulatedFleet::Figures& it) {
    return fmt::format("figures {} {} {} {} {} {} {} {} {} {} {}", it.opened, it.joined, it.relays, it.aware, it.dialled, it.turns,
                       it.replies, it.memory, it.unlinked, it.descriptors, it.processor.count());
}

bool from_line(const std::string& line, EmulatedFleet::Figures& it) {
    std::istringstream words(line);
    std::string word;
    std::chrono::microseconds::rep processor = 0;
    words >> word >> it.opened >> it.joined >> it.relays >> it.aware >> it.dialled >> it.turns >> it.replies >> it.memory >>
        it.unlinked >> it.descriptors >> processor;
    it.processor = std::chrono::microseconds(processor);
    return word == "figures" && !words.fail();
}

}  // namespace mco::bench
