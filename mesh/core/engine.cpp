// The way in: each input does its work and leaves effects; time is a queue of named deadlines.

#include "mesh/core/engine.hpp"

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

}  // namespace

Engine::State::State(Self self_, Timing timing_, Rng& rng_)
    : self(std::move(self_)), timing(timing_), rng(rng_), members(self.record, self.sealed) {}

Engine::Engine(Self self, Timing timing, Rng& rng) : state_(std::make_unique<State>(std::move(self), timing, rng)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine::~Engine() = default;

void Engine::start(proto::Now now) {
    // The first tick comes at a random moment, so that nodes started together do not ping together for ever.
    const auto interval = std::chrono::duration_cast<proto::Duration>(state_->timing.ping_interval);
    const auto first = proto::Duration(1 + state_->rng.below(static_cast<std::uint64_t>(interval.count())));
    state_->timers.set({.kind = State::Timer::Kind::tick}, now.mono + first);
    for (const auto& seed : state_->self.seeds) state_->steer(now, seed.key);
}

void Engine::link_up(proto::Now now, Linked linked) { state_->link_up(now, std::move(linked)); }
void Engine::link_down(proto::Now now, LinkId link) { state_->link_down(now, link); }
void Engine::link_full(proto::Now now, LinkId link) { state_->hang_up(now, link, proto::Errc::overloaded); }

void Engine::subscribed(proto::Now, const proto::PeerId& peer, std::string_view topic) {
    state_->subscribed(peer, topic);
}

void Engine::unsubscribed(proto::Now now, const proto::PeerId& peer, std::string_view topic) {
    state_->unsubscribed(now, peer, topic);
}

void Engine::roster(proto::Now now, LinkId link, std::vector<OpenedEntry> entries) {
    state_->roster_frame(now, link, std::move(entries));
}

void Engine::frame(proto::Now now, LinkId link, proto::BytesView frame) { state_->frame(now, link, frame); }
void Engine::fanout(proto::Now now, proto::BytesView frame) { state_->fanout(now, frame); }

void Engine::performed(proto::Now now, const proto::RequestId& request, proto::Outcome outcome,
                       proto::Bytes sealed_reply) {
    state_->performed(now, request, outcome, std::move(sealed_reply));
}

void Engine::leave(proto::Now now, std::string reason) { state_->leave(now, std::move(reason)); }
void Engine::elapse(proto::Now now) { state_->elapse(now); }
std::optional<proto::Instant> Engine::next_deadline() const { return state_->timers.next(); }

void Engine::drain(std::vector<Effect>& into) {
    into.insert(into.end(), std::make_move_iterator(state_->effects.begin()),
                std::make_move_iterator(state_->effects.end()));
    state_->effects.clear();
}

void Engine::check() const { state_->check(); }
std::size_t Engine::live_requests() const { return state_->open.size(); }
std::string Engine::describe() const { return state_->describe(); }

std::vector<Engine::MemberView> Engine::members() const {
    std::vector<MemberView> views;
    for (const auto& [id, member] : state_->members.members()) {
        MemberView view{.peer = id, .name = member.record.name, .state = member.state};
        if (const auto found = state_->peers.find(id); found != state_->peers.end()) {
            view.linked = state_->linked(id);
            view.subscribed = !found->second.topics.empty();
            view.round_trip = found->second.round_trip;
        }
        views.push_back(std::move(view));
    }
    return views;
}

std::vector<std::string> Engine::topics() const {
    std::vector<std::string> topics;
    for (const auto& collective : state_->self.record.collectives) topics.push_back(request_topic(collective));
    topics.push_back(presence_topic(state_->members.self()));
    return topics;
}

std::string request_topic(std::string_view collective) { return "R" + std::string(collective) + '\0'; }
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
            return review(now, timer.peer);
        case Timer::Kind::forget:
            return forget_member(now, timer.peer);
        case Timer::Kind::ack:
            return ack_due(now, timer.request);
        case Timer::Kind::deadline:
            return deadline_passed(now, timer.request);
        case Timer::Kind::flush:
            return tell(timer.request, accounts.at(timer.request));
        case Timer::Kind::patience:
            return patience_passed(now, timer.request, timer.peer);
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
                   [&](proto::Poll& one) { on_poll(link, one); },
                   [&](proto::Status& one) { from_node([&] { on_status(now, link, one); }); },
                   [&](proto::Cancel& one) { on_cancel(now, link, one); },
                   [&](proto::Ping& one) { on_ping(now, link, one); },
                   [&](proto::Pong& one) { on_pong(now, link, one); },
                   [&](proto::Bye&) { from_node([&] { on_bye(now, link); }); },
                   // Greetings belong to the host, rosters come opened, and a refusal is only for callers.
                   [&](proto::Hello&) { misplaced(); },
                   [&](proto::HelloReply&) { misplaced(); },
                   [&](proto::HelloProof&) { misplaced(); },
                   [&](proto::Welcome&) { misplaced(); },
                   [&](proto::Refusal&) { misplaced(); },
                   [&](proto::Roster&) { misplaced(); },
                   [&](proto::Refused&) { misplaced(); },
                   [&](proto::Relays&) { misplaced(); },
                   [&](proto::Attach&) { misplaced(); },
                   [&](proto::Redirect&) { misplaced(); },
                   [&](proto::Groups&) { misplaced(); },
                   [&](proto::IHave&) { misplaced(); },
                   [&](proto::Fetch&) { misplaced(); },
                   [&](proto::Orphans&) { misplaced(); },
               },
               *message);
}

void Engine::State::fanout(proto::Now now, proto::BytesView octets) {
    auto message = proto::decode(octets);
    auto* request = message ? std::get_if<proto::Request>(&*message) : nullptr;
    if (request == nullptr || request->scope != proto::Scope::local) return notice(NoticeKind::malformed_frame, {});
    local(now, std::move(*request));
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
