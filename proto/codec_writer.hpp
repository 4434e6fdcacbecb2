#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/codec_fields.hpp"
#include "proto/time.hpp"
#include "proto/value.hpp"

namespace mco::proto {

// Private to the codec: appends canonical msgpack to one octet string. Its overloads mirror Reader's, field for field.
//
// Writing cannot fail, so what a reader would refuse in a text that we pass on for others (an agent's output, an error's
// wording) is mended here: invalid UTF-8 becomes U+FFFD, NaN becomes nil, a sentence is cut. What only a bug of ours can make
// wrong (an overlong name) is written as it is; the reader refuses it.
class Writer {
 public:
    explicit Writer(std::size_t expected_size) { octets_.reserve(expected_size); }

    Bytes take() && { return std::move(octets_); }

    void begin(std::size_t count);  // an array of `count` elements follows
    void unsigned_integer(std::uint64_t number);
    void octets(BytesView bytes);
    void text(std::string_view text);
    void value(const Value& value);

    template <typename... Fields>
    void record(const Fields&... fields) {
        begin(sizeof...(Fields));
        (field(fields), ...);
    }
    template <typename... Fields>
    void fields(const Fields&... fields) {
        (field(fields), ...);
    }

 private:
    template <typename T>
    void field(const Number<T>& number) {
        unsigned_integer(number.held);
    }
    template <typename T>
    void field(const Version<T>& version) {
        unsigned_integer(version.held);
    }
    template <typename T>
    void field(const Choice<T>& choice) {
        unsigned_integer(static_cast<std::uint64_t>(choice.held));
    }
    template <typename T>
    void field(const Flag<T>& flag) {
        boolean(flag.held);
    }
    template <typename T>
    void field(const Time<T>& time) {
        signed_integer(time.held.time_since_epoch().count());
    }
    template <typename T>
    void field(const Fixed<T>& fixed) {
        octets(fixed.held);
    }
    template <typename T>
    void field(const Octets<T>& bytes) {
        octets(bytes.held);
    }
    template <typename T>
    void field(const Text<T>& word) {
        text(word.held);
    }
    template <typename T>
    void field(const Sentence<T>& words) {
        sentence(words.held, words.size_max);
    }
    template <typename T>
    void field(const Texts<T>& list) {
        begin(list.held.size());
        for (const std::string& word : list.held) text(word);
    }
    template <typename T>
    void field(const Ids<T>& ids) {
        begin(ids.held.size());
        for (const auto& id : ids.held) octets(id.octets);
    }
    template <typename T>
    void field(const Records<T>& records) {
        begin(records.held.size());
        for (const Bytes& record : records.held) octets(record);
    }
    template <typename T>
    void field(const Items<T>& items) {
        begin(items.held.size());
        for (const auto& item : items.held) each_field(*this, item);
    }
    template <typename T>
    void field(const Counts<T>& counts) {
        begin(counts.held.size());
        for (const std::uint32_t count : counts.held) unsigned_integer(count);
    }
    template <typename T>
    void field(const Part<T>& part) {
        each_field(*this, part.held);
    }
    template <typename T>
    void field(const Dynamic<T>& dynamic) {
        value(dynamic.held);
    }

    void boolean(bool flag);
    void signed_integer(std::int64_t number);
    void real(double number);
    void sentence(std::string_view text, std::size_t size_max);
    void map(const Value::Map& map);

    Bytes octets_;
};

}  // namespace mco::proto
