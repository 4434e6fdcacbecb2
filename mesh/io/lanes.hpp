#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "mesh/io/outbound.hpp"
#include "proto/bytes.hpp"
#include "proto/error.hpp"
#include "proto/limits.hpp"

// Private to mesh/io: one link over several connections (proto/messages.hpp, Lane). An idle TCP connection lets some 14 KiB
// be under way before the other end has spoken, and twice as much in each round trip after that: over a distance the number
// of connections decides whether the answers of a site come in one round trip or in four.
namespace mco::mesh::io {

// The number of a message as it travels: 8 octets, big endian.
proto::Bytes number_frame(std::uint64_t number);
std::optional<std::uint64_t> read_number(proto::BytesView frame);

// Puts the messages of one direction into the order in which they were sent. Messages without a number came over the first
// connection before there were others.
class LaneOrder {
 public:
    std::uint64_t next() { return sent_++; }
    // Appends to `into` what is due now. False: a number that was there already, or more waits than lanes_held_max octets; the
    // link has to end.
    bool take(std::uint64_t number, proto::Bytes frame, std::vector<proto::Bytes>& into);
    bool take_plain(proto::Bytes frame, std::vector<proto::Bytes>& into) { return take(plain_++, std::move(frame), into); }

 private:
    std::uint64_t sent_ = 0, due_ = 0, plain_ = 0;
    std::map<std::uint64_t, proto::Bytes> held_;
    std::size_t held_octets_ = 0;
};

// The further connections of a dialled link. One that cannot be made is left out; one that ends after it was used ends the
// link. One thread.
class DialledLanes {
 public:
    // `link` names the link, at random.
    DialledLanes(const Context& context, const Outbound::Plan& plan, const security::CurvePair& own, std::uint64_t link);

    struct Numbered {
        std::uint64_t number = 0;
        proto::Bytes frame;
    };
    // Reads what there is. An error ends the link.
    proto::Result<void> service(std::size_t frames_max, std::vector<Numbered>& into);
    void append_handles(std::vector<void*>& into) const;
    bool drained();  // as of a socket

    // The connections to be used beside the first one: message n goes over number n modulo (1 + ready()), 0 being the first.
    std::size_t ready() const { return ready_.size(); }
    Sent send(std::size_t lane, std::uint64_t number, proto::BytesView frame) {  // lane: 1 to ready()
        return ready_.at(lane - 1)->outbound.socket().send({number_frame(number), frame});
    }

 private:
    struct Lane {
        std::uint8_t number = 0;
        Outbound outbound;
        bool joined = false;  // we said to which link it belongs
        bool ready = false;   // and the acceptor repeated it
    };
    std::uint64_t link_;
    std::list<Lane> lanes_;
    std::vector<Lane*> ready_;  // in the order in which they became so
};

}  // namespace mco::mesh::io
