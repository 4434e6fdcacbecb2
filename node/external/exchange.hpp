#pragma once

#include <string>
#include <string_view>

#include "node/agent.hpp"
#include "node/call.hpp"
#include "proto/error.hpp"
#include "proto/value.hpp"

// What this daemon and an external agent say to each other: JSON, in files or in lines.
namespace mco::node::external {

inline constexpr std::string_view rpc_protocol = "io.choria.mcorpc.external.v1.rpc_request";
inline constexpr std::string_view activation_protocol = "io.choria.mcorpc.external.v1.activation_request";

std::string rpc_request(const Call& call);
std::string activation_request(std::string_view agent);

// {"statuscode": 0 to 5, "statusmsg": text, "data": object}; all may be left out, but it must be an object. Errors are half
// a sentence: "is not JSON: ...".
proto::Result<ActionReply> read_reply(const proto::Value& answer);
proto::Result<ActionReply> parse_reply(std::string_view json);
bool wants_activation(std::string_view json);  // {"activate": true}; anything else is no

}  // namespace mco::node::external
