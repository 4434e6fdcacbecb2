#pragma once

#include <optional>

namespace mco::node {

// Signals as something to read, so that they are handled between two turns of the reactor and nowhere else. block() must
// run before any thread starts: threads inherit the mask, and a signal delivered to one of them would be lost here.
class Signals {
 public:
    static void block();  // those we read; SIGPIPE is ignored
    Signals();            // aborts without a descriptor
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    int descriptor() const { return descriptor_; }
    std::optional<int> take();  // the next one that arrived; empty: none

 private:
    int descriptor_;
};

}  // namespace mco::node
