#include "mesh/io/backoff.hpp"

#include <algorithm>

namespace mco::mesh::io {

std::chrono::milliseconds Backoff::next() {
    const auto whole = std::min(next_, most_);
    next_ = std::min(whole * 2, most_);
    const auto half = whole.count() / 2;
    return std::chrono::milliseconds(whole.count() -
                                     static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(half) + 1)));
}

}  // namespace mco::mesh::io
