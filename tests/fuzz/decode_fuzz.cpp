// Octets from a stranger, read as a message and as every sealed content. What is accepted has one spelling only.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "proto/codec.hpp"

using namespace mco::proto;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

template <typename T>
void read_sealed(BytesView octets) {
    const auto record = unpack<T>(octets);
    if (record) {
        const Bytes again = pack(*record);
        require(std::equal(again.begin(), again.end(), octets.begin(), octets.end()));
    } else {
        require(record.error().code == Errc::malformed || record.error().code == Errc::unsupported);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView octets(data, size);
    const auto type = peek_type(octets);
    const auto message = decode(octets);
    if (message) {
        require(type.has_value());
        const Bytes again = encode(*message);
        require(std::equal(again.begin(), again.end(), octets.begin(), octets.end()));
    } else {
        require(message.error().code == Errc::malformed || message.error().code == Errc::unsupported);
    }
    read_sealed<CertificateBody>(octets);
    read_sealed<CertificateChain>(octets);
    read_sealed<PeerRecordBody>(octets);
    read_sealed<SealedRecord>(octets);
    read_sealed<Route>(octets);
    read_sealed<RequestBody>(octets);
    read_sealed<SealedRequest>(octets);
    read_sealed<ReplyBody>(octets);
    read_sealed<SealedReply>(octets);
    read_sealed<Value>(octets);
    return 0;
}
