#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "proto/error.hpp"
#include "proto/time.hpp"

namespace mco::mesh::io {

class Context;
class ZapDesk;

// What hosts of one thread may share: libzmq's context with its I/O threads, and the desk at which it asks who may come in.
// A daemon's host has one of its own. A process with thousands of hosts would need two threads and five descriptors for
// each otherwise. One thread; destroyed after its hosts.
class Venue {
 public:
    struct Options {
        std::uint32_t io_threads = 1;
        std::size_t sockets_max = 4'096;  // of all hosts together; libzmq has 65,535 at most
    };
    static proto::Result<std::unique_ptr<Venue>> open(Options options);
    ~Venue();

    // Whoever lets hosts share it calls this when its descriptor has news or next_deadline() has passed. True: there may be more.
    bool service(proto::Now now);
    std::optional<proto::Instant> next_deadline() const;
    int descriptor() const;  // tells of news once, as libzmq's do

    // For this folder only.
    Context& context();
    ZapDesk& desk();

 private:
    struct Impl;
    explicit Venue(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace mco::mesh::io
