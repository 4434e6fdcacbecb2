#pragma once

#include <cstdint>
#include <span>

#include "proto/ids.hpp"

// The only source of secrets. Choices that decide behaviour come from mesh::Rng instead, so that they can be replayed.
namespace mco::security::entropy {

// Prepares libsodium and seeds the C library's rand(), from which libzmq takes routing ids and reconnect jitter. Call first
// in main, before the first ZeroMQ context. Aborts if the system has no randomness.
void start();

void fill(std::span<std::uint8_t> octets);
std::uint64_t number();

template <typename Id>
Id fresh() {
    Id id;
    fill(id.octets);
    return id;
}

}  // namespace mco::security::entropy
