#include "node/footprint.hpp"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace mco::node {
namespace {

// Segments that are not writable are clean copies of the file: dropping their pages loses nothing.
int release_object(dl_phdr_info* object, std::size_t, void*) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
        const std::uintptr_t first = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
        const std::uintptr_t last = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
        ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);  // a hint: failing costs memory only
    }
    return 0;
}

}  // namespace

void release_startup_memory() {
    ::malloc_trim(0);
    ::dl_iterate_phdr(release_object, nullptr);
}

}  // namespace mco::node
