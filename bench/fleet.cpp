#include "bench/fleet.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "bench/shard.hpp"
#include "bench/usage.hpp"

namespace mco::bench {
namespace {

using proto::Errc;
using proto::fail;

// What 100 and 300 nodes took, and some more.
constexpr std::size_t bytes_per_node = 1'400 * 1'024;
constexpr std::size_t descriptors_per_node = 44, descriptors_beside = 512;
constexpr std::size_t nodes_of_process = 2'000;  // libzmq has 65,535 sockets for a context
constexpr std::size_t client_entries = 4;

}  // namespace

proto::Result<EmulatedFleet::Plan> EmulatedFleet::fit(Plan plan) {
    const auto bytes = plan.nodes * bytes_per_node, there = available_bytes();
    if (bytes > there)
        return fail(Errc::overloaded, fmt::format("{} nodes need about {} MiB of memory, and {} MiB are free\nThere is room for {}.", plan.nodes, bytes >> 20,
                                                  there >> 20, there / bytes_per_node));
    const auto all = plan.nodes * descriptors_per_node + descriptors_beside;
    if (const auto free = available_descriptors(); all > free)
        return fail(Errc::overloaded, fmt::format("{} nodes need {} file descriptors, and this machine has {} left\nAs root: sysctl fs.file-max={}", plan.nodes, all,
                                                  free, all * 2));
    if (plan.processes == 0 && !raise_descriptors(all)) {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        raise_descriptors(limit.rlim_max);
        if (limit.rlim_max <= descriptors_beside + descriptors_per_node) return tl::unexpected(raise_descriptors(all).error());
        const auto each = (limit.rlim_max - descriptors_beside) / descriptors_per_node;
        plan.processes = (plan.nodes + each - 1) / each;
    }
    plan.processes = std::clamp(plan.processes, (plan.nodes + nodes_of_process - 1) / nodes_of_process, plan.nodes);
    const auto each = (plan.nodes + plan.processes - 1) / plan.processes;
    if (auto raised = raise_descriptors(each * descriptors_per_node + descriptors_beside); !raised) {
        raised.error().detail += "\nOr leave out --processes.";
        return tl::unexpected(raised.error());
    }
    if (const auto space = address_space_bytes(); each * bytes_per_node > space)
        return fail(Errc::overloaded,
                    fmt::format("{} nodes in {} processes need about {} MiB in each, and a process may have {} MiB of address space\nIn this shell: ulimit -v unlimited",
                                plan.nodes, plan.processes, each * bytes_per_node >> 20, space >> 20));
    return plan;
}

proto::Result<std::unique_ptr<EmulatedFleet>> EmulatedFleet::start(const Plan& plan) {
    std::unique_ptr<EmulatedFleet> fleet(new EmulatedFleet(plan));
    auto estate = Estate::make(plan.folder);
    if (!estate) return tl::unexpected(estate.error());
    fleet->estate_ = std::move(*estate);
    fleet->shards_.reserve(plan.processes);
    if (auto launched = fleet->launch(0); !launched) return tl::unexpected(launched.error());
    if (auto read = fleet->read_seeds(); !read) return tl::unexpected(read.error());
    for (std::size_t i = 1; i < plan.processes; ++i) {
        if (auto launched = fleet->launch(i); !launched) return tl::unexpected(launched.error());
    }
    const auto entries = std::min(client_entries, fleet->seeds_.size());
    auto written = fleet->estate_->write_client(
        {fleet->seeds_.begin(), fleet->seeds_.begin() + static_cast<std::ptrdiff_t>(entries)});
    if (!written) return tl::unexpected(written.error());
    return fleet;
}

proto::Result<void> EmulatedFleet::launch(std::size_t index) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail(Errc::overloaded, fmt::format("no pipe: {}", std::generic_category().message(errno)));
    node::Descriptor reads(ends[0]), writes(ends[1]);
    const ShardPlan shard{.fleet = plan_, .estate = *estate_, .seeds = seeds_, .index = index, .news = writes.get()};
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return fail(Errc::overloaded, fmt::format("no process: {}", std::generic_category().message(errno)));
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // an interrupted benchmark leaves nobody behind
        if (::getppid() == parent) run_shard(shard);
        ::_exit(0);
    }
    Shard launched;
    launched.pid = pid;
    launched.news = std::move(reads);
    shards_.push_back(std::move(launched));
    return {};
}

proto::Result<void> EmulatedFleet::read_seeds() {
    while (seeds_.size() < seeds_of(plan_)) {
        auto& first = shards_.front();
        if (!read(first)) return fail(Errc::internal, end_of(first));
    }
    return {};
}

bool EmulatedFleet::read(Shard& shard) {
    std::array<char, 4'096> part;
    const auto size = ::read(shard.news.get(), part.data(), part.size());
    if (size < 0 && errno == EINTR) return true;
    if (size <= 0) {
        shard.ended = true;
        return false;
    }
    shard.unread.append(part.data(), static_cast<std::size_t>(size));
    for (auto end = shard.unread.find('\n'); end != std::string::npos; end = shard.unread.find('\n')) {
        take_line(shard, shard.unread.substr(0, end));
        shard.unread.erase(0, end + 1);
    }
    return true;
}

void EmulatedFleet::take_line(Shard& shard, const std::string& line) {
    std::istringstream words(line);
    std::string word, endpoint, key;
    words >> word;
    if (word == "seed" && words >> endpoint >> key) {
        seeds_.push_back({endpoint, proto::CurvePublicKey::from_hex(key).value()});
    } else if (word == "problem") {
        shard.problem = line.substr(word.size() + 1);
    } else {
        from_line(line, shard.figures);
    }
}

proto::Result<void> EmulatedFleet::wait(int descriptor, std::chrono::milliseconds longest) {
    std::vector<pollfd> polled{{descriptor, POLLIN, 0}};
    for (const auto& shard : shards_) polled.push_back({shard.news.get(), POLLIN, 0});
    if (::poll(polled.data(), polled.size(), static_cast<int>(longest.count())) < 0) return {};
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        auto& shard = shards_[i];
        if (polled[i + 1].revents != 0 && !read(shard)) return fail(Errc::internal, end_of(shard));
    }
    return {};
}

// What a process said before it ended, or else how it ended.
std::string EmulatedFleet::end_of(Shard& shard) {
    const auto pid = std::exchange(shard.pid, 0);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (!shard.problem.empty()) return shard.problem;
    if (!WIFSIGNALED(status)) return fmt::format("process {} of the fleet ended with status {}", pid, WEXITSTATUS(status));
    return fmt::format("process {} of the fleet was killed by signal {} ({}){}", pid, WTERMSIG(status), ::strsignal(WTERMSIG(status)),
                       WTERMSIG(status) == SIGKILL ? "\nIf you did not, the kernel may have, for want of memory: dmesg. Try fewer nodes." : "");
}

EmulatedFleet::Figures EmulatedFleet::figures() const {
    Figures sum;
    for (const auto& [pid, news, unread, one, problem, ended] : shards_) {
        sum.opened += one.opened;
        sum.joined += one.joined;
        sum.relays += one.relays;
        sum.aware += one.aware;
        sum.dialled += one.dialled;
        sum.turns += one.turns;
        sum.replies += one.replies;
        sum.memory += one.memory;
        sum.unlinked += one.unlinked;
        sum.descriptors += one.descriptors;
        sum.processor += one.processor;
    }
    return sum;
}

bool EmulatedFleet::whole() const {
    const auto now = figures();
    return now.joined == plan_.nodes && now.relays > 0 && now.aware == now.relays;
}

void EmulatedFleet::stop() {
    for (const auto& shard : shards_) {
        if (shard.pid > 0) ::kill(shard.pid, SIGTERM);
    }
    for (auto& shard : shards_) {
        while (!shard.ended && read(shard)) {}
        if (shard.pid > 0) ::waitpid(std::exchange(shard.pid, 0), nullptr, 0);
    }
}

EmulatedFleet::~EmulatedFleet() { stop(); }

}  // namespace mco::bench
