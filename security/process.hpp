#pragma once

namespace mco::security {

// Keeps secrets out of core files and away from other processes of the same user: no core dumps, not dumpable (so
// /proc/PID/exe and memory are root's alone). Call in main before keys are read; a failure aborts.
void protect_process();

}  // namespace mco::security
