// The text of key files, certificates and signing requests.

#include <cstdint>
#include <cstdlib>

#include "security/armour.hpp"
#include "security/key_file.hpp"

using namespace mco;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = proto::as_text({data, size});
    if (const auto blocks = security::open_armour(text)) {
        for (const auto& block : *blocks) {
            const auto again = security::open_armour(security::wrap_armour(block.title, block.octets));
            require(again && again->size() == 1 && again->front().title == block.title &&
                    again->front().octets == block.octets);
        }
    }
    if (const auto keys = security::parse_keys(text)) require(!keys->sign.public_key.is_zero());
    if (const auto key = security::parse_signing_key(text)) require(!key->public_key.is_zero());
    if (const auto certificates = security::parse_certificates(text)) {
        std::string whole;
        for (const auto& certificate : *certificates) whole += security::armour(certificate);
        const auto again = security::parse_certificates(whole);
        require(again && again->size() == certificates->size() && again->front().body == certificates->front().body);
    }
    if (const auto request = security::parse_signing_request(text)) {
        const auto again = security::parse_signing_request(security::armour_signing_request(*request));
        require(again && *again == *request);
    }
    return 0;
}
