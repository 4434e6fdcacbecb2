#include "mesh/io/follower.hpp"

#include <utility>

namespace mco::mesh::io {

using namespace std::chrono_literals;

Follower::Follower(const Context& context, Address where, std::vector<std::string> topics,
                   const security::Identity& self, std::uint64_t jitter_seed)
    : context_(context),
      plan_{.kind = SocketKind::sub,
            .endpoint = std::move(where.endpoint),
            .server_key = where.key,
            .topics = std::move(topics)},
      self_(self),
      backoff_(250ms, 15s, jitter_seed) {}

void Follower::end(proto::Now now) {
    outbound_.reset();
    established_ = false;
    next_try_ = now.mono + backoff_.next();
}

void Follower::hurry(proto::Now now) {
    backoff_.reset();
    if (!outbound_) next_try_ = now.mono;
}

void Follower::service(proto::Now now, std::size_t messages_max, std::vector<proto::Bytes>& into,
                       std::uint64_t& misshapen) {
    if (!outbound_) {
        if (now.mono < next_try_) return;
        deadline_ = now.mono + plan_.handshake_max;
        auto dialled = Outbound::dial(context_, plan_, self_.keys.curve);
        if (!dialled) {
            next_try_ = now.mono + backoff_.next();
            return;
        }
        outbound_.emplace(std::move(*dialled));
    }
    const auto state = outbound_->observe();
    if (state == Outbound::State::established && !established_) {
        established_ = true;
        backoff_.reset();
    }
    for (std::size_t i = 0; i < messages_max; ++i) {
        auto received = outbound_->socket().receive(2);
        if (!received) {
            if (state == Outbound::State::failed || (!established_ && now.mono >= deadline_)) end(now);
            return;
        }
        if (received->too_many || received->frames.size() != 2) {
            ++misshapen;
        } else {
            into.push_back(std::move(received->frames[1]));
        }
    }
}

std::optional<proto::Instant> Follower::next_deadline() const {
    if (!outbound_) return next_try_;
    return established_ ? std::nullopt : std::optional(deadline_);
}

void Follower::append_handles(std::vector<void*>& into) const {
    if (outbound_) outbound_->append_handles(into);
}

}  // namespace mco::mesh::io
