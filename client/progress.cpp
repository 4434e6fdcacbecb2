#include "client/progress.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace mco::client {

Progress::Progress(std::ostream& out, const Terminal& terminal, Wanted wanted)
    : out_(out), columns_(terminal.columns), active_(terminal.tty && wanted == Wanted::yes) {}

// The width is MCollective's: the terminal's less 22, at most 60; a terminal too narrow for a bar gets the numbers.
std::string Progress::line() const {
    const std::size_t bar = std::min<std::size_t>(columns_ > 22 ? columns_ - 22 : 0, 60);
    if (bar < 10) return fmt::format("\r{} / {}", done_, of_);
    const bool complete = of_ > 0 && done_ >= of_;
    const char spinner = complete ? '*' : std::string_view("|/-\\")[turn_ % 4];
    const std::size_t filled = of_ == 0 ? 0 : std::min<std::size_t>(bar, bar * done_ / of_);
    return fmt::format("\r {} [ {}>{} ] {} / {}", spinner, std::string(filled, '='), std::string(bar - filled, ' '),
                       done_, of_);
}

void Progress::show(std::uint32_t done, std::uint32_t of) {
    if (!active_ || (drawn_ && done == done_ && of == of_)) return;
    done_ = done;
    of_ = of;
    // A bar has 60 places: of ten thousand steps most would draw it as it stands, and each costs a write.
    constexpr std::uint32_t steps = 500;
    const auto step = static_cast<std::uint32_t>(of == 0 ? 0 : std::uint64_t{done} * steps / of);
    if (of > steps && step == step_ && done != of) return;
    step_ = step;
    ++turn_;
    out_ << line() << std::flush;
    drawn_ = true;
}

void Progress::clear() {
    if (drawn_) out_ << "\r\x1b[K";
    drawn_ = false;
}

void Progress::finish() {
    if (!active_ || turn_ == 0) return;
    if (!drawn_) out_ << line();
    out_ << "\n\n";
    drawn_ = false;
}

}  // namespace mco::client
