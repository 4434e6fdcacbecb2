// What a stranger may send: every case is refused with `malformed`, or decodes to something that writes to the same octets.

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "tests/unit/proto/allocation.hpp"
#include "tests/unit/proto/samples.hpp"

using namespace mco::proto;
using namespace mco::tests;

namespace {

constexpr std::size_t refusal_memory_max = 64 * 1024;

Bytes hex(std::string_view text) { return from_hex(text).value(); }

Bytes join(std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

Result<Bytes> frame_again(BytesView frame) {
    const auto message = decode(frame);
    if (!message) return tl::unexpected(message.error());
    return encode(*message);
}

// Everything that can be read, with its reader.
std::vector<SealedSample> everything() {
    auto all = sample_sealed();
    for (const auto& message : sample_messages()) {
        all.push_back({"message " + std::to_string(message.index()), encode(message), &frame_again});
    }
    return all;
}

void check_refused(const SealedSample& reader, const Bytes& octets) {
    const AllocationPeak peak;
    const auto read = reader.again(octets);
    const std::size_t memory = peak.octets();
    REQUIRE(!read);
    CHECK(read.error().code == Errc::malformed);
    CHECK(memory <= refusal_memory_max);
}

// Strict: what is accepted has no other spelling.
bool harmless(const SealedSample& reader, const Bytes& octets) {
    const AllocationPeak peak;
    const auto read = reader.again(octets);
    if (read) return *read == octets;
    return peak.octets() <= refusal_memory_max &&
           (read.error().code == Errc::malformed || read.error().code == Errc::unsupported);
}

void check_value_refused(const Bytes& octets) {
    const AllocationPeak peak;
    const auto read = unpack<Value>(octets);
    const std::size_t memory = peak.octets();
    CAPTURE(to_hex(BytesView(octets).first(std::min<std::size_t>(octets.size(), 32))));
    REQUIRE(!read);
    CHECK(read.error().code == Errc::malformed);
    CHECK(memory <= refusal_memory_max);
}

}  // namespace

TEST_CASE("the allocation counter of these tests sees an allocation") {
    const AllocationPeak peak;
    CHECK(peak.octets() == 0);
    { const Bytes large(100'000); }
    CHECK(peak.octets() >= 100'000);
}

TEST_CASE("a message that is cut at any octet is malformed") {
    for (const auto& sample : everything()) {
        CAPTURE(sample.name);
        for (std::size_t size = 0; size < sample.octets.size(); ++size) {
            CAPTURE(size);
            check_refused(sample,
                          Bytes(sample.octets.begin(), sample.octets.begin() + static_cast<std::ptrdiff_t>(size)));
        }
    }
}

TEST_CASE("a message that is followed by anything is malformed") {
    for (const auto& sample : everything()) {
        CAPTURE(sample.name);
        check_refused(sample, join({sample.octets, Bytes{0xC0}}));
        check_refused(sample, join({sample.octets, Bytes{0xC1}}));
        check_refused(sample, join({sample.octets, sample.octets}));
    }
}

TEST_CASE("a changed octet is refused or means exactly what it says") {
    // Every other octet in place of every octet. The long samples hold the short ones as octets that nobody looks into here;
    // they get each single bit and the markers of msgpack, or this case alone would take minutes.
    std::vector<std::uint8_t> every;
    for (unsigned change = 1; change < 256; ++change) every.push_back(static_cast<std::uint8_t>(change));
    const std::vector<std::uint8_t> some{0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xC0, 0xFF};
    constexpr std::size_t short_max = 300;

    for (const auto& sample : everything()) {
        CAPTURE(sample.name);
        Bytes octets = sample.octets;
        for (std::size_t at = 0; at < octets.size(); ++at) {
            const std::uint8_t before = octets[at];
            for (const std::uint8_t change : octets.size() <= short_max ? every : some) {
                octets[at] = before ^ change;
                // So many cases: only a failure is worth the price of an assertion.
                if (!harmless(sample, octets)) FAIL_CHECK("octet " << at << " changed by " << unsigned{change});
            }
            octets[at] = before;
        }
    }
}

TEST_CASE("a header that announces 2^32 - 1 of anything is refused without memory") {
    for (const char* header : {"ddffffffff", "dfffffffff", "dbffffffff", "c6ffffffff", "c9ffffffff00", "dcffff",
                               "deffff", "daffff", "c5ffff", "d9ff", "c4ff", "c8ffff00", "c7ff00"}) {
        CAPTURE(header);
        for (const auto& sample : everything()) {
            check_refused(sample, hex(header));
            // In place of each octet of a good one, so in place of each field, too.
            for (std::size_t at = 0; at < sample.octets.size(); at += 7) {
                const Bytes head(sample.octets.begin(), sample.octets.begin() + static_cast<std::ptrdiff_t>(at));
                CHECK(harmless(sample, join({head, hex(header)})));
            }
        }
    }
}

TEST_CASE("nesting bombs are refused without recursion") {
    check_value_refused(Bytes(10'000, 0x91));
    check_value_refused(Bytes(1'000'000, 0x91));
    Bytes maps;
    for (int i = 0; i < 10'000; ++i) maps.insert(maps.end(), {0x81, 0xA0});
    check_value_refused(maps);
    for (const auto& sample : everything()) check_refused(sample, Bytes(100'000, 0x91));
}

TEST_CASE("a large message with its fault at the very end costs no memory") {
    // 100,000 elements, every one of them good, in a value that is cut, followed, or in a record whose last field is wrong.
    Bytes list = hex("dd000186a0");
    list.insert(list.end(), 100'000, 0xC0);
    CHECK(unpack<Value>(list));
    check_value_refused(join({list, Bytes{0xC0}}));
    check_value_refused(Bytes(list.begin(), list.end() - 1));
    Bytes map = hex("df00000100");
    for (int i = 0; i < 256; ++i) map = join({map, Bytes{0xCC, 0xFF}});
    check_value_refused(map);

    RequestBody body{.arguments = Value::Map{{"list", Value::List(50'000)}}};
    Bytes packed = pack(body);
    CHECK(unpack<RequestBody>(packed));
    packed[packed.size() - sizeof(RequestId) - 2] = 0x01;
    const AllocationPeak peak;
    CHECK(!unpack<RequestBody>(packed));
    CHECK(peak.octets() <= refusal_memory_max);

    Up up;
    up.missing.assign(limits::results_per_frame_max, {{}, std::string(40, 'n'), Reason::down, Outcome::unreachable, 1});
    Bytes frame = encode(up);
    CHECK(decode(frame));
    frame.back() = 0x02;
    const AllocationPeak frame_peak;
    CHECK(!decode(frame));
    CHECK(frame_peak.octets() <= refusal_memory_max);
}

TEST_CASE("only one spelling of a number, a size or a count is read") {
    const std::string text_of_31(31 * 2, '6');  // 31 times 0x66
    struct Spellings {
        const char* what;
        std::vector<std::string> octets;
    };
    const Spellings refused[] = {
        {"unsigned, too long", {"cc7f", "cd00ff", "ce0000ffff", "cf00000000ffffffff"}},
        {"negative, too long", {"d0ff", "d0e0", "d1ff80", "d2ffff8000", "d3ffffffff80000000"}},
        {"positive in a signed form", {"d001", "d10100", "d200010000", "d30000000100000000"}},
        {"the same, and the number equals the first octet", {"d100d1", "d2000000d2", "d300000000000000d3"}},
        {"beyond a signed 64-bit integer", {"cf8000000000000000", "cfffffffffffffffff"}},
        {"text", {"d900", "d91f" + text_of_31, "da000166", "db0000000166"}},
        {"list", {"dc0000", "dc0001c0", "dd00000000", "dd00000001c0"}},
        {"map", {"de0000", "df00000000", "de0001a161c0"}},
        {"32-bit real", {"ca3f000000"}},
        {"NaN", {"cb7ff8000000000000", "cbfff8000000000000", "cb7ff0000000000001"}},
        {"octets, not for values", {"c400", "c40100"}},
        {"never used, ext", {"c1", "d40000", "d5000000", "d60000000000", "c70000", "c8000000", "c90000000000"}},
    };
    for (const Spellings& spellings : refused) {
        for (const std::string& text : spellings.octets) {
            CAPTURE(spellings.what);
            CAPTURE(text);
            check_value_refused(hex(text));
        }
    }
    for (const char* text :
         {"7f", "cc80", "ccff", "cd0100", "ce00010000", "cf0000000100000000", "cf7fffffffffffffff", "ff",
          "e0", "d0df", "d080", "d1ff7f", "d2ffff7fff", "d3ffffffff7fffffff", "d38000000000000000", "a0",
          "90", "80",   "c0",   "c2",     "c3",         "cb7ff0000000000000", "cb8000000000000000"}) {
        CAPTURE(text);
        const auto value = unpack<Value>(hex(text));
        REQUIRE_MESSAGE(value, value.error().detail);
        CHECK(to_hex(pack(*value)) == text);
    }
}

TEST_CASE("keys are texts, in order, none twice") {
    CHECK(unpack<Value>(hex("82a161c0a162c0")));
    CHECK(unpack<Value>(hex("82a0c0a161c0")));
    for (const char* text : {
             "82a161c0a161c0",        // the same
             "82a162c0a161c0",        // the wrong order
             "82a0c0a0c0",            // empty, twice
             "83a161c0a162c0a161c0",  // the same, not side by side
             "8101c0", "81c0c0", "81c3c0", "8190c0", "8180c0", "81c40161c0", "81cb7ff8000000000000c0",  // no text
             "81a1ffc0",                                                                                // not UTF-8
         }) {
        CAPTURE(text);
        check_value_refused(hex(text));
    }
}

TEST_CASE("texts are UTF-8") {
    for (const char* text : {"a180", "a2c080", "a3eda080", "a4f4908080", "a1ff", "a2c3bc"}) {
        CAPTURE(text);
        CHECK(unpack<Value>(hex(text)).has_value() == (std::string_view(text) == "a2c3bc"));
    }
    CHECK(!decode(hex("930119a1ff")));
    CHECK(decode(hex("930119a161")));
}

TEST_CASE("every count of fields but the right one is malformed") {
    for (const auto& sample : everything()) {
        if (sample.name == "value") continue;
        CAPTURE(sample.name);
        REQUIRE((sample.octets[0] & 0xF0U) == 0x90U);
        for (std::uint8_t count = 0; count < 16; ++count) {
            Bytes octets = sample.octets;
            if (octets[0] == (0x90U | count)) continue;
            octets[0] = static_cast<std::uint8_t>(0x90U | count);
            check_refused(sample, octets);
        }
        // One more field, or one fewer, with a header that says so.
        Bytes more = join({sample.octets, Bytes{0xC0}});
        more[0] = static_cast<std::uint8_t>(more[0] + 1);
        if (sample.octets[0] != 0x9F) check_refused(sample, more);
    }
}

TEST_CASE("enums and flags take their values and no others") {
    // Status: [1, 21, request, attempt, progress]
    const Bytes status = encode(Status{numbered<RequestId>(1), 1, Progress::unknown});
    for (const auto& [octet, known] : std::initializer_list<std::pair<std::uint8_t, bool>>{
             {0, true}, {1, true}, {2, true}, {3, false}, {0x7F, false}, {0xFF, false}, {0xC0, false}, {0xC3, false}}) {
        Bytes changed = status;
        changed.back() = octet;
        CHECK(decode(changed).has_value() == known);
    }
    const auto refusal = [](std::uint8_t code) { return decode(Bytes{0x94, 1, 5, code, 0xA0}).has_value(); };
    CHECK(!refusal(0));
    CHECK(refusal(1));
    CHECK(refusal(11));
    CHECK(!refusal(12));
    const Bytes request = pack(sample_request_body());
    const auto flag = request.size() - sizeof(RequestId) - 4;  // then the purpose, and the id with its two octets of head
    for (const std::uint8_t octet : {0x00, 0x01, 0xC0, 0xC1}) {
        auto changed = request;
        changed[flag] = octet;
        CHECK(!unpack<RequestBody>(changed));
    }
    for (const auto& [octet, known] : std::initializer_list<std::pair<std::uint8_t, bool>>{{0, true}, {1, true}, {2, false}, {0xC2, false}}) {
        auto changed = request;
        changed[flag + 1] = octet;
        CHECK(unpack<RequestBody>(changed).has_value() == known);
    }
}

TEST_CASE("an id of another length is malformed") {
    for (const char* text : {"c40f"
                             "000000000000000000000000000000",
                             "c411"
                             "0000000000000000000000000000000000",
                             "c400",
                             "b0"
                             "00000000000000000000000000000000"}) {
        CAPTURE(text);
        CHECK(!decode(join({hex("930116"), hex(text)})));
    }
    CHECK(
        decode(hex("930116"
                   "c410"
                   "00000000000000000000000000000000")));
}

TEST_CASE("a hello larger than a stranger may send is refused") {
    Bytes frame = encode(sample_messages()[0]);
    frame.resize(limits::hello_size_max + 1);
    const auto read = decode(frame);
    REQUIRE(!read);
    CHECK(read.error().detail.find("too long") != std::string::npos);
}
