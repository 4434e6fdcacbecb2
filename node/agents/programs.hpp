#pragma once

#include <chrono>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "node/child_process.hpp"

namespace mco::node {

// How agents start the system's own programs: found on a fixed path, with nothing of the daemon's environment, and with
// messages in English, because they are read. Any thread.
class Programs {
 public:
    static constexpr const char* system_path = "/usr/sbin:/usr/bin:/sbin:/bin";

    explicit Programs(std::string path = system_path) : path_(std::move(path)) {}

    struct Run {
        std::vector<std::string> argv;
        std::map<std::string, std::string> environment = {};  // added to PATH, LC_ALL and HOME
        std::string input = {};
        proto::Duration timeout = std::chrono::minutes(30);  // the executor gives up when the DDL's is over
        proto::Duration grace = std::chrono::seconds(2);     // between TERM and KILL
        std::size_t output_max = 256 * 1024;
    };
    proto::Result<ProcessEnd> run(const Run& run, std::stop_token stop) const;
    ChildProcess child(const Run& run) const;

 private:
    std::string path_;
};

// Its output for a reply: what it printed, without the last line feed.
std::string output_of(const ProcessEnd& end);
// Why it failed, in one paragraph: the last lines it wrote on stderr, or on stdout if there are none there.
std::string reason_of(const ProcessEnd& end);

}  // namespace mco::node
