#pragma once

#include <cstdint>
#include <ostream>

#include "client/terminal.hpp"

namespace mco::client {

// "\r / [ ======>     ] 3 / 5" on a terminal; nothing into a pipe. `out` must outlive it.
class Progress {
 public:
    enum class Wanted { yes, no };
    Progress(std::ostream& out, const Terminal& terminal, Wanted wanted);

    void show(std::uint32_t done, std::uint32_t of);
    void clear();   // makes room for other output; the next show() draws it again
    void finish();  // leaves the last state standing, if there was one

 private:
    std::string line() const;

    std::ostream& out_;
    std::size_t columns_;
    bool active_;
    bool drawn_ = false;
    std::uint32_t done_ = 0, of_ = 0, turn_ = 0;
    std::uint32_t step_ = 0;  // of many nodes' steps only some are drawn
};

}  // namespace mco::client
