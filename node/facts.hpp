#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "node/file_stamp.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"
#include "proto/value.hpp"

namespace mco::node {

// A fact file's text as a map. Maps and lists are kept, every other value becomes text, null becomes "". An error names
// the line. YAML: a plain yes/no/on/off/true/false reads as true or false, ":name" (a Ruby symbol) as name, and aliases
// and << merges are followed within limits::value_*, so that a few octets cannot grow into gigabytes.
proto::Result<proto::Value> parse_yaml_facts(std::string_view text);
proto::Result<proto::Value> parse_json_facts(std::string_view text);

// What this machine is, from files that somebody else writes: YAML, or JSON where the name ends in .json. Merged
// shallowly, a later file wins. Read again on use when a file changed, and at the latest after `reread_after`, for file
// systems whose times are coarse. A file that is broken or empty keeps the facts it gave last; one that is gone gives
// none, unless nothing at all would be left. One thread.
class Facts {
 public:
    Facts(std::vector<std::filesystem::path> files, proto::Duration reread_after);

    // Looks at the files; true if values() or problem() changed.
    bool refresh(proto::Instant now);
    const proto::Value& values() const { return values_; }   // always a map
    const std::string& problem() const { return problem_; }  // one sentence per file in trouble; empty: none

 private:
    struct Source {
        std::filesystem::path file;
        FileStamp stamp;
        proto::Value::Map facts;  // the last good ones
        std::string problem;
    };
    static void read(Source& source);

    std::vector<Source> sources_;
    proto::Duration reread_after_;
    bool read_once_ = false;
    proto::Instant read_at_{};
    proto::Value values_ = proto::Value::Map{};
    std::string problem_;
};

}  // namespace mco::node
