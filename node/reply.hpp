#pragma once

#include "node/admission.hpp"
#include "node/agent.hpp"
#include "proto/bytes.hpp"
#include "proto/error.hpp"
#include "security/hello.hpp"
#include "security/pair_keys.hpp"

namespace mco::node {

// Boxes an answer for the caller who asked. One that is too large to travel is replaced by a status 5 that says so; the
// error is left for what should not happen (a reply key of all zeros, say). `keys` are those of `self`.
proto::Result<proto::Bytes> seal_answer(const security::Identity& self, security::PairKeys& keys, const ReplyTo& to,
                                        ActionReply reply);

}  // namespace mco::node
