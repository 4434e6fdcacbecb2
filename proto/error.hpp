#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace mco::proto {

// What should the caller do now? Each kind is a different answer; the same numbers cross the wire.
enum class Errc : std::uint8_t {
    malformed = 1,        // drop and count: the other side is wrong
    unsupported = 2,      // drop and count: the other side is newer
    unauthenticated = 3,  // give up: asking again cannot help
    denied = 4,           // give up: the policy or the certificate does not allow it
    invalid = 5,          // change the request
    not_found = 6,        // change the request
    overloaded = 7,       // ask again later, with back-off
    unreachable = 8,      // perhaps by another way
    expired = 9,          // too late; a new request may do
    cancelled = 10,
    internal = 11,        // our fault; report it
};

std::string_view name(Errc code);

// `detail` is one sentence for a person: it names the thing, the limit and, after a line break, the next step.
struct Error {
    Errc code = Errc::internal;
    std::string detail;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Errc code, std::string detail) {
    return tl::unexpected<Error>(Error{code, std::move(detail)});
}

}  // namespace mco::proto
