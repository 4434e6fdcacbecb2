#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/codec_fields.hpp"
#include "proto/error.hpp"
#include "proto/limits.hpp"
#include "proto/time.hpp"
#include "proto/value.hpp"

namespace mco::proto {

// Private to the codec: one pass over one msgpack object, field by field, in the order the message declares.
//
// Rules, and what an attacker would try:
// (1) One header or scalar at a time is asked of msgpack's parser, which is stopped at each container: no tree, no stack
//     and so no allocation or recursion that the input could drive ("array of 2^32", nesting bombs).
// (2) Only the canonical form is accepted: for each kind, number and size there is exactly one first octet. Two different
//     octet strings therefore never mean the same message, and encode(decode(x)) == x.
// (3) A container announces a count: more than its bound, or more than the octets left, is refused before the first element.
// (4) `check` reads everything and keeps nothing; only input that passed is read again with `keep`. So a refused message
//     costs no memory whatever its shape; reading twice is the price.
// (5) The first fault is kept, and everything after it does nothing; callers ask once, at the end.
class Reader {
 public:
    enum class Mode : std::uint8_t { check, keep };
    Reader(BytesView octets, Mode mode) : octets_(octets), mode_(mode) {}  // the octets must outlive it

    bool failed() const { return !fault_.empty(); }
    Error error() const;                           // after failed()
    void refuse(Errc code, std::string_view why);  // `why` is a literal
    void refuse_count();
    void finish();  // nothing may follow

    std::size_t begin(std::size_t count_max);            // of an array; 0 after a fault
    std::uint64_t version_number(std::uint64_t newest);  // above `newest` is unsupported
    std::uint64_t unsigned_integer(std::uint64_t first, std::uint64_t last);
    Value value();  // null when checking

    template <typename... Fields>
    void record(const Fields&... fields) {
        begin_exactly(sizeof...(Fields));
        (field(fields), ...);
    }
    template <typename T, typename... Fields>
    void record(const Version<T>& version, const Fields&... fields) {
        const std::size_t count = begin(limits::fields_max);
        field(version);
        if (count != 1 + sizeof...(Fields)) refuse_count();
        (field(fields), ...);
    }
    template <typename... Fields>
    void fields(const Fields&... fields) {
        (field(fields), ...);
    }

 private:
    template <typename T>
    void field(const Number<T>& number) {
        number.held = static_cast<T>(unsigned_integer(0, std::numeric_limits<T>::max()));
    }
    template <typename T>
    void field(const Version<T>& version) {
        version.held = static_cast<T>(version_number(version.newest));
    }
    template <typename T>
    void field(const Choice<T>& choice) {
        choice.held = static_cast<T>(
            unsigned_integer(static_cast<std::uint64_t>(choice.first), static_cast<std::uint64_t>(choice.last)));
    }
    void field(const Flag<bool>& flag) { flag.held = boolean(); }
    void field(const Time<WallTime>& time) {
        time.held = WallTime(Duration(static_cast<std::int64_t>(unsigned_integer(0, limits::wall_time_max.count()))));
    }
    template <std::size_t Size>
    void field(const Fixed<std::array<std::uint8_t, Size>>& fixed) {
        copy_exactly(fixed.held.data(), Size);
    }
    void field(const Octets<Bytes>& bytes) {
        const BytesView view = octets(bytes.size_max);
        if (mode_ == Mode::keep) bytes.held.assign(view.begin(), view.end());
    }
    void field(const Text<std::string>& word) { keep(word.held, text(word.size_max)); }
    void field(const Sentence<std::string>& words) { keep(words.held, text(words.size_max)); }
    void field(const Texts<std::vector<std::string>>& list) {
        each_element(list.held, list.count_max, [&](std::string& word) { keep(word, text(list.size_max)); });
    }
    template <typename Id>
    void field(const Ids<std::vector<Id>>& ids) {
        each_element(ids.held, ids.count_max, [&](Id& id) { copy_exactly(id.octets.data(), id.octets.size()); });
    }
    void field(const Records<std::vector<Bytes>>& records) {
        each_element(records.held, records.count_max,
                     [&](Bytes& record) { field(Octets{record, records.size_max}); });
    }
    template <typename T>
    void field(const Items<std::vector<T>>& items) {
        each_element(items.held, items.count_max, [&](T& item) { each_field(*this, item); });
    }
    template <std::size_t Size>
    void field(const Counts<std::array<std::uint32_t, Size>>& counts) {
        begin_exactly(Size);
        for (std::uint32_t& count : counts.held) {
            count = static_cast<std::uint32_t>(unsigned_integer(0, std::numeric_limits<std::uint32_t>::max()));
        }
    }
    template <typename T>
    void field(const Part<T>& part) {
        each_field(*this, part.held);
    }
    void field(const Dynamic<Value>& dynamic) {
        Value held = value();
        if (mode_ == Mode::keep) dynamic.held = std::move(held);
    }

    // When checking, all elements share one that is thrown away.
    template <typename T, typename Read>
    void each_element(std::vector<T>& into, std::size_t count_max, Read read) {
        const std::size_t count = begin(count_max);
        if (mode_ == Mode::keep) {
            into.resize(count);
            for (T& element : into) read(element);
            return;
        }
        T unused{};
        for (std::size_t i = 0; i < count && !failed(); ++i) read(unused);
    }
    void keep(std::string& held, std::string_view text) const {
        if (mode_ == Mode::keep) held = text;
    }

    // One header or scalar as it lies in the octets.
    enum class Kind : std::uint8_t { none, nil, flag, positive, negative, real, text, octets, list, map };
    struct Token {
        Kind kind = Kind::none;
        std::uint64_t number = 0;  // value, size, or count; a negative value as two's complement
        double real = 0;
        const char* body = nullptr;
    };
    class Visitor;

    Token next();
    Token next(Kind kind, std::string_view otherwise);
    static std::uint8_t canonical_first_octet(const Token& token);
    static std::size_t header_size(std::uint8_t first_octet);

    bool boolean();
    void begin_exactly(std::size_t count);
    BytesView octets(std::size_t size_max);
    void copy_exactly(std::uint8_t* into, std::size_t size);
    std::string_view text(std::size_t size_max);
    std::string_view body_text(const Token& token, std::size_t size_max);
    bool enter(const Token& container, std::size_t depth);
    Value value(std::size_t depth);
    Value list_value(const Token& header, std::size_t depth);
    Value map_value(const Token& header, std::size_t depth);

    BytesView octets_;
    Mode mode_;
    std::size_t at_ = 0;
    std::size_t elements_left_ = 0;  // of the value being read
    Errc code_ = Errc::malformed;
    std::string_view fault_;
    std::size_t fault_at_ = 0;
};

}  // namespace mco::proto
