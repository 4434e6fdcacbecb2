// What must hold between any two inputs, in code; and the one line in which an engine prints itself.

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "mesh/core/engine_state.hpp"
#include "mesh/core/invariant.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

void Engine::State::check() const {
    members.check();
    ensure(std::is_sorted(relays.begin(), relays.end()), "relays are sorted");
    ensure(!relay || can_relay(self.record->body), "who cannot relay is a leaf");
    const auto primaries = std::count_if(peers.begin(), peers.end(), [](const auto& one) {
        return one.second.attached == proto::Standing::primary;
    });
    ensure(primaries <= 1, "a leaf has one primary");
    check_links();
    check_requests();
    check_timers();
}

void Engine::State::check_links() const {
    ensure(links.size() <= proto::limits::links_max, "links are bounded");
    ensure(peers.size() + 1 == members.members().size(), "every member but us is a peer");
    std::size_t of_nodes = 0;
    for (const auto& [id, peer] : peers) {
        ensure(members.find(id) != nullptr && id != members.self(), "a peer is a member, and not us");
        ensure(peer.links.size() <= 2, "at most one link a side");
        of_nodes += peer.links.size();
        std::size_t accepted_ones = 0;
        for (const LinkId link : peer.links) {
            const auto found = links.find(link);
            ensure(found != links.end() && found->second.peer == id && !found->second.caller,
                   "a peer's link is its own");
            if (found->second.side == Side::accepted) ++accepted_ones;
        }
        ensure(peer.links.size() < 2 || accepted_ones == 1, "two links to a peer are of different sides");
        const auto state = members.find(id)->state;
        ensure(peer.links.empty() || state != proto::MemberState::down, "a linked member is not down");
        ensure(!peer.links.empty() || (peer.topics.empty() && !peer.following), "without a link no subscriptions");
        ensure(!peer.links.empty() || (peer.standing == proto::Standing::none && peer.attached == proto::Standing::none),
               "without a link nobody is attached");
        ensure(std::is_sorted(peer.topics.begin(), peer.topics.end()), "topics are sorted");
        const auto key = keys.find(members.find(id)->record->body.curve_key);
        ensure(key != keys.end(), "every member's key is known");
        const bool watched = timers.contains({.kind = Timer::Kind::forget, .peer = id});
        ensure(watched == (state != proto::MemberState::up), "whoever is not up will be forgotten");
    }
    for (const auto& [key, peer] : keys) ensure(peers.contains(peer), "a key belongs to a member");
    for (const auto& [id, link] : links) {
        ensure(link.caller || timers.contains({.kind = Timer::Kind::silence, .link = id}),
               "a node's silence is noticed");
        if (!link.caller) --of_nodes;
    }
    ensure(of_nodes == 0, "every node's link is filed under its peer");
    for (const auto& [key, where] : dials) {
        ensure(key == where.key, "a dial is filed under its key");
        ensure(key != self.record->body.curve_key, "we do not dial ourselves");
    }
}

void Engine::State::check_requests() const {
    std::size_t bytes = 0, done = 0, closed = 0, busy = 0, visiting = 0;
    ensure(open.size() <= proto::limits::live_requests_max, "live requests are bounded");
    for (const auto& [id, account] : accounts) {
        account.gather.check();
        ensure(account.closed != open.contains(id), "an account is open or closed");
        ensure(!account.closed || (account.gather.closed() && abroad_closed(account)), "a closed account owes nothing");
        ensure(account.closed || !account.gather.closed() || !abroad_closed(account), "an account that owes nothing is closed");
        ensure(account.answers.size() + account.missing.size() >= account.gather.ledger().accounted(),
               "everything counted is written down");
        ensure(!account.parents.empty(), "somebody asked");
        for (const auto& parent : account.parents) {
            ensure(parent.answers_told <= account.answers.size() && parent.missing_told <= account.missing.size(),
                   "no more is told than is known");
            ensure(parent.link == 0 || links.contains(parent.link), "a caller's link is up");
        }
        for (const auto& answer : account.answers) bytes += answer.sealed.size();
        bytes += account.sealed.size();
        if (account.closed) ++closed;
        visiting += account.visited.size();
        for (const auto& leaf : account.visited) ensure(visits.contains(leaf), "who is visited is dialled");
        for (const auto& [peer, child] : account.children) {
            ensure(peers.contains(peer), "a child is a peer");
            ensure(timers.contains({.kind = Timer::Kind::patience, .request = id, .peer = peer}),
                   "patience with a child ends");
        }
        ensure(account.closed != timers.contains({.kind = Timer::Kind::deadline, .request = id}),
               "an open account has a deadline");
    }
    for (const auto& [id, duty] : duties) {
        bytes += duty.reply.size();
        ++(duty.progress == proto::Progress::done ? done : busy);
        ensure(!duty.to.empty(), "somebody asked");
    }
    ensure(visiting == std::accumulate(visits.begin(), visits.end(), std::size_t{0},
                                       [](std::size_t sum, const auto& one) { return sum + one.second; }),
           "visits are counted");
    ensure(busy == working && working <= proto::limits::live_requests_max, "duties under way are counted and bounded");
    ensure(finished.size() == done + closed, "what is finished is remembered, and only that");
    ensure(finished.size() <= proto::limits::remembered_requests_max, "memory of requests is bounded");
    ensure(bytes == held_bytes, "octets held are counted");
    for (const auto& entry : waiting) {
        const auto& accountant = entry.first;
        const auto& ids = entry.second;
        ensure(!ids.empty(), "words wait");
        for (const auto& id : ids) {
            const auto duty = duties.find(id);
            ensure(
                duty != duties.end() && std::any_of(duty->second.to.begin(), duty->second.to.end(),
                                                    [&](const Reporter& one) { return one.accountant == accountant; }),
                "a word waits for an accountant of its duty");
        }
    }
}

void Engine::State::check_timers() const {
    timers.each([&](const Timer& timer) {
        switch (timer.kind) {
            case Timer::Kind::tick:
            case Timer::Kind::recall:
                return;
            case Timer::Kind::homeless:
                return ensure(!relay, "only a leaf needs a home");
            case Timer::Kind::silence:
                return ensure(links.contains(timer.link), "a timer of silence has its link");
            case Timer::Kind::review:
            case Timer::Kind::bench:
            case Timer::Kind::forget:
                return ensure(peers.contains(timer.peer), "a timer of a peer has its peer");
            case Timer::Kind::gossip:
                return ensure(!news.empty(), "there is something to gossip about");
            case Timer::Kind::summary:
                return;
            case Timer::Kind::ack:
                return ensure(duties.contains(timer.request) || accounts.contains(timer.request),
                              "a timer of a duty has its duty");
            case Timer::Kind::i_have:
                return ensure(accounts.contains(timer.request), "there is something to have");
            case Timer::Kind::deadline:
            case Timer::Kind::flush:
            case Timer::Kind::orphans:
                return ensure(open.contains(timer.request), "a timer of an account has an open one");
            case Timer::Kind::patience:
                return ensure(open.contains(timer.request) && accounts.at(timer.request).children.contains(timer.peer),
                              "a timer of patience has its child");
            case Timer::Kind::branch:
                return ensure(open.contains(timer.request), "a timer of a branch has its account");
            case Timer::Kind::lazy:
                return ensure(lazies.contains(timer.request), "a timer of laziness has its request");
            case Timer::Kind::standby:
                return ensure(standbys.contains(timer.request), "a timer of a second gateway has its request");
            case Timer::Kind::remember:
                return ensure(!finished.empty(), "a timer of memory has something to forget");
        }
    });
    ensure(finished.empty() || timers.contains({.kind = Timer::Kind::remember}), "the finished are forgotten");
}

// What the tables hold, with a guess at what their nodes cost beside it; shared records are counted with each holder.
std::size_t Engine::State::bytes() const {
    constexpr std::size_t tree_node = 48;
    std::size_t sum = sizeof(State);
    for (const auto& [id, member] : members.members())
        sum += sizeof(id) + sizeof(member) + sizeof(Record) + member.record->sealed.size() + tree_node;
    for (const auto& [id, peer] : peers) {
        sum += sizeof(id) + sizeof(peer) + tree_node + 2 * tree_node;  // its key, too
        for (const auto& topic : peer.topics) sum += sizeof(topic) + topic.capacity();
    }
    sum += links.size() * (sizeof(LinkId) + sizeof(Link) + tree_node);
    sum += timers.size() * (2 * sizeof(Timer) + 2 * tree_node + 32);
    for (const auto& [id, account] : accounts)
        sum += sizeof(account) + account.gather.ledger().expected * (sizeof(proto::PeerId) + 16 + tree_node) +
               account.answers.size() * sizeof(proto::Answer);
    sum += duties.size() * (sizeof(Duty) + tree_node + sizeof(Reporter));
    return sum + held_bytes;
}

std::string Engine::State::describe() const {
    std::size_t up = 0, down = 0, left = 0, node_links = 0;
    for (const auto& [id, member] : members.members()) {
        switch (member.state) {
            case proto::MemberState::up:
                ++up;
                break;
            case proto::MemberState::down:
                ++down;
                break;
            case proto::MemberState::left:
                ++left;
                break;
        }
    }
    for (const auto& [id, link] : links) node_links += link.caller ? 0 : 1;
    return fmt::format(
        "{}: {} members ({} up, {} down, {} left), {} links, {} callers, {} dials, {} live requests, "
        "{} working, {} remembered, {} octets held",
        self.record->body.name, members.members().size(), up, down, left, node_links, links.size() - node_links, dials.size(),
        open.size(), working, finished.size(), held_bytes);
}

}  // namespace mco::mesh
