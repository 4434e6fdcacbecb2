#include "bench/reactor.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace mco::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t greeting_max = 32;
constexpr std::uint64_t of_venue = ~0ULL, of_stop = ~0ULL - 1;
constexpr proto::Duration look_while_starting = 250ms, look_later = 5s;

}  // namespace

proto::Result<std::unique_ptr<Reactor>> Reactor::make(mesh::io::Venue::Options options) {
    auto venue = mesh::io::Venue::open(options);
    if (!venue) return tl::unexpected(venue.error());
    node::Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll)
        return proto::fail(proto::Errc::overloaded,
                           fmt::format("no more file descriptors: {}", std::generic_category().message(errno)));
    std::unique_ptr<Reactor> reactor(new Reactor(std::move(*venue), std::move(epoll)));
    reactor->watch(reactor->venue_->descriptor(), of_venue);
    return reactor;
}

Reactor::Reactor(std::unique_ptr<mesh::io::Venue> venue, node::Descriptor epoll)
    : venue_(std::move(venue)), epoll_(std::move(epoll)) {}

Reactor::~Reactor() = default;

void Reactor::watch(int descriptor, std::uint64_t of) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = of;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) std::abort();
}

void Reactor::add(std::unique_ptr<EmulatedNode> node) {
    const auto index = tenants_.size();
    watch(node->host().descriptor(), index);
    tenants_.push_back({.node = std::move(node), .deadline = std::nullopt});
    mark(index);
    ++figures_.opened;
}

void Reactor::mark(std::size_t index) {
    if (std::exchange(tenants_[index].due, true)) return;
    due_.push_back(index);
}

void Reactor::give_turn(std::size_t index) {
    auto& tenant = tenants_[index];
    auto& node = *tenant.node;
    tenant.due = false;
    const auto replies = node.replies();
    if (node.turn()) mark(index);
    ++figures_.turns;
    figures_.replies += node.replies() - replies;
    if (!tenant.joined && node.host().ready()) {
        tenant.joined = true;
        ++figures_.joined;
    }
    const auto next = node.next_deadline();
    if (next == tenant.deadline) return;
    if (tenant.deadline) deadlines_.erase({*tenant.deadline, index});
    if (next) deadlines_.emplace(*next, index);
    tenant.deadline = next;
}

bool Reactor::wait(Patience patience) {
    // Turns use the desk, too, and what a descriptor would have told is told once.
    while (venue_->service(mesh::io::Host::sample_clocks())) {}
    const auto now = mesh::io::Host::sample_clocks().mono;
    proto::Instant until = look_at_;
    if (!deadlines_.empty()) until = std::min(until, deadlines_.begin()->first);
    if (const auto next = venue_->next_deadline()) until = std::min(until, *next);
    const auto left = std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(until - now).count());
    std::array<epoll_event, 512> events;
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), events.size(),
                     due_.empty() && patience == Patience::some ? static_cast<int>(left) : 0);
    for (int i = 0; i < count; ++i) {
        const auto of = events[static_cast<std::size_t>(i)].data.u64;
        if (of == of_stop) return false;
        if (of != of_venue) mark(of);
    }
    const auto then = mesh::io::Host::sample_clocks().mono;
    for (auto at = deadlines_.begin(); at != deadlines_.end() && at->first <= then; ++at) mark(at->second);
    return true;
}

bool Reactor::look_around(proto::Instant now) {
    if (now < look_at_) return false;
    std::size_t relays = 0, aware = 0, dialled = 0;
    for (const auto& tenant : tenants_) {
        const auto& engine = tenant.node->host().engine();
        dialled += tenant.node->host().connections();
        if (engine.role() != mesh::Engine::Role::relay) continue;
        ++relays;
        const auto expected = expected_(*tenant.node);
        const auto members = engine.members();
        const auto up = std::count_if(members.begin(), members.end(),
                                      [](const auto& member) { return member.state == proto::MemberState::up; });
        if (static_cast<std::size_t>(up) == expected.members && engine.other_groups().size() == expected.other_groups) ++aware;
    }
    figures_.dialled = dialled;
    figures_.aware = aware;
    figures_.relays = relays;
    const bool complete = figures_.joined == tenants_.size() && aware == relays;
    look_at_ = now + (complete ? look_later : look_while_starting);
    return true;
}

proto::Result<void> Reactor::run(std::size_t to_open, const Next& open, int stop,
                                 const std::function<void(const Figures&)>& tell) {
    watch(stop, of_stop);
    for (;;) {
        const bool opens = to_open > 0 && figures_.opened - figures_.joined < greeting_max;
        if (opens) {
            auto node = open();
            if (!node) return tl::unexpected(node.error());
            add(std::move(*node));
            --to_open;
        }
        // Those that are marked meanwhile have their turn after the others were heard.
        for (auto left = due_.size(); left > 0; --left) {
            const auto index = due_.front();
            due_.pop_front();
            give_turn(index);
        }
        if (look_around(mesh::io::Host::sample_clocks().mono)) tell(figures_);
        if (!wait(opens ? Patience::none : Patience::some)) return {};
    }
}

}  // namespace mco::bench
