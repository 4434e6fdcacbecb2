#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/error.hpp"
#include "proto/ids.hpp"
#include "proto/time.hpp"

namespace mco::client {

// A relay or daemon that we may attach to, as configured.
struct Entry {
    std::string endpoint;         // "ipc:///run/mco/mcod.sock", "tcp://192.0.2.7:21000"
    proto::CurvePublicKey key{};  // which CURVE expects there
    friend bool operator==(const Entry&, const Entry&) = default;
};

// Authenticated links to entries and the waiting for them. Two implementations: sockets, and a mesh made of paper for
// tests, which is why time comes from here too. One thread.
class Links {
 public:
    using LinkId = std::size_t;
    struct Event {
        enum class Kind : std::uint8_t { up, frame, lost, interrupted };
        Kind kind = Kind::frame;
        LinkId link = 0;
        proto::Bytes frame;  // of `frame`
        proto::Error why;    // of `lost`: what a person should read. A lost link is not tried again
    };

    virtual ~Links() = default;
    virtual LinkId dial(const Entry& entry) = 0;                 // up or lost will be told
    virtual void hang_up(LinkId link) = 0;                       // no more events of it
    virtual bool send(LinkId link, proto::BytesView frame) = 0;  // false: not up, or its queue is full
    virtual std::string peer_name(LinkId link) const = 0;        // while up: the name in its certificate
    virtual proto::Now now() = 0;
    // Returns when something happened, and at `until` at the latest. `interrupted`: the operator pressed Ctrl-C.
    virtual void wait(proto::Instant until, std::vector<Event>& into) = 0;
};

}  // namespace mco::client
