#pragma once

#include <string>
#include <vector>

#include "proto/codec.hpp"
#include "proto/messages.hpp"

// One full example of everything that has octets: every field differs from its default, so a field that is lost, swapped or
// misread shows. The codec's tests and the seeds of its fuzzing targets are made of them.
namespace mco::tests {

// In the order of the variant, one of each kind.
std::vector<proto::Message> sample_messages();

proto::CertificateBody sample_certificate_body();
proto::CertificateChain sample_chain();
proto::PeerRecordBody sample_record_body();
proto::SealedRecord sample_record();
proto::Route sample_route();
proto::RequestBody sample_request_body();
proto::SealedRequest sample_request();
proto::ReplyBody sample_reply_body();
proto::SealedReply sample_reply();
proto::Value sample_value();

// The sealed ones above, packed, with the function that reads one and writes it again.
struct SealedSample {
    std::string name;
    proto::Bytes octets;
    proto::Result<proto::Bytes> (*again)(proto::BytesView);
};
std::vector<SealedSample> sample_sealed();

// An id whose octets count up from `first`.
template <typename Id>
Id numbered(std::uint8_t first) {
    Id id;
    for (auto& octet : id.octets) octet = first++;
    return id;
}

}  // namespace mco::tests
