#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "client/account.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"
#include "proto/value.hpp"

namespace mco::client {

// What became of a node between two rounds of `mco registration`.
enum class Life : std::uint8_t {
    startup,   // its daemon was started since the last round, or the node is new
    alive,     // it answers; news only if it did not before
    lost,      // it is expected and does not answer
    shutdown,  // it said goodbye, or was away for a day: the mesh expects it no more
};
std::string_view name(Life life);

struct LifeEvent {
    Life life = Life::alive;
    bool news = false;  // not what it was in the round before
    std::string node;
    proto::WallTime time{};
    std::string detail = {};  // of startup: since when; of lost: why
};

// Who has registered: one record for each node, kept from round to round. A folder has NODE.json, always a whole one with the last
// record of its node; what a former run left there is known again. A file gets a line for each record. At most Gather::nodes_max nodes;
// further ones are refused. One thread.
class Registrations {
 public:
    static constexpr std::size_t file_size_max = 4 * 1024 * 1024;  // a reply with room for its escapes

    // Both are made if they are not there, open to this user only. Errors name what cannot be read or written.
    static proto::Result<Registrations> in_folder(std::filesystem::path folder);
    static proto::Result<Registrations> as_lines(std::filesystem::path file);

    // A record and since when the daemon runs (seconds since 1970; 0: not known). An error is about the disk, and ends the round.
    struct Record {
        std::string node;
        std::int64_t started = 0;
        std::string version;
        proto::Value::Map body;
    };
    proto::Result<LifeEvent> heard(const Record& record, proto::WallTime now);
    // The round's end: who is missing, and, where everybody was asked and everybody is accounted for, who is expected no more. Those who
    // answered without a record were `present`.
    proto::Result<std::vector<LifeEvent>> close(const Account& account, std::span<const std::string> present, bool everybody,
                                                proto::WallTime now);

 private:
    enum class Form : std::uint8_t { folder, lines };
    struct Known {
        Life life = Life::alive;
        std::int64_t started = 0;
        std::uint64_t round = 0;  // the last one that it answered or was named in
    };
    Registrations(Form form, std::filesystem::path where) : form_(form), where_(std::move(where)) {}
    void recall(const std::filesystem::path& file);
    std::filesystem::path file_of(const std::string& node) const { return where_ / (node + ".json"); }
    proto::Result<void> keep(const Record& record, const LifeEvent& event);
    proto::Result<void> mark(const LifeEvent& event);

    Form form_;
    std::filesystem::path where_;
    std::map<std::string, Known> nodes_;
    std::uint64_t round_ = 1;
};

}  // namespace mco::client
