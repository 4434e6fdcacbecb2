#include "proto/codec.hpp"

#include "proto/codec_reader.hpp"
#include "proto/codec_writer.hpp"
#include "proto/limits.hpp"

namespace mco::proto {

namespace {

constexpr MessageType type_of(const Hello&) { return MessageType::hello; }
constexpr MessageType type_of(const HelloReply&) { return MessageType::hello_reply; }
constexpr MessageType type_of(const HelloProof&) { return MessageType::hello_proof; }
constexpr MessageType type_of(const Welcome&) { return MessageType::welcome; }
constexpr MessageType type_of(const Refusal&) { return MessageType::refusal; }
constexpr MessageType type_of(const Roster&) { return MessageType::roster; }
constexpr MessageType type_of(const Request&) { return MessageType::request; }
constexpr MessageType type_of(const Ack&) { return MessageType::ack; }
constexpr MessageType type_of(const Up&) { return MessageType::up; }
constexpr MessageType type_of(const Poll&) { return MessageType::poll; }
constexpr MessageType type_of(const Status&) { return MessageType::status; }
constexpr MessageType type_of(const Cancel&) { return MessageType::cancel; }
constexpr MessageType type_of(const Ping&) { return MessageType::ping; }
constexpr MessageType type_of(const Pong&) { return MessageType::pong; }
constexpr MessageType type_of(const Bye&) { return MessageType::bye; }
constexpr MessageType type_of(const Refused&) { return MessageType::refused; }
constexpr MessageType type_of(const Relays&) { return MessageType::relays; }
constexpr MessageType type_of(const Attach&) { return MessageType::attach; }
constexpr MessageType type_of(const Redirect&) { return MessageType::redirect; }
constexpr MessageType type_of(const Groups&) { return MessageType::groups; }
constexpr MessageType type_of(const IHave&) { return MessageType::i_have; }
constexpr MessageType type_of(const Fetch&) { return MessageType::fetch; }
constexpr MessageType type_of(const Orphans&) { return MessageType::orphans; }
constexpr MessageType type_of(const Lane&) { return MessageType::lane; }
constexpr MessageType type_of(const Credit&) { return MessageType::credit; }

constexpr MessageType type_of(const Revocations&) { return MessageType::revocations; }

// About how much a message carries beside its few fixed fields: large octet strings are then copied once, not at each
// doubling of the buffer.
template <typename T>
std::size_t payload_size(const T&) {
    return 0;
}
std::size_t payload_size(const Request& request) { return request.sealed.size(); }
std::size_t payload_size(const Roster& roster) {
    std::size_t size = 0;
    for (const RosterEntry& entry : roster.entries) size += entry.record.size() + 16;
    return size;
}
std::size_t payload_size(const Up& up) {
    std::size_t size = 0;
    for (const Answer& answer : up.answers) size += answer.sealed.size() + 32;
    for (const Bare& bare : up.bare) size += bare.nodes.size() * 18 + 8;
    for (const Missing& missing : up.missing) size += missing.name.size() + 32;
    return size;
}

// Version and type stand in front of the fields of the message, in the same array.
struct OutermostWriter {
    Writer& writer;
    MessageType type;

    template <typename... Fields>
    void record(const Fields&... fields) {
        writer.begin(2 + sizeof...(Fields));
        writer.unsigned_integer(wire_version);
        writer.unsigned_integer(static_cast<std::uint64_t>(type));
        writer.fields(fields...);
    }
};

struct OutermostReader {
    Reader& reader;
    std::size_t count;  // as the array announced it

    template <typename... Fields>
    void record(const Fields&... fields) {
        if (count != 2 + sizeof...(Fields)) reader.refuse_count();
        reader.fields(fields...);
    }
};

template <typename T>
void read_fields(Reader& reader, std::size_t count, T& message) {
    OutermostReader outermost{reader, count};
    each_field(outermost, message);
}

struct Claim {
    std::size_t count = 0;
    std::uint64_t type = 0;
};

// A newer version is recognised before anything else, because all the rest may have changed with it.
Claim read_claim(Reader& reader) {
    Claim claim;
    claim.count = reader.begin(limits::fields_max);
    reader.version_number(wire_version);
    claim.type = reader.unsigned_integer(0, 0xFF);
    return claim;
}

// The types of the HELLO exchange come from whoever connects, so they have a smaller bound.
std::size_t size_max(std::uint64_t type) {
    return type <= static_cast<std::uint64_t>(MessageType::lane) ? limits::hello_size_max : limits::frame_size_max;
}

// One pass. The message kept is of the claimed type, and complete unless the reader failed.
Message read_message(Reader& reader, std::size_t frame_size) {
    const Claim claim = read_claim(reader);
    if (frame_size > size_max(claim.type)) reader.refuse(Errc::malformed, "the message is too long");
    const auto read = [&](auto message) -> Message {
        read_fields(reader, claim.count, message);
        reader.finish();
        return message;
    };
    switch (static_cast<MessageType>(claim.type)) {
        case MessageType::hello:
            return read(Hello{});
        case MessageType::hello_reply:
            return read(HelloReply{});
        case MessageType::hello_proof:
            return read(HelloProof{});
        case MessageType::welcome:
            return read(Welcome{});
        case MessageType::refusal:
            return read(Refusal{});
        case MessageType::roster:
            return read(Roster{});
        case MessageType::request:
            return read(Request{});
        case MessageType::ack:
            return read(Ack{});
        case MessageType::up:
            return read(Up{});
        case MessageType::poll:
            return read(Poll{});
        case MessageType::status:
            return read(Status{});
        case MessageType::cancel:
            return read(Cancel{});
        case MessageType::ping:
            return read(Ping{});
        case MessageType::pong:
            return read(Pong{});
        case MessageType::bye:
            return read(Bye{});
        case MessageType::refused:
            return read(Refused{});
        case MessageType::relays:
            return read(Relays{});
        case MessageType::attach:
            return read(Attach{});
        case MessageType::redirect:
            return read(Redirect{});
        case MessageType::groups:
            return read(Groups{});
        case MessageType::i_have:
            return read(IHave{});
        case MessageType::fetch:
            return read(Fetch{});
        case MessageType::orphans:
            return read(Orphans{});
        case MessageType::lane:
            return read(Lane{});
        case MessageType::credit:
            return read(Credit{});
        case MessageType::revocations:
            return read(Revocations{});
    }
    reader.refuse(Errc::malformed, "an unknown type of message");
    return {};
}

bool known(std::uint64_t type) { return (type >= 1 && type <= 6) || (type >= 16 && type <= 35); }

}  // namespace

Bytes encode(const Message& message) {
    return std::visit(
        [](const auto& it) {
            Writer writer(payload_size(it) + 128);
            OutermostWriter outermost{writer, type_of(it)};
            each_field(outermost, it);
            return std::move(writer).take();
        },
        message);
}

Result<Message> decode(BytesView frame) {
    Reader checker(frame, Reader::Mode::check);
    read_message(checker, frame.size());
    if (checker.failed()) return tl::unexpected(checker.error());
    Reader reader(frame, Reader::Mode::keep);
    return read_message(reader, frame.size());
}

Result<MessageType> peek_type(BytesView frame) {
    Reader reader(frame, Reader::Mode::check);
    const Claim claim = read_claim(reader);
    if (!reader.failed() && !known(claim.type)) reader.refuse(Errc::malformed, "an unknown type of message");
    if (reader.failed()) return tl::unexpected(reader.error());
    return static_cast<MessageType>(claim.type);
}

}  // namespace mco::proto
