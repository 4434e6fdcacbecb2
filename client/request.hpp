#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "proto/filter.hpp"
#include "proto/messages.hpp"
#include "security/collective_key.hpp"
#include "security/hello.hpp"

namespace mco::client {

// What a command wants done, checked against the DDL and the collectives already.
struct Call {
    std::string agent, action;
    std::string collective;
    proto::Filter filter;
    proto::Value::Map arguments;
    std::chrono::milliseconds timeout{10'000};  // the entry closes the account at the latest after this
    std::chrono::milliseconds ttl{60'000};
    bool wants_reply = true;
    proto::Purpose purpose = proto::Purpose::perform;
    std::optional<proto::RequestId> whole = {};  // of a batch: what its requests are called in audit trails
};

// The signed request.
struct SealedCall {
    proto::RequestId id{};
    proto::Digest digest{};  // of the octets: replies must name it
    proto::Bytes octets;     // packed SealedRequest
    std::chrono::milliseconds timeout{};
    bool wants_reply = true;
};
// `reply_key`: of who will open the replies (ReplyOpener).
proto::Result<SealedCall> seal(const Call& call, const security::Identity& caller, const proto::SealPublicKey& reply_key,
                               proto::WallTime now, const security::CollectiveKey* key = nullptr);

}  // namespace mco::client
