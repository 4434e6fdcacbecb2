#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "node/call.hpp"
#include "proto/ddl.hpp"
#include "proto/error.hpp"
#include "proto/value.hpp"

namespace mco::node {

// What a node can be asked about itself at the moment of the question: agent('rpcutil'), fstat('/etc/hosts'). Immutable once
// loaded; any thread, but look_up() may block as long as the source's DDL says, so it is for workers.
class DataSources {
 public:
    using LookUp =
        std::function<proto::Result<proto::Value::Map>(const Call& call, const std::string& query, std::stop_token stop)>;
    struct Entry {
        proto::DataSchema schema;
        LookUp look_up;
    };

    // The built-in sources and the programs among <libdir>/mcollective/data, each only with its DDL, as agents are. One
    // sentence per source that cannot be had is added to `problems`.
    static DataSources load(const std::vector<std::filesystem::path>& libdirs, std::vector<std::string>& problems);

    // Checks the question against the DDL, asks, and fills in the outputs' defaults. Errors: not_found (no such source here),
    // invalid (the question), and whatever the source answers.
    proto::Result<proto::Value::Map> look_up(const Call& call, std::string_view source, const std::string& query,
                                             std::stop_token stop) const;

    const Entry* find(std::string_view source) const;
    const std::map<std::string, Entry, std::less<>>& all() const { return entries_; }  // by name

 private:
    std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace mco::node
