#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

// Private to the codec: the shapes that members take on the wire. codec_fields.hpp says which member has which.
namespace mco::proto {

// How a member crosses the wire, with its bound. `T` is const when writing.
template <typename T>
struct Number {  // every value of T
    T& held;
};
template <typename T>
Number(T&) -> Number<T>;

template <typename T>
struct Version {  // 1 to `newest`; above is `unsupported`, and the fields after it may then be others
    T& held;
    std::uint64_t newest;
};
template <typename T>
Version(T&, int) -> Version<T>;

template <typename T>
struct Choice {  // an enum without holes
    T& held;
    std::remove_const_t<T> first, last;
};
template <typename T>
Choice(T&, std::remove_const_t<T>, std::remove_const_t<T>) -> Choice<T>;

template <typename T>
struct Flag {
    T& held;
};
template <typename T>
Flag(T&) -> Flag<T>;

template <typename T>
struct Time {  // 0 to limits::wall_time_max
    T& held;
};
template <typename T>
Time(T&) -> Time<T>;

template <typename T>
struct Fixed {  // std::array of octets, exactly that many
    T& held;
};
template <typename T>
Fixed(T&) -> Fixed<T>;

template <typename T>
struct Octets {
    T& held;
    std::size_t size_max;
};
template <typename T>
Octets(T&, std::size_t) -> Octets<T>;

template <typename T>
struct Text {
    T& held;
    std::size_t size_max;
};
template <typename T>
Text(T&, std::size_t) -> Text<T>;

template <typename T>
struct Sentence {  // words for a person: cut when written, so that a long explanation never makes a message malformed
    T& held;
    std::size_t size_max;
};
template <typename T>
Sentence(T&, std::size_t) -> Sentence<T>;

template <typename T>
struct Texts {
    T& held;
    std::size_t count_max, size_max;
};
template <typename T>
Texts(T&, std::size_t, std::size_t) -> Texts<T>;

template <typename T>
struct Ids {  // a vector of ids
    T& held;
    std::size_t count_max;
};
template <typename T>
Ids(T&, std::size_t) -> Ids<T>;

template <typename T>
struct Records {  // a vector of octet strings
    T& held;
    std::size_t count_max, size_max;
};
template <typename T>
Records(T&, std::size_t, std::size_t) -> Records<T>;

template <typename T>
struct Items {  // structs of ours
    T& held;
    std::size_t count_max;
};
template <typename T>
Items(T&, std::size_t) -> Items<T>;

template <typename T>
struct Counts {  // std::array of 32-bit numbers
    T& held;
};
template <typename T>
Counts(T&) -> Counts<T>;

template <typename T>
struct Part {  // a struct of ours
    T& held;
};
template <typename T>
Part(T&) -> Part<T>;

template <typename T>
struct Dynamic {  // a Value
    T& held;
};
template <typename T>
Dynamic(T&) -> Dynamic<T>;

}  // namespace mco::proto
