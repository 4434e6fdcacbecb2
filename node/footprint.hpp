#pragma once

namespace mco::node {

// Gives back what only the start needed: the pages of code and constants that reading the configuration touched, and free
// memory. Pages that are needed again are mapped again from the page cache, at a fraction of a millisecond in all. A daemon
// sits on every machine and is idle nearly always, so its resident memory is what it is judged by. Any thread; call once.
void release_startup_memory();

}  // namespace mco::node
