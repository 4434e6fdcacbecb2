#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"
#include "proto/time.hpp"

namespace mco::client {

struct ProgramRun {
    std::vector<std::string> argv;  // the program by its path, and what it is given
    std::string_view input;         // its standard input
    proto::Duration patience{0};    // then it is killed
    std::size_t output_max = 0;     // octets
    std::function<proto::Now()> now;
};

// What it printed. Its errors go where ours go. Waits until it has ended. Errors: cannot be started, took too long, printed too
// much, ended with another status than 0; they name the program.
proto::Result<std::string> output_of(const ProgramRun& run);

}  // namespace mco::client
