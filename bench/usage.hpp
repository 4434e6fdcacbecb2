#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "proto/error.hpp"

namespace mco::bench {

// What this process takes from the machine.
std::size_t resident_bytes();
std::size_t open_descriptors();
std::chrono::microseconds processor_time();

// What the machine could still give; swapping is not counted, a limit of the control group is.
std::size_t available_bytes();
std::size_t available_descriptors();
// Of address space, what a process may have; the largest number: as much as it likes.
std::size_t address_space_bytes();

// Lets this process have so many descriptors. The error says what to set where that is not ours to do.
proto::Result<void> raise_descriptors(std::uint64_t wanted);

}  // namespace mco::bench
