#include "proto/codec_reader.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <msgpack.hpp>  // its parts do not compile alone

#include "proto/utf8.hpp"

namespace mco::proto {

// Takes the first token and stops the parser at a container. What it does not take leaves Kind::none: ext, 32-bit floats.
class Reader::Visitor : public msgpack::null_visitor {
 public:
    explicit Visitor(Token& token) : token_(token) {}

    bool visit_nil() { return take({.kind = Kind::nil}); }
    bool visit_boolean(bool flag) { return take({.kind = Kind::flag, .number = flag ? 1U : 0U}); }
    bool visit_positive_integer(std::uint64_t number) { return take({.kind = Kind::positive, .number = number}); }
    // Called for every signed form, whatever its sign.
    bool visit_negative_integer(std::int64_t number) {
        if (number >= 0) return visit_positive_integer(static_cast<std::uint64_t>(number));
        return take({.kind = Kind::negative, .number = static_cast<std::uint64_t>(number)});
    }
    bool visit_float64(double number) { return take({.kind = Kind::real, .real = number}); }
    bool visit_str(const char* body, std::uint32_t size) {
        return take({.kind = Kind::text, .number = size, .body = body});
    }
    bool visit_bin(const char* body, std::uint32_t size) {
        return take({.kind = Kind::octets, .number = size, .body = body});
    }
    bool start_array(std::uint32_t count) { return !take({.kind = Kind::list, .number = count}); }
    bool start_map(std::uint32_t count) { return !take({.kind = Kind::map, .number = count}); }

 private:
    bool take(const Token& token) {
        token_ = token;
        return true;
    }
    Token& token_;
};

Error Reader::error() const { return {code_, fmt::format("{} at octet {}", fault_, fault_at_)}; }

void Reader::refuse(Errc code, std::string_view why) {
    if (failed()) return;
    code_ = code;
    fault_ = why;
    fault_at_ = at_;
}

void Reader::refuse_count() { refuse(Errc::malformed, "another number of fields"); }

void Reader::finish() {
    if (at_ != octets_.size()) refuse(Errc::malformed, "something follows the message");
}

std::uint8_t Reader::canonical_first_octet(const Token& token) {
    const std::uint64_t number = token.number;
    const auto sized = [number](std::uint8_t base, std::uint64_t short_max, std::uint8_t size_8, std::uint8_t size_16,
                                std::uint8_t size_32) -> std::uint8_t {
        if (number <= short_max) return static_cast<std::uint8_t>(base | number);
        if (number <= 0xFF && size_8 != 0) return size_8;
        return number <= 0xFFFF ? size_16 : size_32;
    };
    constexpr std::uint8_t none = 0xC1;  // msgpack never uses it, so it equals no first octet
    switch (token.kind) {
        case Kind::none:
            return none;
        case Kind::nil:
            return 0xC0;
        case Kind::flag:
            return number != 0 ? 0xC3 : 0xC2;
        case Kind::real:
            return 0xCB;
        case Kind::positive:
            return number <= 0xFFFFFFFF ? sized(0, 0x7F, 0xCC, 0xCD, 0xCE) : 0xCF;
        case Kind::negative: {
            const auto negative = static_cast<std::int64_t>(number);
            if (negative >= -32) return static_cast<std::uint8_t>(number);
            if (negative >= std::numeric_limits<std::int8_t>::min()) return 0xD0;
            if (negative >= std::numeric_limits<std::int16_t>::min()) return 0xD1;
            return negative >= std::numeric_limits<std::int32_t>::min() ? 0xD2 : 0xD3;
        }
        case Kind::text:
            return sized(0xA0, 31, 0xD9, 0xDA, 0xDB);
        case Kind::octets: {
            if (number <= 0xFF) return 0xC4;
            return number <= 0xFFFF ? 0xC5 : 0xC6;
        }
        case Kind::list:
            return sized(0x90, 15, 0, 0xDC, 0xDD);
        case Kind::map:
            return sized(0x80, 15, 0, 0xDE, 0xDF);
    }
    return none;
}

// Of containers, where msgpack stops without saying how far it read.
std::size_t Reader::header_size(std::uint8_t first_octet) {
    if (first_octet == 0xDC || first_octet == 0xDE) return 3;
    if (first_octet == 0xDD || first_octet == 0xDF) return 5;
    return 1;
}

Reader::Token Reader::next() {
    Token token;
    if (failed()) return token;
    std::size_t end = at_;
    bool whole = false;
    try {
        Visitor visitor(token);
        whole = msgpack::parse(as_text(octets_).data(), octets_.size(), end, visitor);
    } catch (const msgpack::unpack_error&) {
        token = {};  // an ext of 2^32-1 octets; refused below like any other
    }
    if (at_ == octets_.size() || (token.kind == Kind::none && end == octets_.size() && !whole)) {
        refuse(Errc::malformed, "the message ends too early");
        return {};
    }
    if (octets_[at_] != canonical_first_octet(token)) {
        refuse(Errc::malformed, "not the shortest form of a kind we use");
        return {};
    }
    at_ = token.kind == Kind::list || token.kind == Kind::map ? at_ + header_size(octets_[at_]) : end;
    return token;
}

Reader::Token Reader::next(Kind kind, std::string_view otherwise) {
    const std::size_t before = at_;
    Token token = next();
    if (failed() || token.kind == kind) return token;
    at_ = before;
    refuse(Errc::malformed, otherwise);
    return {};
}

std::size_t Reader::begin(std::size_t count_max) {
    const Token token = next(Kind::list, "not an array");
    if (token.number > count_max || token.number > octets_.size() - at_) refuse(Errc::malformed, "too many elements");
    return failed() ? 0 : token.number;
}

void Reader::begin_exactly(std::size_t count) {
    if (begin(limits::fields_max) != count) refuse_count();
}

std::uint64_t Reader::version_number(std::uint64_t newest) {
    const std::uint64_t number = unsigned_integer(1, std::numeric_limits<std::uint64_t>::max());
    if (number > newest) refuse(Errc::unsupported, "a newer version than this program speaks");
    return number;
}

std::uint64_t Reader::unsigned_integer(std::uint64_t first, std::uint64_t last) {
    const Token token = next(Kind::positive, "not an unsigned integer");
    if (!failed() && (token.number < first || token.number > last)) refuse(Errc::malformed, "a number is out of range");
    return failed() ? first : token.number;
}

bool Reader::boolean() { return next(Kind::flag, "not a boolean").number != 0; }

BytesView Reader::octets(std::size_t size_max) {
    const Token token = next(Kind::octets, "not an octet string");
    if (token.number > size_max) refuse(Errc::malformed, "an octet string is too long");
    if (failed()) return {};
    return as_bytes({token.body, static_cast<std::size_t>(token.number)});
}

void Reader::copy_exactly(std::uint8_t* into, std::size_t size) {
    const BytesView view = octets(size);
    if (view.size() != size) return refuse(Errc::malformed, "an octet string has another length");
    std::copy(view.begin(), view.end(), into);
}

std::string_view Reader::body_text(const Token& token, std::size_t size_max) {
    if (failed()) return {};
    const std::string_view held(token.number == 0 ? "" : token.body, static_cast<std::size_t>(token.number));
    if (held.size() > size_max) refuse(Errc::malformed, "a text is too long");
    if (!is_utf8(held)) refuse(Errc::malformed, "a text is not UTF-8");
    return failed() ? std::string_view() : held;
}

std::string_view Reader::text(std::size_t size_max) { return body_text(next(Kind::text, "not a text"), size_max); }

Value Reader::value() {
    elements_left_ = limits::wire_elements_max;
    return value(0);
}

// Counts the elements of a container before the first of them is read. Every element takes at least one octet.
bool Reader::enter(const Token& container, std::size_t depth) {
    if (depth >= limits::wire_depth_max) refuse(Errc::malformed, "a value is nested too deeply");
    if (container.number > elements_left_ || container.number > octets_.size() - at_) {
        refuse(Errc::malformed, "a value has too many elements");
    }
    if (failed()) return false;
    elements_left_ -= container.number;
    return true;
}

Value Reader::value(std::size_t depth) {
    const Token token = next();
    if (failed()) return {};
    switch (token.kind) {
        case Kind::none:
        case Kind::nil:
            return {};
        case Kind::flag:
            return Value(token.number != 0);
        case Kind::positive:
            if (token.number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
                return Value(static_cast<std::int64_t>(token.number));
            }
            refuse(Errc::malformed, "an integer does not fit in 64 bits with sign");
            return {};
        case Kind::negative:
            return Value(static_cast<std::int64_t>(token.number));
        case Kind::real:
            // NaN differs from itself: no filter, policy or test could say anything true about it.
            if (std::isnan(token.real)) refuse(Errc::malformed, "a number is not a number");
            return Value(token.real);
        case Kind::text: {
            const std::string_view held = body_text(token, limits::text_size_max);
            return mode_ == Mode::keep ? Value(held) : Value();
        }
        case Kind::octets:
            refuse(Errc::malformed, "octets in a value");
            return {};
        case Kind::list:
            return list_value(token, depth);
        case Kind::map:
            return map_value(token, depth);
    }
    return {};
}

Value Reader::list_value(const Token& header, std::size_t depth) {
    if (!enter(header, depth)) return {};
    Value::List list;
    if (mode_ == Mode::keep) list.reserve(header.number);
    for (std::uint64_t i = 0; i < header.number && !failed(); ++i) {
        Value item = value(depth + 1);
        if (mode_ == Mode::keep) list.push_back(std::move(item));
    }
    return mode_ == Mode::keep ? Value(std::move(list)) : Value();
}

Value Reader::map_value(const Token& header, std::size_t depth) {
    if (!enter(header, depth)) return {};
    Value::Map map;
    std::string_view last;
    for (std::uint64_t i = 0; i < header.number && !failed(); ++i) {
        const std::string_view key = text(limits::text_size_max);
        if (i > 0 && !failed() && key <= last) refuse(Errc::malformed, "keys of a map are not in ascending order");
        last = key;
        Value member = value(depth + 1);
        if (mode_ == Mode::keep) map.emplace_hint(map.end(), key, std::move(member));
    }
    return mode_ == Mode::keep ? Value(std::move(map)) : Value();
}

}  // namespace mco::proto
