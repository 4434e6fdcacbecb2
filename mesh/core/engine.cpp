// The way in: each input does its work and leaves effects; time is a queue of named deadlines.

#include "mesh/core/engine.hpp"

#include <algorithm>
#include <utility>

#include "mesh/core/engine_state.hpp"
#include "mesh/core/invariant.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

namespace {

template <typename... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;  // clang 14 does not find it by itself

std::string topic_of(const proto::Request& request) {
    if (request.scope == proto::Scope::local) return relay_topic();
    const auto sealed = proto::unpack<proto::SealedRequest>(request.sealed);
    const auto route = sealed ? proto::unpack<proto::Route>(sealed->route) : tl::unexpected(sealed.error());
    return route ? eager_topic(route->collective) : std::string();
}

}  // namespace

Engine::State::State(Self self_, Timing timing_, Rng& rng_)
    : self(std::move(self_)), timing(timing_), rng(rng_), members(self.record) {
    relay = can_relay(self.record->body);  // until somebody who knows more says otherwise
    ranking.put(self.record->body, relay);
    if (relay) relays.push_back(members.self());
    gateway = relay;
}

Engine::Engine(Self self, Timing timing, Rng& rng)
    : before_(std::exchange(self.memory, {})), state_(std::make_unique<State>(std::move(self), timing, rng)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine::~Engine() = default;

void Engine::start(proto::Now now) {
    // The first tick comes at a random moment, so that nodes started together do not ping together for ever.
    const auto interval = std::chrono::duration_cast<proto::Duration>(state_->timing.ping_interval);
    const auto first = proto::Duration(1 + state_->rng.below(static_cast<std::uint64_t>(interval.count())));
    state_->timers.set({.kind = table::Timer::Kind::tick}, now.mono + first);
    for (const auto& record : state_->self.known) {
        if (record->body.group == state_->self.record->body.group) state_->learn(now, {.record = record, .since = now.mono});
    }
    state_->recall(now, std::exchange(before_, {}));
    state_->settle_roles(now);
    for (const auto& seed : state_->self.seeds) state_->steer(now, seed.key);
    for (const auto& [peer, member] : state_->members.members()) {
        if (peer != state_->members.self()) state_->review(now, peer);
    }
    state_->settle_homes(now);
}

void Engine::link_up(proto::Now now, Linked linked) {
    state_->link_up(now, std::move(linked));
    state_->settle_roles(now);
    state_->settle_homes(now);
}
void Engine::link_down(proto::Now now, LinkId link) {
    state_->link_down(now, link);
    state_->settle_roles(now);
}
void Engine::link_full(proto::Now now, LinkId link) {
    state_->hang_up(now, link, proto::Errc::overloaded);
    state_->settle_roles(now);
}

void Engine::subscribed(proto::Now, const proto::PeerId& peer, std::string_view topic) {
    state_->subscribed(peer, topic);
}

void Engine::unsubscribed(proto::Now now, const proto::PeerId& peer, std::string_view topic) {
    state_->unsubscribed(now, peer, topic);
}

void Engine::roster(proto::Now now, LinkId link, std::vector<OpenedEntry> entries) {
    state_->roster_frame(now, link, std::move(entries));
    state_->settle_roles(now);
}

void Engine::groups(proto::Now now, LinkId link, std::vector<OpenedGroup> groups) {
    state_->groups_frame(now, link, std::move(groups));
    state_->settle_roles(now);
}

void Engine::frame(proto::Now now, LinkId link, proto::BytesView frame) {
    state_->frame(now, link, frame);
    state_->settle_roles(now);
}
void Engine::fanout(proto::Now now, const proto::CurvePublicKey& publisher, proto::BytesView frame) {
    state_->fanout(now, publisher, frame);
}

void Engine::performed(proto::Now now, const proto::RequestId& request, proto::Outcome outcome,
                       proto::Bytes sealed_reply) {
    state_->performed(now, request, outcome, std::move(sealed_reply));
}

void Engine::leave(proto::Now now, std::string reason) { state_->leave(now, std::move(reason)); }
void Engine::elapse(proto::Now now) {
    state_->elapse(now);
    state_->settle_roles(now);
}
std::optional<proto::Instant> Engine::next_deadline() const { return state_->timers.next(); }

void Engine::drain(std::vector<Effect>& into) {
    into.insert(into.end(), std::make_move_iterator(state_->effects.begin()),
                std::make_move_iterator(state_->effects.end()));
    state_->effects.clear();
}

void Engine::check() const { state_->check(); }
std::size_t Engine::live_requests() const { return state_->open.size(); }
std::string Engine::describe() const { return state_->describe(); }

SharedRecord Engine::record(const proto::PeerId& peer) const {
    const auto* member = state_->members.find(peer);
    return member == nullptr ? nullptr : member->record;
}

std::vector<Engine::MemberView> Engine::members() const {
    std::vector<MemberView> views;
    for (const auto& [id, member] : state_->members.members()) {
        if (!state_->members.ours(member)) continue;
        MemberView view{.peer = id, .name = member.record->body.name, .state = member.state};
        const bool relaying = id == state_->members.self() ? state_->relay : state_->is_relay(id);
        view.role = relaying ? Role::relay : Role::leaf;
        if (const auto found = state_->peers.find(id); found != state_->peers.end()) {
            view.linked = state_->linked(id);
            view.subscribed = !found->second.topics.empty();
            view.round_trip = found->second.round_trip;
        }
        views.push_back(std::move(view));
    }
    return views;
}

std::vector<Engine::LinkView> Engine::links(proto::Now now) const {
    std::vector<LinkView> views;
    for (const auto& [id, peer] : state_->peers) {
        const auto link = state_->preferred(id);
        if (!link) continue;
        const auto& body = state_->members.find(id)->record->body;
        const auto& one = state_->links.at(*link);
        views.push_back({.peer = id,
                         .name = body.name,
                         .group = body.group,
                         .software = body.software,
                         .role = state_->is_relay(id) || !state_->ours(id) ? Role::relay : Role::leaf,
                         .performs = body.performs,
                         .side = one.side,
                         .standing = state_->relay ? peer.standing : peer.attached,
                         .round_trip = peer.round_trip,
                         .up_for = now.mono - one.since,
                         .silent_for = now.mono - peer.heard,
                         .flaps = peer.flaps});
    }
    std::sort(views.begin(), views.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return views;
}

std::vector<Engine::GroupView> Engine::other_groups() const {
    std::vector<GroupView> views;
    for (const auto& [name, group] : state_->others) {
        GroupView view{.group = name};
        for (const auto& one : group.collectives) view.members = std::max(view.members, one.members);
        for (const auto& record : group.gateways) view.linked = view.linked || state_->linked(record->body.peer);
        views.push_back(std::move(view));
    }
    return views;
}

std::optional<Engine::RequestView> Engine::request(const proto::RequestId& request) const {
    RequestView view;
    const auto duty = state_->duties.find(request);
    if (duty != state_->duties.end()) view.published = duty->second.published;
    if (const auto account = state_->accounts.find(request); account != state_->accounts.end()) {
        const auto& first = account->second.parents.front();
        view.caller = first.caller;
        if (!first.caller) view.from = first.peer;
        // The standby was given a copy, but was not asked.
        for (const auto& [group, branch] : account->second.branches)
            view.asked.insert(view.asked.end(), branch.tried.begin(), branch.tried.end());
        return view;
    }
    if (duty == state_->duties.end() || duty->second.to.empty()) return std::nullopt;
    view.from = duty->second.to.front().accountant;
    return view;
}

Engine::Role Engine::role() const { return state_->relay ? Role::relay : Role::leaf; }
Engine::Memory Engine::memory(proto::Now now) const { return state_->memory(now); }
bool Engine::gateway() const { return state_->gateway; }
std::size_t Engine::state_bytes() const { return state_->bytes(); }

bool Engine::joined() const {
    if (state_->relay && state_->self.seeds.empty()) return true;
    return std::any_of(state_->peers.begin(), state_->peers.end(), [&](const auto& one) {
        return state_->relay ? !one.second.links.empty() : one.second.attached != proto::Standing::none;
    });
}

std::string relay_topic() { return "R"; }
std::string eager_topic(std::string_view collective) { return "E" + std::string(collective) + '\0'; }
std::string lazy_topic(std::string_view collective) { return "L" + std::string(collective) + '\0'; }
std::string presence_topic(const proto::PeerId& peer) { return "~" + std::string(proto::as_text(peer.bytes())); }

// ------------------------------------------------------------------------------------------------ time

// What a timer starts is due later than now, but for a patience of zero: such a timer gets its turn at the next call.
void Engine::State::elapse(proto::Now now) {
    for (std::size_t turns = timers.size(); turns > 0; --turns) {
        const auto due = timers.take_due(now.mono);
        if (!due) return;
        expire(now, *due);
    }
}

void Engine::State::expire(proto::Now now, const Timer& timer) {
    switch (timer.kind) {
        case Timer::Kind::tick:
            return tick(now);
        case Timer::Kind::silence:
            return silence_passed(now, timer.link);
        case Timer::Kind::review:
            review(now, timer.peer);
            return settle_homes(now);
        case Timer::Kind::bench:
            return bench_passed(now, timer.peer);
        case Timer::Kind::recall:
            return recall_passed(now);
        case Timer::Kind::homeless:
            return homeless_passed(now);
        case Timer::Kind::forget:
            return forget_member(now, timer.peer);
        case Timer::Kind::gossip: {
            const std::vector<proto::PeerId> fresh(news.begin(), news.end());
            news.clear();
            return spread(now, fresh, {});
        }
        case Timer::Kind::summary:
            return tell_groups(now);
        case Timer::Kind::ack:
            return ack_due(now, timer.request);
        case Timer::Kind::deadline:
            return deadline_passed(now, timer.request);
        case Timer::Kind::flush:
            return tell_all(timer.request, accounts.at(timer.request));
        case Timer::Kind::patience:
            return patience_passed(now, timer.request, timer.peer);
        case Timer::Kind::branch:
            return branch_patience(now, timer.request, timer.peer);
        case Timer::Kind::i_have:
            return i_have_due(now, timer.request);
        case Timer::Kind::orphans:
            return orphans_passed(now, timer.request);
        case Timer::Kind::lazy:
            return lazy_passed(now, timer.request);
        case Timer::Kind::standby:
            return standby_due(now, timer.request);
        case Timer::Kind::remember:
            return forget_finished(now);
    }
}

// ------------------------------------------------------------------------------------------------ frames

void Engine::State::frame(proto::Now now, LinkId link, proto::BytesView octets) {
    const auto found = links.find(link);
    if (found == links.end()) return;
    auto message = proto::decode(octets);
    if (!message) return notice(NoticeKind::malformed_frame, found->second.peer);
    heard_from(now, found->second);
    const bool caller = found->second.caller;
    const auto misplaced = [&] { notice(NoticeKind::malformed_frame, found->second.peer); };
    const auto from_node = [&](auto&& act) { return caller ? misplaced() : act(); };
    std::visit(Overloaded{
                   [&](proto::Request& one) { on_request(now, link, std::move(one)); },
                   [&](proto::Ack& one) { from_node([&] { on_ack(now, link, one); }); },
                   [&](proto::Up& one) { from_node([&] { on_up(now, link, std::move(one)); }); },
                   [&](proto::Poll& one) { on_poll(now, link, one); },
                   [&](proto::Status& one) { from_node([&] { on_status(now, link, one); }); },
                   [&](proto::Cancel& one) { on_cancel(now, link, one); },
                   [&](proto::Ping& one) { on_ping(now, link, one); },
                   [&](proto::Pong& one) { on_pong(now, link, one); },
                   [&](proto::Bye&) { from_node([&] { on_bye(now, link); }); },
                   // Greetings belong to the host, rosters and groups come opened, and a refusal is only for callers.
                   [&](proto::Hello&) { misplaced(); },
                   [&](proto::HelloReply&) { misplaced(); },
                   [&](proto::HelloProof&) { misplaced(); },
                   [&](proto::Welcome&) { misplaced(); },
                   [&](proto::Refusal&) { misplaced(); },
                   [&](proto::Roster&) { misplaced(); },
                   [&](proto::Refused&) { misplaced(); },
                   [&](proto::Relays& one) { from_node([&] { on_relays(now, link, std::move(one)); }); },
                   [&](proto::Attach& one) { from_node([&] { on_attach(now, link, one); }); },
                   [&](proto::Redirect& one) { from_node([&] { on_redirect(now, link, one); }); },
                   [&](proto::Groups&) { misplaced(); },
                   [&](proto::IHave& one) { from_node([&] { on_i_have(now, links.at(link).peer, one); }); },
                   [&](proto::Fetch& one) { from_node([&] { on_fetch(now, link, one); }); },
                   [&](proto::Lane&) { misplaced(); },
                   [&](proto::Revocations&) { misplaced(); },
                   [&](proto::Credit& one) { on_credit(link, one); },
                   [&](proto::Orphans& one) { from_node([&] { on_orphans(now, link, one); }); },
               },
               *message);
}

void Engine::State::fanout(proto::Now now, const proto::CurvePublicKey& publisher, proto::BytesView octets) {
    const auto owner = keys.find(publisher);
    auto message = proto::decode(octets);
    if (owner == keys.end() || !message || !peers.at(owner->second).following)
        return notice(NoticeKind::malformed_frame, owner == keys.end() ? proto::PeerId{} : owner->second);
    const proto::PeerId from = owner->second;
    if (const auto* have = std::get_if<proto::IHave>(&*message)) return on_i_have(now, from, *have);
    auto* request = std::get_if<proto::Request>(&*message);
    if (request == nullptr || (request->scope != proto::Scope::local && request->scope != proto::Scope::deliver) ||
        request->accountant != from)
        return notice(NoticeKind::malformed_frame, from);
    // Where only one topic is subscribed to, its sequence tells of losses; with several, those of each.
    const bool lost = request->sequence != 0 && gap(from, topic_of(*request), request->sequence);
    from_above(now, std::move(*request));
    const auto link = preferred(from);
    if (lost && link) send(*link, proto::Fetch{});
}

void Engine::State::leave(proto::Now now, std::string reason) {
    leaving = true;
    const std::vector<proto::RequestId> ours(open.begin(), open.end());
    for (const auto& id : ours) cancel_account(now, id);
    const auto bye = proto::encode(proto::Bye{std::move(reason)});
    for (const auto& [id, link] : links) {
        if (!link.caller && !link.ending) effects.push_back(Send{id, bye});
    }
}

void Engine::State::send(LinkId link, const proto::Message& message) {
    effects.push_back(Send{link, proto::encode(message)});
}

void Engine::State::notice(NoticeKind kind, const proto::PeerId& about, const proto::RequestId& request) {
    effects.push_back(Notice{kind, about, request});
}

}  // namespace mco::mesh
