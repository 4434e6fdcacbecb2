#pragma once

#include <filesystem>
#include <string>

#include "node/daemon_state.hpp"
#include "node/log.hpp"
#include "proto/time.hpp"

namespace mco::node {

// Prometheus' text format. Names begin with mco_; every one is in docs/operations.md.
std::string metrics_text(const DaemonState& state);

// The file that node_exporter's textfile collector reads: always a whole one, written every 15 s. One thread.
class MetricsFile {
 public:
    explicit MetricsFile(Log& log) : log_(log) {}  // must outlive this

    bool due(proto::Instant now) const { return now >= due_; }
    proto::Instant next_deadline() const { return due_; }
    // A file that cannot be written is logged once, until it can be again.
    void write(proto::Instant now, const std::filesystem::path& file, const DaemonState& state);

 private:
    Log& log_;
    proto::Instant due_{};
    bool broken_ = false;
};

}  // namespace mco::node
