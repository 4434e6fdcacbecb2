#pragma once

#include <cstddef>

namespace mco::tests {

// Octets this thread has allocated and not freed, and the most it ever had since the last reset. Counts every operator new of
// the test program; malloc inside C libraries is not seen.
struct AllocationPeak {
    AllocationPeak();            // starts counting from what is live now
    std::size_t octets() const;  // the highest mark above that
};

}  // namespace mco::tests
