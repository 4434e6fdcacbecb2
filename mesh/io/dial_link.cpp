#include "mesh/io/dial_link.hpp"

#include <zmq.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "mesh/io/backoff.hpp"
#include "mesh/io/lanes.hpp"
#include "mesh/io/outbound.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"

namespace mco::mesh::io {

using proto::Errc;
using proto::Error;

namespace {

// A peer's words go to terminals and logs.
std::string printable(std::string text) {
    for (char& c : text) {
        if (c < ' ' || c > '~') c = '?';
    }
    return text;
}

}  // namespace

struct DialLink::Impl {
    enum class State : std::uint8_t { waiting, dialling, hello, up, gone };

    Impl(Context& context_, Outbound::Plan plan_, const security::Identity& self_, security::TrustStore& trust_,
         proto::Bytes record_, Retry retry_, std::uint64_t seed)
        : context(context_),
          plan(std::move(plan_)),
          self(self_),
          trust(trust_),
          record(std::move(record_)),
          retry(retry_),
          backoff(retry_.first, retry_.most, seed) {}

    void begin(proto::Now now);
    void end(proto::Now now, Error why, std::vector<Event>& into);
    void start_hello(proto::Now now, std::vector<Event>& into);
    void read(proto::Now now, std::size_t frames_max, std::vector<Event>& into);
    void read_lanes(proto::Now now, std::size_t frames_max, std::vector<Event>& into);
    void on_message(proto::Now now, Received received, std::vector<Event>& into);
    void on_frame(proto::Now now, proto::Bytes frame, std::vector<Event>& into);
    void pass_on(proto::Now now, bool in_order, std::vector<proto::Bytes> due, std::vector<Event>& into);
    Sent send(proto::BytesView frame);
    void on_hello(proto::Now now, const proto::Bytes& frame, std::vector<Event>& into);
    std::string silence() const;
    bool attempting() const { return state == State::dialling || state == State::hello; }

    Context& context;
    Outbound::Plan plan;
    const security::Identity& self;
    security::TrustStore& trust;
    proto::Bytes record;
    Retry retry;
    Backoff backoff;

    State state = State::waiting;
    proto::Instant next_try = proto::Instant::min();  // of waiting: the first call of service() dials
    proto::Instant deadline{};                        // of dialling and hello
    std::optional<Outbound> outbound;
    std::optional<DialledLanes> lanes;
    LaneOrder order;
    std::optional<security::HelloDialler> hello;
    std::chrono::milliseconds linger_most{0};
    std::uint64_t attempts = 0;
    Error last_failure{Errc::internal, ""};
};

void DialLink::Impl::begin(proto::Now now) {
    ++attempts;
    deadline = now.mono + retry.handshake_max;
    state = State::dialling;
    auto dialled = Outbound::dial(context, plan, self.keys.curve);
    if (dialled) {
        outbound.emplace(std::move(*dialled));
    } else {
        last_failure = dialled.error();
    }
}

void DialLink::Impl::end(proto::Now now, Error why, std::vector<Event>& into) {
    const bool was_up = state == State::up;
    hello.reset();
    lanes.reset();
    outbound.reset();
    order = {};
    last_failure = why;
    if (was_up) {
        backoff.reset();
        into.push_back({Event::Kind::down, {}, why});
    }
    if (retry.keep_trying) {
        state = State::waiting;
        next_try = now.mono + backoff.next();
    } else {
        state = State::gone;
        into.push_back({Event::Kind::gone, {}, std::move(why)});
    }
}

void DialLink::Impl::start_hello(proto::Now now, std::vector<Event>& into) {
    hello.emplace(self, trust, plan.server_key, record);
    state = State::hello;
    const auto first = hello->start();
    if (outbound->socket().send({first}) != Sent::ok)
        end(now, {Errc::unreachable, fmt::format("{} closed the connection", plan.endpoint)}, into);
}

void DialLink::Impl::on_hello(proto::Now now, const proto::Bytes& frame, std::vector<Event>& into) {
    auto step = hello->receive(frame, now.wall);
    if (!step) {
        end(now, {step.error().code, fmt::format("{}: {}", plan.endpoint, step.error().detail)}, into);
        return;
    }
    if (step->send && outbound->socket().send({*step->send}) != Sent::ok) {
        end(now, {Errc::unreachable, fmt::format("{} closed the connection", plan.endpoint)}, into);
        return;
    }
    if (step->done) {
        state = State::up;
        into.push_back({Event::Kind::up, {}, {}});
    }
}

void DialLink::Impl::on_frame(proto::Now now, proto::Bytes frame, std::vector<Event>& into) {
    if (state == State::hello) {
        on_hello(now, frame, into);
        return;
    }
    const auto& peer = hello->peer();
    if (now.wall > peer.not_after + proto::limits::clock_skew_max || trust.revoked(peer)) {
        end(now,
            {Errc::expired, fmt::format("{}: the certificate of {} is not valid any more", plan.endpoint, peer.name)},
            into);
        return;
    }
    const auto type = proto::peek_type(frame);
    if (type && *type == proto::MessageType::refusal) {
        const auto message = proto::decode(frame);
        const auto* refusal = message ? std::get_if<proto::Refusal>(&*message) : nullptr;
        if (refusal == nullptr) {
            end(now, {Errc::malformed, fmt::format("{} sent a refusal that cannot be read", plan.endpoint)}, into);
        } else {
            end(now, {refusal->code, fmt::format("{} closed the link: {}", plan.endpoint, printable(refusal->reason))},
                into);
        }
        return;
    }
    std::vector<proto::Bytes> due;
    const bool in_order = order.take_plain(std::move(frame), due);
    pass_on(now, in_order, std::move(due), into);
}

void DialLink::Impl::pass_on(proto::Now now, bool in_order, std::vector<proto::Bytes> due, std::vector<Event>& into) {
    for (auto& frame : due) into.push_back({Event::Kind::frame, std::move(frame), {}});
    if (!in_order) end(now, {Errc::malformed, fmt::format("{} sent messages out of order", plan.endpoint)}, into);
}

void DialLink::Impl::on_message(proto::Now now, Received received, std::vector<Event>& into) {
    if (received.frames.size() == 1 && !received.too_many) return on_frame(now, std::move(received.frames[0]), into);
    const auto number = received.too_many || !lanes ? std::nullopt : read_number(received.frames[0]);
    if (!number) {
        end(now, {Errc::malformed, fmt::format("{} sent a message of several frames", plan.endpoint)}, into);
        return;
    }
    std::vector<proto::Bytes> due;
    const bool in_order = order.take(*number, std::move(received.frames[1]), due);
    pass_on(now, in_order, std::move(due), into);
}

void DialLink::Impl::read_lanes(proto::Now now, std::size_t frames_max, std::vector<Event>& into) {
    std::vector<DialledLanes::Numbered> messages;
    auto served = lanes->service(frames_max, messages);
    std::vector<proto::Bytes> due;
    bool in_order = true;
    for (auto& one : messages) in_order = in_order && order.take(one.number, std::move(one.frame), due);
    pass_on(now, in_order, std::move(due), into);
    if (!served && outbound) end(now, served.error(), into);
}

// Round and round, from the moment there is more than one connection.
Sent DialLink::Impl::send(proto::BytesView frame) {
    const auto number = order.next();
    if (!lanes || lanes->ready() == 0) return outbound->socket().send({frame});
    const auto lane = number % (1 + lanes->ready());
    return lane == 0 ? outbound->socket().send({number_frame(number), frame}) : lanes->send(lane, number, frame);
}

void DialLink::Impl::read(proto::Now now, std::size_t frames_max, std::vector<Event>& into) {
    const bool failed = outbound->observe() == Outbound::State::failed;
    for (std::size_t i = 0; i < frames_max && outbound; ++i) {
        auto received = outbound->socket().receive(2);
        if (!received) {
            // Only now: what came before the connection died has been read.
            if (failed) end(now, outbound->failure(), into);
            return;
        }
        on_message(now, std::move(*received), into);
    }
}

// What it means that the deadline has come, by how far the attempt got.
std::string DialLink::Impl::silence() const {
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(retry.handshake_max).count();
    if (state == State::hello) {
        return fmt::format(
            "{} did not answer our HELLO within {} ms\nIt is frozen, or it does not know the authority that signed the "
            "certificate of {}: see its log.",
            plan.endpoint, limit, self.name);
    }
    if (outbound->state() == Outbound::State::connecting)
        return fmt::format("cannot reach {}: nobody answered within {} ms", plan.endpoint, limit);
    return fmt::format("{} did not finish the handshake within {} ms: it is busy or frozen", plan.endpoint, limit);
}

DialLink::DialLink(Context& context, std::string endpoint, const proto::CurvePublicKey& server_key,
                   const security::Identity& self, security::TrustStore& trust, proto::Bytes record, Retry retry,
                   std::uint64_t jitter_seed)
    : impl_(std::make_unique<Impl>(context,
                                   Outbound::Plan{.kind = SocketKind::dealer,
                                                  .endpoint = std::move(endpoint),
                                                  .server_key = server_key,
                                                  .topics = {},
                                                  .handshake_max = retry.handshake_max},
                                   self, trust, std::move(record), retry, jitter_seed)) {}

DialLink::~DialLink() {
    if (impl_->outbound) impl_->outbound->socket().linger(impl_->linger_most);
}

void DialLink::append_handles(std::vector<void*>& into) const {
    if (impl_->outbound) impl_->outbound->append_handles(into);
    if (impl_->lanes) impl_->lanes->append_handles(into);
}

bool DialLink::drained() {
    return (!impl_->outbound || impl_->outbound->drained()) && (!impl_->lanes || impl_->lanes->drained());
}

void DialLink::service(proto::Now now, std::size_t frames_max, std::vector<Event>& into) {
    using State = Impl::State;
    auto& link = *impl_;
    if (link.state == State::waiting && now.mono >= link.next_try) link.begin(now);
    if (link.attempting() && !link.outbound) {
        link.end(now, link.last_failure, into);
        return;
    }
    if (link.state == State::dialling && link.outbound->observe() == Outbound::State::established)
        link.start_hello(now, into);
    if (link.outbound) link.read(now, frames_max, into);
    if (link.lanes) link.read_lanes(now, frames_max, into);
    if (link.attempting() && now.mono >= link.deadline) { link.end(now, {Errc::unreachable, link.silence()}, into); }
}

std::optional<proto::Instant> DialLink::next_deadline() const {
    switch (impl_->state) {
        case Impl::State::waiting:
            return impl_->next_try;
        case Impl::State::dialling:
        case Impl::State::hello:
            return impl_->deadline;
        case Impl::State::up:
        case Impl::State::gone:
            return std::nullopt;
    }
    return std::nullopt;
}

bool DialLink::up() const { return impl_->state == Impl::State::up; }

bool DialLink::send(proto::BytesView frame) {
    return impl_->state == Impl::State::up && impl_->send(frame) == Sent::ok;
}

void DialLink::widen(std::uint64_t link) {
    auto& it = *impl_;
    if (it.state != Impl::State::up || it.lanes) return;
    if (it.outbound->socket().send({proto::encode(proto::Lane{link, 0})}) != Sent::ok) return;
    it.lanes.emplace(it.context, it.plan, it.self.keys.curve, link);
}

std::size_t DialLink::connections() const {
    return impl_->state != Impl::State::up ? 0 : 1 + (impl_->lanes ? impl_->lanes->ready() : 0);
}

void DialLink::hang_up(proto::Now now, Error why) {
    if (impl_->state == Impl::State::gone || impl_->state == Impl::State::waiting) return;
    std::vector<Event> unsaid;
    impl_->end(now, std::move(why), unsaid);
}

void DialLink::linger(std::chrono::milliseconds most) { impl_->linger_most = most; }

const security::Principal& DialLink::peer() const {
    if (!impl_->hello) std::abort();
    return impl_->hello->peer();
}

const proto::Bytes& DialLink::peer_record() const {
    if (!impl_->hello) std::abort();
    return impl_->hello->peer_record();
}

std::uint64_t DialLink::peer_revocations() const {
    if (!impl_->hello) std::abort();
    return impl_->hello->peer_revocations();
}

const std::string& DialLink::endpoint() const { return impl_->plan.endpoint; }
const proto::CurvePublicKey& DialLink::server_key() const { return impl_->plan.server_key; }
const Error& DialLink::last_failure() const { return impl_->last_failure; }
std::uint64_t DialLink::attempts() const { return impl_->attempts; }

}  // namespace mco::mesh::io
