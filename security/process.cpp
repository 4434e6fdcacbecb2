#include "security/process.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdlib>

namespace mco::security {

void protect_process() {
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) std::abort();
}

}  // namespace mco::security
