#pragma once

#include <cstdio>
#include <cstdlib>

// Private to the mesh's machines: a broken promise of our own ends the process, before a wrong state spreads.
namespace mco::mesh {

inline void ensure(bool holds, const char* promise) {
    if (holds) return;
    std::fprintf(stderr, "mesh: broken invariant: %s\n", promise);
    std::abort();
}

}  // namespace mco::mesh
