#include "mesh/io/follower.hpp"

#include <zmq.h>

#include <algorithm>
#include <utility>

namespace mco::mesh::io {

using namespace std::chrono_literals;

namespace {

// libzmq counts subscriptions of one topic, so a topic must be given once.
std::vector<std::string> each_once(std::vector<std::string> topics) {
    std::sort(topics.begin(), topics.end());
    topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
    return topics;
}

}  // namespace

Follower::Follower(const Context& context, Address where, std::vector<std::string> topics,
                   const security::Identity& self, std::uint64_t jitter_seed)
    : context_(context),
      plan_{.kind = SocketKind::sub,
            .endpoint = std::move(where.endpoint),
            .server_key = where.key,
            .topics = each_once(std::move(topics))},
      self_(self),
      backoff_(250ms, 15s, jitter_seed) {}

void Follower::end(proto::Now now) {
    outbound_.reset();
    established_ = false;
    next_try_ = now.mono + backoff_.next();
}

void Follower::retopic(std::vector<std::string> topics) {
    topics = each_once(std::move(topics));
    const auto tell = [&](int option, const std::vector<std::string>& these, const std::vector<std::string>& but_not) {
        for (const auto& topic : these) {
            if (!std::binary_search(but_not.begin(), but_not.end(), topic))
                outbound_->socket().set(option, proto::as_bytes(topic));
        }
    };
    if (outbound_) {
        tell(ZMQ_SUBSCRIBE, topics, plan_.topics);
        tell(ZMQ_UNSUBSCRIBE, plan_.topics, topics);
    }
    plan_.topics = std::move(topics);
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
