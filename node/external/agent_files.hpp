#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "node/file_stamp.hpp"
#include "proto/ddl.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"

namespace mco::node::external {

// Where a DDL and its program are on this machine; nothing was read yet.
struct AgentFiles {
    std::string name;
    std::filesystem::path libdir, ddl;
    std::filesystem::path program;  // empty: there is none beside the DDL
    FileStamp ddl_stamp, program_stamp;
    friend bool operator==(const AgentFiles&, const AgentFiles&) = default;
};

// <libdir>/mcollective/agent/NAME.json, or .../agent/NAME/NAME.json; the program is NAME beside it, in a folder also
// NAME-<os>_<arch>. Of several the first libdir wins, and in it the former. Sorted by name, at most limits::agents_max;
// folders called tmp are passed over.
std::vector<AgentFiles> find_agent_files(const std::vector<std::filesystem::path>& libdirs);

// Half written, perhaps: changed less than five seconds ago.
bool is_young(const FileStamp& stamp, proto::WallTime now);

// Only root and the daemon's user may be able to change what the daemon runs: the files, the folders they are in up to
// the libdir, and the target of a link. `denied` names the path and what to do.
proto::Result<void> check_owners(const AgentFiles& files);

// Reads the DDL of an external agent. Errors name the file.
proto::Result<proto::AgentSchema> read_schema(const AgentFiles& files);

}  // namespace mco::node::external
