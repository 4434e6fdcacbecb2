#include "proto/codec_writer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include <msgpack.hpp>

#include "proto/utf8.hpp"

namespace mco::proto {

namespace {

// What msgpack's packer wants for a stream: appends to an octet string that outlives it.
class Appender {
 public:
    explicit Appender(Bytes& into) : into_(into) {}
    void write(const char* data, std::size_t size) {
        const auto* octets = reinterpret_cast<const std::uint8_t*>(data);
        into_.insert(into_.end(), octets, octets + size);
    }

 private:
    Bytes& into_;
};

// msgpack's packer chooses the shortest form of integers and headers by itself.
template <typename Write>
void pack_into(Bytes& octets, Write write) {
    Appender appender(octets);
    msgpack::packer<Appender> packer(appender);
    write(packer);
}

// Counts and sizes are below 2^32: everything we write has to fit into a frame.
std::uint32_t narrow(std::size_t size) { return static_cast<std::uint32_t>(size); }

}  // namespace

void Writer::begin(std::size_t count) {
    pack_into(octets_, [&](auto& packer) { packer.pack_array(narrow(count)); });
}

void Writer::unsigned_integer(std::uint64_t number) {
    pack_into(octets_, [&](auto& packer) { packer.pack_uint64(number); });
}

void Writer::signed_integer(std::int64_t number) {
    pack_into(octets_, [&](auto& packer) { packer.pack_int64(number); });
}

void Writer::boolean(bool flag) {
    pack_into(octets_, [&](auto& packer) { flag ? packer.pack_true() : packer.pack_false(); });
}

// By hand: msgpack's packer turns 2.0 into the integer 2, and the reader of a reply could not tell them apart any more.
void Writer::real(double number) {
    const auto bits = std::bit_cast<std::uint64_t>(number);
    octets_.push_back(0xCB);
    for (int shift = 56; shift >= 0; shift -= 8) octets_.push_back(static_cast<std::uint8_t>(bits >> shift));
}

void Writer::octets(BytesView bytes) {
    pack_into(octets_, [&](auto& packer) {
        packer.pack_bin(narrow(bytes.size()));
        packer.pack_bin_body(reinterpret_cast<const char*>(bytes.data()), narrow(bytes.size()));
    });
}

void Writer::text(std::string_view text) {
    if (!is_utf8(text)) return this->text(repair_utf8(text));
    pack_into(octets_, [&](auto& packer) {
        packer.pack_str(narrow(text.size()));
        packer.pack_str_body(text.data(), narrow(text.size()));
    });
}

void Writer::sentence(std::string_view text, std::size_t size_max) {
    if (!is_utf8(text)) return sentence(repair_utf8(text), size_max);
    this->text(cut_utf8(text, size_max));
}

void Writer::map(const Value::Map& map) {
    const bool readable = std::all_of(map.begin(), map.end(), [](const auto& member) { return is_utf8(member.first); });
    if (!readable) {
        // Repaired keys may meet or change places; the first of two stays. Shallow keys, so at most one copy a level.
        Value::Map repaired;
        for (const auto& [key, member] : map) repaired.try_emplace(repair_utf8(key), member);
        return this->map(repaired);
    }
    pack_into(octets_, [&](auto& packer) { packer.pack_map(narrow(map.size())); });
    for (const auto& [key, member] : map) {
        text(key);
        value(member);
    }
}

void Writer::value(const Value& value) {
    if (const bool* flag = value.flag()) return boolean(*flag);
    if (const std::int64_t* number = value.integer()) return signed_integer(*number);
    if (const double* number = value.real(); number != nullptr && !std::isnan(*number)) return real(*number);
    if (const std::string* text = value.text()) return this->text(*text);
    if (const Value::List* list = value.list()) {
        begin(list->size());
        for (const Value& item : *list) this->value(item);
        return;
    }
    if (const Value::Map* map = value.map()) return this->map(*map);
    pack_into(octets_, [](auto& packer) { packer.pack_nil(); });
}

}  // namespace mco::proto
