#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/error.hpp"
#include "proto/ids.hpp"
#include "proto/messages.hpp"

namespace mco::mesh {

// A connection that passed HELLO, named by the host. Never re-used within a process.
using LinkId = std::uint64_t;

enum class Side : std::uint8_t { dialled, accepted };
// Where a peer's sockets are; the key is what CURVE expects there.
struct Address {
    std::string endpoint;
    proto::CurvePublicKey key{};
    friend auto operator<=>(const Address&, const Address&) = default;
};

// What the host is to do. Effects are performed in order.
struct Send { LinkId to; proto::Bytes frame; };
struct Publish { std::string topic; proto::Bytes frame; };              // once, to all confirmed subscribers of the topic
struct Dial { Address where; };                                         // keep a link there until told otherwise: retry for ever
struct Undial { Address where; };                                       // close it, stop trying
struct Follow { Address where; std::vector<std::string> topics; };      // keep our SUB connected to that XPUB; again: other topics
struct Unfollow { Address where; };
struct Hangup { LinkId link; proto::Errc why; };                        // the engine has already forgotten it
struct Perform { proto::RequestId request; proto::Bytes sealed; };      // this node is meant; answered by performed(), once
struct Withdraw { proto::RequestId request; };                          // cancelled: need not be started any more

// For logs, metrics and assertions; never needed for the engine to work.
enum class NoticeKind : std::uint8_t {
    member_joined, member_down, member_left, member_up, late_reply, duplicate_request, unknown_request, malformed_frame,
    refused_overload, reparented, resent, table_full, stale_record, link_replaced,
    became_relay, became_leaf, attached, redirected, fetched, orphaned, adopted, visited, group_changed,
    last = group_changed,  // hosts count each kind
};
struct Notice { NoticeKind kind; proto::PeerId about; proto::RequestId request; };

using Effect = std::variant<Send, Publish, Dial, Undial, Follow, Unfollow, Hangup, Perform, Withdraw, Notice>;

}  // namespace mco::mesh
