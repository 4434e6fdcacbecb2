#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/messages.hpp"
#include "security/hello.hpp"

namespace mco::test {

// What a proxy whose keys are valid, and stolen, does with what passes through it.
enum class Trick : std::uint8_t {
    none,             // passes on what it is given, and tells what came of it: the other tricks are held against it
    alter_request,    // one bit, in the body, in the route, in the signature
    redirect_request,  // for another collective, or with the answers to the thief
    widen_request,    // without its filter; and as it is, to nodes that it does not mean
    repeat_request,   // again and again, and together with every later one
    order_itself,     // a request of its own, signed with its own key
    drop_request,     // the last node never sees it, and is counted as ok
    hide_node,        // the last node never sees it, and is not counted
    deny_match,       // the last node never sees it, and is counted as not matched
    drop_reply,       // that of the last node
    alter_reply,
    swap_replies,     // each under another node's name
    stale_replies,    // those to the request before
    double_replies,
    forge_replies,    // made with its own keys, and without octets
};
std::optional<Trick> trick_of(std::string_view word);

// What is sent to a node instead of `sealed`, in this order. `before`: what the caller had asked for earlier.
std::vector<proto::Bytes> requests_for(Trick trick, proto::BytesView sealed, const std::vector<proto::Bytes>& before,
                                       const security::Identity& self);

// What is told to the caller instead of `answers`; `before` are those to his request before.
std::vector<proto::Answer> answers_for(Trick trick, proto::BytesView sealed, std::vector<proto::Answer> answers,
                                       const std::vector<proto::Answer>& before, const security::Identity& self);

}  // namespace mco::test
