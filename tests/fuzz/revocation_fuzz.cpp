// Revocation lists as anybody may bring them.

#include <cstdint>
#include <cstdlib>

#include "security/revocation.hpp"
#include "tests/fuzz/parties.hpp"

using namespace mco;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const proto::BytesView octets{data, size};
    static const fuzz::Parties parties;
    auto trust = parties.trust();
    const auto adopted = trust.adopt(octets);
    if (adopted && *adopted == security::TrustStore::Adopted::newer) {
        require(trust.revocations_version() > 0 && trust.revocation_lists().size() == 1);
        require(*trust.adopt(octets) == security::TrustStore::Adopted::known);
    } else {
        require(trust.revocations_version() == 0 && trust.revocations() == 0);
    }
    (void)security::read_revocations(octets);
    return 0;
}
