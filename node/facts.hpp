#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/fact_programs.hpp"
#include "node/file_stamp.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"
#include "proto/value.hpp"
#include "proto/yaml_facts.hpp"

namespace mco::node {

// A fact file's text as a map. Maps and lists are kept, every other value becomes text, null becomes "". An error names
// the line.
inline proto::Result<proto::Value> parse_yaml_facts(std::string_view text) { return proto::parse_yaml_facts(text); }
proto::Result<proto::Value> parse_json_facts(std::string_view text);

// Where facts come from, and so what wins: of two sources that tell the same fact, the later one here.
struct FactSources {
    bool facter = false;                       // the program, with what it finds out
    std::vector<std::filesystem::path> files;  // YAML, or JSON where the name ends in .json
    std::filesystem::path folder;              // .yaml .yml .json .txt and executables, by name; "" or missing: none
    proto::Duration reread_after = std::chrono::seconds(300);
    friend bool operator==(const FactSources&, const FactSources&) = default;
};

// What this machine is, as other programs tell it. Merged shallowly. Files are read again on use when they changed, and at the latest
// after `reread_after`, for file systems whose times are coarse; programs are run again after each such while, on a
// thread of theirs. A source that is broken or empty keeps the facts it gave last, and problem() says since when; one that is
// gone gives none, unless nothing at all would be left. What lies in the folder may run as the daemon, so it must belong to root or
// the daemon's user, and nobody else may write it. One thread.
class Facts {
 public:
    explicit Facts(FactSources sources);

    // Waits for what programs say the first time, so that nothing is decided upon half of the facts.
    void settle(proto::Duration limit);
    // Looks at the sources; true if values() or problem() changed.
    bool refresh(proto::Now now);
    const proto::Value& values() const { return values_; }   // always a map
    const std::string& problem() const { return problem_; }  // one sentence per source in trouble; empty: none

 private:
    enum class Rank : std::uint8_t { facter, file, folder };
    struct Source {
        std::filesystem::path file;  // empty: a program
        FileStamp stamp;
        proto::Value::Map facts;  // the last good ones
        proto::WallTime good_at{};
        std::string problem;
    };
    using Key = std::pair<Rank, std::string>;  // in the order of merging

    void look_into_folder();
    bool take_told(proto::WallTime now);
    static void read(Source& source, proto::WallTime now);
    bool merge();  // true if anything changed

    FactSources from_;
    std::map<Key, Source> sources_;
    FileStamp folder_stamp_;
    std::string folder_problem_;
    std::vector<FactPrograms::Program> running_;
    std::unique_ptr<FactPrograms> programs_;
    bool read_once_ = false;
    proto::Instant read_at_{};
    proto::Value values_ = proto::Value::Map{};
    std::string problem_;
};

}  // namespace mco::node
