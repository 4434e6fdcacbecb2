#include "proto/messages.hpp"

namespace mco::proto {

std::string_view name(CertificateRole role) {
    switch (role) {
        case CertificateRole::root:
            return "root";
        case CertificateRole::issuer:
            return "issuer";
        case CertificateRole::node:
            return "node";
        case CertificateRole::proxy:
            return "proxy";
        case CertificateRole::caller:
            return "caller";
    }
    return "unknown";
}

}  // namespace mco::proto
