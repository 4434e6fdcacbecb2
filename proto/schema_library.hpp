#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proto/ddl.hpp"
#include "proto/error.hpp"

namespace mco::proto {

// The DDLs on this machine: of agents in <libdir>/mcollective/agent, of data sources in .../data; as NAME.json or NAME/NAME.json,
// or MCollective's NAME.ddl (NAME_data.ddl). Of several the first libdir wins, and in it JSON. Holds only the paths: every call reads the files as they are now. Any thread.
class SchemaLibrary {
 public:
    explicit SchemaLibrary(std::vector<std::filesystem::path> libdirs) : libdirs_(std::move(libdirs)) {}

    // `invalid`: no name of an agent (1-64 of [a-z0-9_]; checked before any path is built). `not_found`: lists those there
    // are, with a suggestion. Any other error names the file: broken, too large, unreadable, or calling itself otherwise.
    Result<AgentSchema> load(std::string_view agent) const;

    Result<DataSchema> load_data(std::string_view source) const;

    struct Listed {
        std::string name;
        std::filesystem::path path;
        std::string description;        // if the file is good
        std::string error;              // empty: it is
    };
    // Every agent once, by name; also those that load() would refuse. Folders that cannot be read hold nothing.
    std::vector<Listed> list() const;
    std::vector<Listed> list_data() const;

    const std::vector<std::filesystem::path>& libdirs() const { return libdirs_; }

 private:
    std::vector<std::filesystem::path> libdirs_;
};

// One DDL, JSON or Ruby, wherever it is; its file is called as load() and load_data() would look for it.
Result<std::variant<AgentSchema, DataSchema>> read_schema_file(const std::filesystem::path& file);

// share/mco beside the bin/ of the running program: where its own agents' DDLs are, built or installed. Empty if the
// system does not tell the program's path.
std::filesystem::path default_libdir();

}  // namespace mco::proto
