#pragma once

#include <cstdint>

#include "proto/bytes.hpp"
#include "proto/messages.hpp"

// Octets of messages.hpp and back. Reading is strict and bounded by limits.hpp before anything is allocated: at most 64 KiB
// beyond the input for a refused message. Nothing throws; every failure is `malformed` or, for a version (of a message, a
// certificate) or an algorithm we do not speak, `unsupported`. What was read writes back to the same octets.
//
// Writing cannot fail: in texts invalid UTF-8 becomes U+FFFD, reasons and reply messages are cut to their limit, NaN becomes
// nil. Whoever makes names, lists or values keeps them within limits.hpp; otherwise the other side refuses. Any thread.
namespace mco::proto {

// One outer message, with version and type in front.
Bytes encode(const Message& message);
Result<Message> decode(BytesView frame);

// The number on the wire: which kind a frame claims to be, without reading the rest.
enum class MessageType : std::uint8_t {
    hello = 1, hello_reply = 2, hello_proof = 3, welcome = 4, refusal = 5, lane = 6,
    roster = 16, request = 17, ack = 18, up = 19, poll = 20, status = 21, cancel = 22, ping = 23, pong = 24, bye = 25, refused = 26,
    relays = 27, attach = 28, redirect = 29, groups = 30, i_have = 31, fetch = 32, orphans = 33, credit = 34, revocations = 35,
};
Result<MessageType> peek_type(BytesView frame);

// Sealed contents: bare arrays without version and type (their signers have their own labels and versions).
Bytes pack(const CertificateBody& body);
Bytes pack(const CertificateChain& chain);
Bytes pack(const PeerRecordBody& body);
Bytes pack(const SealedRecord& record);
Bytes pack(const Route& route);
Bytes pack(const RequestBody& body);
Bytes pack(const SealedRequest& request);
Bytes pack(const ReplyBody& body);
Bytes pack(const SealedReply& reply);
Bytes pack(const RevocationBody& body);
Bytes pack(const RevocationList& list);
Bytes pack(const Value& value);

// unpack<Route>(octets): exactly one object, nothing after it. Instantiated for the types above.
template <typename T>
Result<T> unpack(BytesView octets);

}  // namespace mco::proto
