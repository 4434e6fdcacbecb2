#include "proto/codec.hpp"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "proto/utf8.hpp"
#include "tests/unit/proto/samples.hpp"

using namespace mco::proto;
using namespace mco::tests;

namespace {

template <typename T>
T round_trip(const T& message) {
    auto read = decode(encode(message));
    REQUIRE_MESSAGE(read, read.error().detail);
    REQUIRE(std::holds_alternative<T>(*read));
    return std::get<T>(*read);
}

template <typename T>
T sealed_round_trip(const T& record) {
    auto read = unpack<T>(pack(record));
    REQUIRE_MESSAGE(read, read.error().detail);
    return *read;
}

}  // namespace

TEST_CASE("every message comes back from its octets, and writes to the same octets") {
    const auto samples = sample_messages();
    REQUIRE(samples.size() == std::variant_size_v<Message>);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        CAPTURE(i);
        REQUIRE(samples[i].index() == i);
        const Bytes frame = encode(samples[i]);
        const auto read = decode(frame);
        REQUIRE_MESSAGE(read, read.error().detail);
        CHECK(read->index() == i);
        CHECK(encode(*read) == frame);
        CHECK(peek_type(frame).value() == static_cast<MessageType>(i < 5 ? i + 1 : i < 23 ? i + 11 : i == 23 ? 6 : i + 10));
    }
}

TEST_CASE("every sealed content comes back from its octets, and writes to the same octets") {
    for (const auto& sample : sample_sealed()) {
        CAPTURE(sample.name);
        const auto again = sample.again(sample.octets);
        REQUIRE_MESSAGE(again, again.error().detail);
        CHECK(*again == sample.octets);
    }
}

// Reader and Writer share one list of fields: a mistake in it would pass every round trip. These octets were written by hand
// from the words of messages.hpp.
TEST_CASE("the octets are those that messages.hpp describes") {
    CHECK(to_hex(encode(Ping{300, 5})) ==
          "94"
          "01"
          "17"
          "cd012c"
          "05");
    CHECK(to_hex(encode(Ack{numbered<RequestId>(0), 2, 70000})) ==
          "95"
          "01"
          "12"
          "c410000102030405060708090a0b0c0d0e0f"
          "02"
          "ce00011170");
    CHECK(to_hex(encode(Refusal{Errc::denied, "no"})) ==
          "94"
          "01"
          "05"
          "04"
          "a26e6f");
    Ledger ledger;
    ledger.expected = 2;
    ledger.add(Outcome::ok);
    ledger.add(Outcome::unreachable);
    ledger.closure = Closure::closed;
    const Up up{numbered<RequestId>(0),
                1,
                7,
                {{numbered<PeerId>(16), Outcome::ok, Bytes{0xAB}}},
                {{Outcome::not_matched, {numbered<PeerId>(48)}}},
                {{numbered<PeerId>(32), "b", Reason::no_ack, Outcome::unreachable, 200}},
                ledger,
                {}};
    CHECK(to_hex(encode(up)) ==
          "9a"
          "01"
          "13"
          "c410000102030405060708090a0b0c0d0e0f"
          "01"
          "07"
          "91"
          "93"
          "c410101112131415161718191a1b1c1d1e1f"
          "00"
          "c401ab"
          "91"
          "92"
          "03"
          "91c410303132333435363738393a3b3c3d3e3f"
          "91"
          "96"
          "c410202122232425262728292a2b2c2d2e2f"
          "a162"
          "02"
          "04"
          "ccc8"
          "01"
          "93"
          "02"
          "98"
          "0100000001000000"
          "01"
          "90");
    const RequestBody body{.agent = "a",
                           .action = "b",
                           .filter = {{"i"},
                                      {},
                                      {},
                                      {{"f", FactOperator::less, "1"}},
                                      {{{{.kind = Step::Kind::class_name, .name = "c"}}}}},
                           .arguments = Value::Map{{"x", -1}, {"y", 0.5}},
                           .wants_reply = true,
                           .purpose = Purpose::judge,
                           .whole = RequestId{{1, 2, 3}}};
    CHECK(to_hex(pack(body)) ==
          "97"
          "a161"
          "a162"
          "95"
          "91a169"
          "90"
          "90"
          "91"
          "93a16602a131"
          "91"
          "91"
          "91"
          "9601a163a0a000a0"
          "82"
          "a178ff"
          "a179cb3fe0000000000000"
          "c3"
          "01"
          "c41001020300000000000000000000000000");
}

TEST_CASE("fields arrive in the members they left from") {
    const auto body = sealed_round_trip(sample_certificate_body());
    CHECK(body.role == CertificateRole::caller);
    CHECK(body.serial == numbered<Serial>(2));
    CHECK(body.issuer == numbered<Serial>(6));
    CHECK(body.not_after == sample_certificate_body().not_after);
    CHECK(body.actions == std::vector<std::string>{"rpcutil/*", "*/status"});
    CHECK(body.targets_max == 70'000);
    const auto request = sealed_round_trip(sample_request_body());
    CHECK(request.filter == sample_request_body().filter);
    CHECK(request.arguments == sample_request_body().arguments);
    CHECK(!request.wants_reply);
    CHECK(sealed_round_trip(sample_reply_body()).data == sample_value());
    const auto up = round_trip(std::get<Up>(sample_messages()[8]));
    CHECK(up.missing[1].since_ms == 3'600'000);
    CHECK(up.missing[0].reason == Reason::silent);
    CHECK(up.answers[1].sealed.empty());
    CHECK(up.ledger.count(Outcome::cancelled) == 8);
    CHECK(up.ledger.closure == Closure::closed);
}

TEST_CASE("equal values have equal octets whatever the order they were made in") {
    Value::Map forth;
    Value::Map back;
    for (int i = 0; i < 100; ++i) forth.emplace("key" + std::to_string(i), i);
    for (int i = 99; i >= 0; --i) back.emplace("key" + std::to_string(i), i);
    CHECK(pack(Value(forth)) == pack(Value(back)));
}

TEST_CASE("texts of others are mended when written, so that the message is not lost") {
    const auto reply = sealed_round_trip(ReplyBody{.message = "bad \xFF octet", .data = Value("\xC3")});
    CHECK(reply.message == "bad \xEF\xBF\xBD octet");
    CHECK(reply.data == Value("\xEF\xBF\xBD"));
    CHECK(sealed_round_trip(ReplyBody{.data = Value(std::nan(""))}).data == Value());

    // Two keys that are mended to the same: one stays. A mended key that sorts elsewhere: the map is still read.
    const Value map = Value::Map{{"\xFE", 1}, {"\xFF", 2}, {"\xEF\xBF\xBE", 3}, {"a", Value::Map{{"\x80", 4}}}};
    const auto read = unpack<Value>(pack(map));
    REQUIRE_MESSAGE(read, read.error().detail);
    CHECK(*read == Value(Value::Map{{"\xEF\xBF\xBD", 1}, {"\xEF\xBF\xBE", 3}, {"a", Value::Map{{"\xEF\xBF\xBD", 4}}}}));
}

TEST_CASE("a long reason is cut, between characters, and not refused") {
    const auto size = limits::reason_size_max;
    CHECK(round_trip(Bye{std::string(size, 'x')}).reason == std::string(size, 'x'));
    CHECK(round_trip(Bye{std::string(size + 1, 'x')}).reason == std::string(size, 'x'));
    CHECK(round_trip(Refusal{Errc::denied, std::string(size - 1, 'x') + "\xC3\xBC"}).reason ==
          std::string(size - 1, 'x'));
    CHECK(round_trip(Refused{{}, Errc::invalid, std::string(size, '\xFF')}).reason.size() <= size);
}

TEST_CASE("names, lists and values are read up to their bounds and not beyond") {
    const auto named = [](std::size_t size) {
        return unpack<Route>(pack(Route{.collective = std::string(size, 'x')})).has_value();
    };
    CHECK(named(limits::name_size_max));
    CHECK(!named(limits::name_size_max + 1));

    const auto terms = [](std::size_t count) {
        return unpack<RequestBody>(pack(RequestBody{.filter = {.identities = std::vector<std::string>(count, "n")}}))
            .has_value();
    };
    CHECK(terms(limits::identities_max));
    CHECK(!terms(limits::identities_max + 1));

    const auto results = [](std::size_t count) {
        Up up;
        up.answers.resize(count);
        return decode(encode(up)).has_value();
    };
    CHECK(results(limits::results_per_frame_max));
    CHECK(!results(limits::results_per_frame_max + 1));

    const auto entries = [](std::size_t count) {
        return decode(encode(Roster{std::vector<RosterEntry>(count)})).has_value();
    };
    CHECK(entries(limits::roster_entries_per_frame_max));
    CHECK(!entries(limits::roster_entries_per_frame_max + 1));

    const auto chain = [](std::size_t count) {
        return unpack<CertificateChain>(pack(CertificateChain{std::vector<Certificate>(count)})).has_value();
    };
    CHECK(chain(2));
    CHECK(!chain(3));

    const auto carried = [](std::size_t size) { return decode(encode(Request{.sealed = Bytes(size)})).has_value(); };
    CHECK(carried(limits::request_size_max));
    CHECK(!carried(limits::request_size_max + 1));

    const auto stamped = [](std::chrono::microseconds time) {
        return decode(encode(Welcome{{}, WallTime(time)})).has_value();
    };
    CHECK(stamped(std::chrono::microseconds(0)));
    CHECK(!stamped(std::chrono::microseconds(-1)));
    CHECK(stamped(limits::wall_time_max));
    CHECK(!stamped(limits::wall_time_max + std::chrono::microseconds(1)));
}

TEST_CASE("a value may be as deep and as large as its bounds, counting all its containers") {
    const auto deep = [](std::size_t depth) {
        Value value;
        for (std::size_t i = 0; i < depth; ++i) value = Value(Value::List{std::move(value)});
        return unpack<Value>(pack(value)).has_value();
    };
    CHECK(deep(limits::wire_depth_max));
    CHECK(!deep(limits::wire_depth_max + 1));
    const auto wide = [](std::size_t first, std::size_t second) {
        return unpack<Value>(pack(Value(Value::List{Value::List(first), Value::List(second)}))).has_value();
    };
    const std::size_t half = limits::wire_elements_max / 2;
    CHECK(wide(half, half - 2));
    CHECK(!wide(half, half - 1));
    CHECK(unpack<Value>(pack(Value(std::string(limits::text_size_max, 'x')))));
    CHECK(!unpack<Value>(pack(Value(std::string(limits::text_size_max + 1, 'x')))));
}

TEST_CASE("a hello is small, other messages fit a frame") {
    const auto hello = encode(sample_messages()[0]);
    CHECK(hello.size() < limits::hello_size_max);
    Up up;
    up.answers.resize(1);
    up.answers[0].sealed.resize(limits::reply_size_max);
    CHECK(decode(encode(up)));
    up.answers.push_back(up.answers[0]);
    CHECK(!decode(encode(up)));  // larger than a frame
}

TEST_CASE("a newer version is unsupported, whatever follows; version zero is malformed") {
    CHECK(decode(from_hex("940217cd012c05").value()).error().code == Errc::unsupported);
    CHECK(decode(from_hex("9302c0c0").value()).error().code == Errc::unsupported);
    CHECK(decode(from_hex("9102").value()).error().code == Errc::unsupported);
    CHECK(peek_type(from_hex("9302c0c0").value()).error().code == Errc::unsupported);
    CHECK(decode(from_hex("940017cd012c05").value()).error().code == Errc::malformed);
    auto certificate = sample_certificate_body();
    certificate.version = 2;
    CHECK(unpack<CertificateBody>(pack(certificate)).error().code == Errc::unsupported);
    CHECK(unpack<CertificateBody>(from_hex("9202c0").value()).error().code == Errc::unsupported);
    certificate.version = 0;
    CHECK(unpack<CertificateBody>(pack(certificate)).error().code == Errc::malformed);
    auto route = sample_route();
    route.algorithm = 2;
    CHECK(unpack<Route>(pack(route)).error().code == Errc::unsupported);
}

TEST_CASE("whole numbers that are real stay real") {
    for (const double number : {0.0, 1.0, -1.0, 2.0, 1e15, -9.0071992547409920e15, 1.8446744073709552e19}) {
        CHECK(unpack<Value>(pack(Value(number))).value() == Value(number));
    }
}

TEST_CASE("peeking reads only the beginning, and knows no unknown type") {
    CHECK(peek_type(from_hex("940117c1c1").value()).value() == MessageType::ping);
    for (const char* text :
         {"", "94", "9401", "940100c0c0", "940107c0c0", "94010fc0c0", "940124c0c0", "9401cc80c0", "91c0", "810117"}) {
        CAPTURE(text);
        CHECK(peek_type(from_hex(text).value()).error().code == Errc::malformed);
    }
}
