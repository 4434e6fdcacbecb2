#pragma once

#include <chrono>
#include <filesystem>

#include "mesh/io/host.hpp"
#include "node/log.hpp"
#include "proto/bytes.hpp"
#include "proto/time.hpp"

namespace mco::node {

// Who belongs to the mesh, in a file for the next process: so that one that was just restarted misses those whom it has not met
// again, instead of answering for itself only. Losing the file loses just that.
class MeshMemory {
 public:
    // An empty path: remembers nothing. `log` must outlive this.
    MeshMemory(std::filesystem::path file, Log& log) : file_(std::move(file)), log_(log) {}

    proto::Bytes read() const;  // empty: nothing is remembered; what is wrong with the file is logged
    // Writes it if it is time: soon after the start, then now and then. Problems are logged once.
    void keep(proto::Now now, const mesh::io::Host& host);
    void write(const mesh::io::Host& host);

 private:
    std::filesystem::path file_;
    Log& log_;
    proto::Instant due_{};
    bool broken_ = false;
};

}  // namespace mco::node
