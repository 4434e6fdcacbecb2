#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mesh/core/effect.hpp"
#include "mesh/io/backoff.hpp"
#include "mesh/io/outbound.hpp"
#include "security/hello.hpp"

// Private to mesh/io.
namespace mco::mesh::io {

// A SUB kept connected to one peer's XPUB, subscribed to exactly the topics last given. One socket a publisher, though libzmq would let one serve them all: its monitor
// then speaks of one peer only, whatever name was dialled, and a refused handshake costs a new socket, never a silent one.
class Follower {
 public:
    // References must outlive the follower.
    Follower(const Context& context, Address where, std::vector<std::string> topics, const security::Identity& self,
             std::uint64_t jitter_seed);

    // Exactly these topics from now on: changed on the living connection, new ones before old ones go, and kept for the
    // next one.
    void retopic(std::vector<std::string> topics);

    // Complete messages: topic and frame. Others are counted in `misshapen`.
    void service(proto::Now now, std::size_t messages_max, std::vector<proto::Bytes>& into, std::uint64_t& misshapen);
    void hurry(proto::Now now);  // the peer is known to be there: do not wait out the back-off
    std::optional<proto::Instant> next_deadline() const;
    void append_handles(std::vector<void*>& into) const;
    bool established() const { return established_; }
    bool drained() { return !outbound_ || outbound_->drained(); }  // as of a socket

 private:
    void end(proto::Now now);

    const Context& context_;
    Outbound::Plan plan_;
    const security::Identity& self_;
    Backoff backoff_;
    std::optional<Outbound> outbound_;
    bool established_ = false;
    proto::Instant next_try_ = proto::Instant::min();  // without a socket
    proto::Instant deadline_{};                        // with a socket that is not established
};

}  // namespace mco::mesh::io
