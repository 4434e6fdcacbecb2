#include "proto/error.hpp"

namespace mco::proto {

std::string_view name(Errc code) {
    switch (code) {
        case Errc::malformed: return "malformed";
        case Errc::unsupported: return "unsupported";
        case Errc::unauthenticated: return "unauthenticated";
        case Errc::denied: return "denied";
        case Errc::invalid: return "invalid";
        case Errc::not_found: return "not_found";
        case Errc::overloaded: return "overloaded";
        case Errc::unreachable: return "unreachable";
        case Errc::expired: return "expired";
        case Errc::cancelled: return "cancelled";
        case Errc::internal: return "internal";
    }
    return "unknown";
}

}  // namespace mco::proto
