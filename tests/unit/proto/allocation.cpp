#include "tests/unit/proto/allocation.hpp"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t live = 0;
thread_local std::size_t start = 0;
thread_local std::size_t peak = 0;

void* allocate(std::size_t size) {
    void* memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) throw std::bad_alloc();
    live += malloc_usable_size(memory);
    if (live > peak) peak = live;
    return memory;
}

void release(void* memory) noexcept {
    if (memory == nullptr) return;
    const std::size_t size = malloc_usable_size(memory);
    live -= size < live ? size : live;  // memory of another thread, or of before main
    std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }

namespace mco::tests {

AllocationPeak::AllocationPeak() { start = peak = live; }
std::size_t AllocationPeak::octets() const { return peak - start; }

}  // namespace mco::tests
