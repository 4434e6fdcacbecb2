#include "mesh/core/roster.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "mesh/core/digest.hpp"
#include "mesh/core/invariant.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

Roster::Roster(SharedRecord self) : self_(self->body.peer), group_(self->body.group), of_group_(1) {
    Member member{.record = std::move(self), .met = true};
    digest_ = digest_of(self_, member);
    members_.emplace(self_, std::move(member));
}

Roster::Learned Roster::learn(proto::Now now, Word word) {
    using State = proto::MemberState;
    const proto::PeerId peer = word.record->body.peer;
    const auto version = [](const SharedRecord& record) {
        return std::tuple(record->body.incarnation, record->body.sequence);
    };
    Member* known = entry(peer);
    if (peer == self_) return version(word.record) > version(known->record) ? Learned::stale : Learned::nothing;
    if (known == nullptr) {
        if (members_.size() >= proto::limits::roster_max) return Learned::full;
        Member member{std::move(word.record), word.state, word.since, now.mono, word.first_hand};
        digest_ += digest_of(peer, member);
        if (ours(member)) ++of_group_;
        if (member.state == State::down) down_.insert(peer);
        members_.emplace(peer, std::move(member));
        return Learned::joined;
    }
    if (version(word.record) < version(known->record)) return Learned::stale;

    const bool restarted = word.record->body.incarnation > known->record->body.incarnation;
    const bool renewed = version(word.record) > version(known->record);
    digest_ -= digest_of(peer, *known);
    if (renewed) {
        of_group_ -= ours(*known) ? 1 : 0;
        known->record = std::move(word.record);
        known->changed = now.mono;
        of_group_ += ours(*known) ? 1 : 0;
    }
    Learned learned = restarted ? Learned::restarted : renewed ? Learned::renewed : Learned::nothing;
    if (restarted) {
        known->met = word.first_hand;
        set_state(now, *known, word.state, word.since);
    } else if (word.first_hand) {
        known->met = true;
        set_state(now, *known, State::up, now.mono);
    } else if (word.linked) {
        // Our own link says more.
    } else if (word.state == State::left) {
        if (set_state(now, *known, State::left, word.since)) learned = Learned::left;
    } else if (known->state != State::left && (word.wanted ? !known->met : word.since > known->since)) {
        set_state(now, *known, word.state, word.since);
    }
    digest_ += digest_of(peer, *known);
    return learned;
}

bool Roster::mark_up(proto::Now now, const proto::PeerId& peer) {
    Member* member = entry(peer);
    if (member == nullptr) return false;
    digest_ -= digest_of(peer, *member);
    member->met = true;
    const bool changed = set_state(now, *member, proto::MemberState::up, now.mono);
    digest_ += digest_of(peer, *member);
    return changed;
}

void Roster::seen_now(proto::Now now, const proto::PeerId& peer) {
    Member* member = entry(peer);
    if (member != nullptr && member->state == proto::MemberState::up) member->since = member->changed = now.mono;
}

bool Roster::mark_down(proto::Now now, const proto::PeerId& peer) {
    Member* member = entry(peer);
    if (member == nullptr || member->state == proto::MemberState::left) return false;
    return set_state(now, *member, proto::MemberState::down, now.mono);
}

bool Roster::mark_left(proto::Now now, const proto::PeerId& peer) {
    Member* member = entry(peer);
    if (member == nullptr) return false;
    digest_ -= digest_of(peer, *member);
    const bool changed = set_state(now, *member, proto::MemberState::left, now.mono);
    digest_ += digest_of(peer, *member);
    return changed;
}

void Roster::forget(const proto::PeerId& peer) {
    const auto found = members_.find(peer);
    if (found == members_.end() || peer == self_) return;
    digest_ -= digest_of(peer, found->second);
    of_group_ -= ours(found->second) ? 1 : 0;
    down_.erase(peer);
    members_.erase(found);
}

const Roster::Member* Roster::find(const proto::PeerId& peer) const {
    const auto found = members_.find(peer);
    return found == members_.end() ? nullptr : &found->second;
}

Roster::Member* Roster::entry(const proto::PeerId& peer) {
    const auto found = members_.find(peer);
    return found == members_.end() ? nullptr : &found->second;
}

bool Roster::set_state(proto::Now now, Member& member, proto::MemberState state, proto::Instant since) {
    if (member.state == state) return false;
    member.state = state;
    member.changed = now.mono;
    const auto& peer = member.record->body.peer;
    state == proto::MemberState::down ? void(down_.insert(peer)) : void(down_.erase(peer));
    member.since = since;
    return true;
}

std::uint64_t Roster::digest(const std::vector<proto::PeerId>& judged_by_each) const {
    std::uint64_t digest = digest_;
    for (const auto& peer : down_) {
        if (!ours(members_.at(peer)) || std::binary_search(judged_by_each.begin(), judged_by_each.end(), peer)) continue;
        digest += mix(mesh::digest_of(peer), 2);
    }
    return digest;
}

// Summed over the members, so the order does not matter and one change costs one step.
std::uint64_t Roster::digest_of(const proto::PeerId& peer, const Member& member) const {
    if (!ours(member)) return 0;
    std::uint64_t hash = mesh::digest_of(peer);
    hash = mix(hash, member.record->body.incarnation);
    hash = mix(hash, member.record->body.sequence);
    return mix(hash, member.state == proto::MemberState::left ? 1 : 0);
}

void Roster::check() const {
    std::uint64_t sum = 0;
    std::size_t count = 0;
    for (const auto& [peer, member] : members_) {
        ensure(peer == member.record->body.peer, "a member is filed under its own id");
        sum += digest_of(peer, member);
        count += ours(member) ? 1 : 0;
        ensure(down_.contains(peer) == (member.state == proto::MemberState::down), "who is down is filed");
    }
    ensure(count == of_group_, "the members of the group are counted");
    ensure(sum == digest_, "the roster's digest is the sum over its members");
    ensure(members_.contains(self_), "we are in our own roster");
    ensure(members_.at(self_).state == proto::MemberState::up || members_.at(self_).state == proto::MemberState::left,
           "we are not down to ourselves");
    ensure(members_.size() <= proto::limits::roster_max, "the roster is bounded");
}

}  // namespace mco::mesh
