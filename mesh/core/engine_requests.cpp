// The accountant: opens an account for a caller's request, hands it out, waits as long as each silence deserves, and closes.

#include <algorithm>
#include <utility>

#include "mesh/core/engine_state.hpp"
#include "mesh/core/invariant.hpp"
#include "mesh/core/milliseconds.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

using proto::Errc;
using proto::Outcome;
using proto::Reason;

namespace {

// Fan-out topics that carry a number; requests of further collectives go on the links.
constexpr std::size_t published_topics_max = 1024;

}  // namespace

// ------------------------------------------------------------------------------------------------ opening

void Engine::State::on_request(proto::Now now, LinkId link, proto::Request request) {
    const bool caller = links.at(link).caller;
    switch (request.scope) {
        case proto::Scope::inject:
            if (caller) return inject(now, link, std::move(request));
            break;
        case proto::Scope::local:
            if (!caller) return local(now, std::move(request));
            break;
        case proto::Scope::deliver:
        case proto::Scope::group:
        case proto::Scope::standby:
            break;
    }
    notice(NoticeKind::malformed_frame, links.at(link).peer);
}

void Engine::State::refuse(LinkId link, const proto::RequestId& id, Errc code, std::string reason) {
    send(link, proto::Refused{id, code, std::move(reason)});
}

void Engine::State::inject(proto::Now now, LinkId link, proto::Request request) {
    const proto::PeerId caller = links.at(link).peer;
    const auto sealed = proto::unpack<proto::SealedRequest>(request.sealed);
    const auto route = sealed ? proto::unpack<proto::Route>(sealed->route) : tl::unexpected(sealed.error());
    if (!route) return notice(NoticeKind::malformed_frame, caller);
    const proto::RequestId id = route->request;
    if (const auto known = accounts.find(id); known != accounts.end()) {
        if (known->second.caller != caller)
            return refuse(link, id, Errc::denied, "another caller made a request with this id");
        return reattach(link, id, request.attempt);
    }
    if (leaving) return refuse(link, id, Errc::unreachable, "this node is leaving the mesh");
    make_room(request.sealed.size());
    if (open.size() >= proto::limits::live_requests_max ||
        held_bytes + request.sealed.size() > proto::limits::cached_reply_bytes_max) {
        notice(NoticeKind::refused_overload, caller, id);
        return refuse(link, id, Errc::overloaded, "this node has as many requests under way as it can account for");
    }
    open_account(now, link, std::move(request), *route);
}

// The same request again: a client that lost its link, or its patience. What is known is told once more from the beginning.
void Engine::State::reattach(LinkId link, const proto::RequestId& id, std::uint8_t attempt) {
    auto& account = accounts.at(id);
    if (attempt < account.attempt || (attempt == account.attempt && links.contains(account.client)))
        return notice(NoticeKind::duplicate_request, account.caller, id);
    notice(NoticeKind::reparented, account.caller, id);
    account.client = link;
    account.attempt = attempt;
    account.sequence = 0;
    account.answers_told = account.missing_told = 0;
    account.closing_told = false;
    send(link, proto::Ack{id, attempt, account.gather.ledger().expected});
    tell(id, account);
}

void Engine::State::open_account(proto::Now now, LinkId link, proto::Request request, const proto::Route& route) {
    std::vector<proto::PeerId> expected;
    for (const auto& [peer, member] : members.members()) {
        const auto& collectives = member.record.collectives;
        if (member.state != proto::MemberState::left &&
            std::find(collectives.begin(), collectives.end(), route.collective) != collectives.end())
            expected.push_back(peer);
    }
    const auto id = route.request;
    auto& account = accounts.try_emplace(id, std::span<const proto::PeerId>(expected)).first->second;
    account.caller = links.at(link).peer;
    account.client = link;
    account.attempt = request.attempt;
    account.sealed = std::move(request.sealed);
    held_bytes += account.sealed.size();
    open.insert(id);
    // The client counts down from when it first asked, so a spare does not begin anew.
    const auto stated = request.left_ms == 0 ? route.timeout_ms : std::min(request.left_ms, route.timeout_ms);
    const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(proto::limits::request_timeout_max);
    account.deadline = now.mono + std::min(std::chrono::milliseconds(stated), most);
    send(link, proto::Ack{id, account.attempt, account.gather.ledger().expected});
    if (account.gather.closed()) return close_account(now, id, account);
    timers.set({.kind = Timer::Kind::deadline, .request = id}, account.deadline);
    hand_out(now, id, account, route.collective, expected);
}

void Engine::State::hand_out(proto::Now now, const proto::RequestId& id, Account& account,
                             const std::string& collective, const std::vector<proto::PeerId>& expected) {
    const std::string topic = request_topic(collective);
    const bool room = published.contains(topic) || published.size() < published_topics_max;
    bool publish = false, ourselves = false;
    std::vector<proto::PeerId> down;
    std::optional<proto::Bytes> copy;  // for all links the same
    for (const auto& member : expected) {
        if (member == members.self()) {
            ourselves = true;
            continue;
        }
        const auto link = preferred(member);
        if (!link && members.find(member)->state == proto::MemberState::down) {
            down.push_back(member);
            continue;
        }
        auto& child = account.children[member];
        arm(now, id, member, timing.ack_patience);
        if (!link) continue;
        child.phase = Child::Phase::asked;
        const auto& topics = peers.at(member).topics;
        if (room && std::binary_search(topics.begin(), topics.end(), topic)) {
            publish = true;
            continue;
        }
        if (!copy) copy = local_request(now, account, 0);
        effects.push_back(Send{*link, *copy});
    }
    if (publish) effects.push_back(Publish{topic, local_request(now, account, ++published[topic])});
    const auto attempt = account.attempt;
    const auto sealed = ourselves ? account.sealed : proto::Bytes();
    for (const auto& member : down) missed(now, id, name_missing(now, member, Outcome::unreachable, Reason::down));
    if (ourselves) take_on(now, id, members.self(), attempt, sealed);
}

proto::Bytes Engine::State::local_request(proto::Now now, const Account& account, std::uint32_t sequence) const {
    proto::Request request;
    request.scope = proto::Scope::local;
    request.attempt = account.attempt;
    request.accountant = members.self();
    request.left_ms = milliseconds(account.deadline - now.mono);
    request.sequence = sequence;
    request.sealed = account.sealed;
    return proto::encode(request);
}

// ------------------------------------------------------------------------------------------------ patience

void Engine::State::arm(proto::Now now, const proto::RequestId& id, const proto::PeerId& member,
                        proto::Duration patience) {
    timers.set({.kind = Timer::Kind::patience, .request = id, .peer = member}, now.mono + patience);
}

void Engine::State::ask_again(proto::Now now, const proto::RequestId& id, Account& account,
                              const proto::PeerId& member) {
    const auto link = preferred(member);
    if (!link) return;
    account.children.at(member).phase = Child::Phase::asked_again;
    notice(NoticeKind::resent, member, id);
    effects.push_back(Send{*link, local_request(now, account, 0)});
    arm(now, id, member, timing.resend_patience);
}

void Engine::State::patience_passed(proto::Now now, const proto::RequestId& id, const proto::PeerId& member) {
    auto& account = accounts.at(id);
    switch (account.children.at(member).phase) {
        case Child::Phase::unlinked:
            return missed(now, id, name_missing(now, member, Outcome::unreachable, Reason::no_link));
        case Child::Phase::asked:
            if (linked(member)) return ask_again(now, id, account, member);
            // Its link is being closed by us at this moment; its end will say the rest.
            return arm(now, id, member, timing.resend_patience);
        case Child::Phase::asked_again:
            return missed(now, id, name_missing(now, member, missing_as(account, member), Reason::no_ack));
        case Child::Phase::working:
            return poll(now, id, account, member);
    }
}

void Engine::State::poll(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& member) {
    auto& child = account.children.at(member);
    // Whoever says anything lives: a long answer to somebody else may stand before ours.
    const bool lives = !child.polled || peers.at(member).heard > child.polled_at;
    child.unanswered = lives ? 0 : child.unanswered + 1;
    if (child.unanswered >= timing.polls_unanswered_max)
        return missed(now, id, name_missing(now, member, missing_as(account, member), Reason::silent));
    child.polled = true;
    child.polled_at = now.mono;
    if (const auto link = preferred(member)) send(*link, proto::Poll{id, account.attempt});
    arm(now, id, member, timing.poll_interval);
}

proto::Outcome Engine::State::missing_as(const Account& account, const proto::PeerId& member) {
    return account.gather.has_accepted(member) ? Outcome::lost : Outcome::unreachable;
}

// ------------------------------------------------------------------------------------------------ what members say

Engine::State::Account* Engine::State::owed_by(const proto::RequestId& id, const proto::PeerId& member) {
    const auto found = accounts.find(id);
    return found != accounts.end() && found->second.gather.expects(member) ? &found->second : nullptr;
}

void Engine::State::on_ack(proto::Now now, LinkId link, const proto::Ack& ack) {
    const proto::PeerId member = links.at(link).peer;
    if (owed_by(ack.request, member) == nullptr) return not_owed(ack.request, member);
    accepted(now, ack.request, member);
}

void Engine::State::accepted(proto::Now now, const proto::RequestId& id, const proto::PeerId& member) {
    auto& account = accounts.at(id);
    account.gather.accepted(member);
    const auto child = account.children.find(member);
    if (child == account.children.end() || child->second.phase == Child::Phase::working) return;
    child->second = {.phase = Child::Phase::working};
    arm(now, id, member, timing.poll_interval);
}

// A word about a request that is settled for this member, or was never ours.
void Engine::State::not_owed(const proto::RequestId& id, const proto::PeerId& member) {
    notice(accounts.contains(id) ? NoticeKind::late_reply : NoticeKind::unknown_request, member, id);
}

void Engine::State::on_up(proto::Now now, LinkId link, proto::Up up) {
    const proto::PeerId member = links.at(link).peer;
    const bool one_answer = up.answers.size() == 1 && up.missing.empty();
    const bool one_missing = up.missing.size() == 1 && up.answers.empty();
    // Everybody reports himself only, and a member cannot be missing to itself, but overloaded.
    const bool sound = one_answer
                           ? up.answers[0].node == member && is_answer(up.answers[0].outcome)
                           : one_missing && up.missing[0].node == member && up.missing[0].reason == Reason::overloaded;
    if (!sound) return notice(NoticeKind::malformed_frame, member, up.request);
    if (owed_by(up.request, member) == nullptr) return not_owed(up.request, member);
    if (one_answer) return answered(now, up.request, std::move(up.answers[0]));
    missed(now, up.request, name_missing(now, member, Outcome::unreachable, Reason::overloaded));
}

void Engine::State::on_status(proto::Now now, LinkId link, const proto::Status& status) {
    const proto::PeerId member = links.at(link).peer;
    auto* account = owed_by(status.request, member);
    if (account == nullptr) return not_owed(status.request, member);
    const auto found = account->children.find(member);
    if (found == account->children.end() || !found->second.polled)
        return notice(NoticeKind::unknown_request, member, status.request);
    auto& child = found->second;
    switch (status.progress) {
        case proto::Progress::unknown:
            // Only once a poll, so that nobody can make us send a large request again and again.
            child = {.phase = Child::Phase::asked};
            return ask_again(now, status.request, *account, member);
        case proto::Progress::working:
        case proto::Progress::done:  // its answer follows
            child.unanswered = 0;
            return;
    }
}

void Engine::State::member_linked(proto::Now now, const proto::PeerId& member) {
    const auto link = preferred(member);
    if (!link) return;
    for (const auto& id : open) {
        auto& account = accounts.at(id);
        const auto child = account.children.find(member);
        if (child == account.children.end() || child->second.phase != Child::Phase::unlinked) continue;
        child->second.phase = Child::Phase::asked;
        effects.push_back(Send{*link, local_request(now, account, 0)});
        arm(now, id, member, timing.ack_patience);
    }
}

void Engine::State::member_unlinked(proto::Now now, const proto::PeerId& member) {
    const std::vector<proto::RequestId> live(open.begin(), open.end());
    for (const auto& id : live) {
        const auto& account = accounts.at(id);
        if (account.gather.expects(member))
            missed(now, id, name_missing(now, member, missing_as(account, member), Reason::link_lost));
    }
}

// ------------------------------------------------------------------------------------------------ the end

void Engine::State::deadline_passed(proto::Now now, const proto::RequestId& id) {
    const auto& account = accounts.at(id);
    for (const auto& member : account.gather.owed()) {
        const bool working_on_it = account.gather.has_accepted(member);
        const auto child = account.children.find(member);
        const bool asked = child != account.children.end() && child->second.phase != Child::Phase::unlinked;
        missed(now, id,
               name_missing(now, member, working_on_it ? Outcome::expired : Outcome::unreachable,
                            working_on_it ? Reason::timeout
                            : asked       ? Reason::no_ack
                                          : Reason::no_link));
    }
}

void Engine::State::on_cancel(proto::Now now, LinkId link, const proto::Cancel& cancel) {
    const Link& from = links.at(link);
    if (!from.caller) {
        if (!withdraw(cancel.request, from.peer)) notice(NoticeKind::unknown_request, from.peer, cancel.request);
        return;
    }
    const auto found = accounts.find(cancel.request);
    if (found == accounts.end() || found->second.caller != from.peer)
        return notice(NoticeKind::unknown_request, from.peer, cancel.request);
    if (open.contains(cancel.request)) cancel_account(now, cancel.request);
}

void Engine::State::cancel_account(proto::Now now, const proto::RequestId& id) {
    withdraw(id, members.self());
    const auto owed = accounts.at(id).gather.owed();
    for (const auto& member : owed) {
        const auto link = preferred(member);
        if (link) send(*link, proto::Cancel{id});
    }
    for (const auto& member : owed) answered(now, id, {.node = member, .outcome = Outcome::cancelled, .sealed = {}});
}

void Engine::State::client_gone(LinkId link) {
    for (const auto& id : open) {
        auto& account = accounts.at(id);
        if (account.client != link) continue;
        account.client = 0;
        timers.cancel({.kind = Timer::Kind::flush, .request = id});
    }
}

}  // namespace mco::mesh
