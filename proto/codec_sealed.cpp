#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/codec_reader.hpp"
#include "proto/codec_writer.hpp"
#include "proto/limits.hpp"

namespace mco::proto {

namespace {

template <typename T>
Bytes pack_record(const T& record, std::size_t payload = 0) {
    Writer writer(payload + 256);
    each_field(writer, record);
    return std::move(writer).take();
}

// Octets of the largest one that is read.
template <typename T>
constexpr std::size_t size_max = 0;
template <>
constexpr std::size_t size_max<CertificateBody> = limits::certificate_size_max;
template <>
constexpr std::size_t size_max<CertificateChain> = 4 * limits::certificate_size_max;
template <>
constexpr std::size_t size_max<PeerRecordBody> = limits::record_size_max;
template <>
constexpr std::size_t size_max<SealedRecord> = limits::record_size_max;
template <>
constexpr std::size_t size_max<Route> = limits::route_size_max;
template <>
constexpr std::size_t size_max<RequestBody> = limits::request_size_max;
template <>
constexpr std::size_t size_max<SealedRequest> = limits::request_size_max;
template <>
constexpr std::size_t size_max<ReplyBody> = limits::reply_size_max;
template <>
constexpr std::size_t size_max<SealedReply> = limits::reply_size_max;
template <>
constexpr std::size_t size_max<RevocationBody> = limits::revocation_list_size_max;
template <>
constexpr std::size_t size_max<RevocationList> = limits::revocation_list_size_max + 128;
template <>
constexpr std::size_t size_max<Value> = limits::frame_size_max;

template <typename T>
void read_into(Reader& reader, T& record) {
    each_field(reader, record);
}
void read_into(Reader& reader, Value& value) { value = reader.value(); }

}  // namespace

Bytes pack(const CertificateBody& body) { return pack_record(body); }
Bytes pack(const CertificateChain& chain) { return pack_record(chain); }
Bytes pack(const PeerRecordBody& body) { return pack_record(body); }
Bytes pack(const SealedRecord& record) { return pack_record(record, record.body.size()); }
Bytes pack(const Route& route) { return pack_record(route); }
Bytes pack(const RequestBody& body) { return pack_record(body); }
Bytes pack(const SealedRequest& request) { return pack_record(request, request.route.size() + request.body.size()); }
Bytes pack(const ReplyBody& body) { return pack_record(body, body.message.size()); }
Bytes pack(const SealedReply& reply) { return pack_record(reply, reply.box.size()); }
Bytes pack(const RevocationBody& body) { return pack_record(body, body.serials.size() * 18); }
Bytes pack(const RevocationList& list) { return pack_record(list, list.body.size()); }
Bytes pack(const Value& value) {
    Writer writer(256);
    writer.value(value);
    return std::move(writer).take();
}

template <typename T>
Result<T> unpack(BytesView octets) {
    if (octets.size() > size_max<T>) {
        return fail(Errc::malformed, fmt::format("{} octets; at most {} are read", octets.size(), size_max<T>));
    }
    T record{};
    Reader checker(octets, Reader::Mode::check);
    read_into(checker, record);
    checker.finish();
    if (checker.failed()) return tl::unexpected(checker.error());
    Reader reader(octets, Reader::Mode::keep);
    read_into(reader, record);
    return record;
}

template Result<CertificateBody> unpack(BytesView);
template Result<CertificateChain> unpack(BytesView);
template Result<PeerRecordBody> unpack(BytesView);
template Result<SealedRecord> unpack(BytesView);
template Result<Route> unpack(BytesView);
template Result<RequestBody> unpack(BytesView);
template Result<SealedRequest> unpack(BytesView);
template Result<ReplyBody> unpack(BytesView);
template Result<SealedReply> unpack(BytesView);
template Result<RevocationBody> unpack(BytesView);
template Result<RevocationList> unpack(BytesView);
template Result<Value> unpack(BytesView);

}  // namespace mco::proto
