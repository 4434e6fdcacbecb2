#include "security/entropy.hpp"

#include <sodium.h>

#include <cstdlib>

namespace mco::security::entropy {

void start() {
    if (sodium_init() < 0) std::abort();
    std::srand(static_cast<unsigned>(number()));
}

void fill(std::span<std::uint8_t> octets) {
    if (sodium_init() < 0) std::abort();  // 1 if it was called before: then it costs nothing
    randombytes_buf(octets.data(), octets.size());
}

std::uint64_t number() {
    std::uint64_t value = 0;
    fill({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
    return value;
}

}  // namespace mco::security::entropy
