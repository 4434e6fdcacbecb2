#pragma once

#include <filesystem>
#include <string>

#include "node/call.hpp"
#include "proto/error.hpp"
#include "proto/value.hpp"

// The built-in data sources. The question was checked against the DDL; worker thread.
namespace mco::node::data {

using Outputs = proto::Result<proto::Value::Map>;

Outputs agent(const Call& call, const std::string& name);
Outputs collective(const Call& call, const std::string& name);
Outputs fact(const Call& call, const std::string& name);  // dotted path
Outputs fstat(const Call& call, const std::string& path);
Outputs nettest(const Call& call, const std::string& endpoint);
Outputs nrpe(const Call& call, const std::string& check);
Outputs package(const Call& call, const std::string& name);
Outputs process(const Call& call, const std::string& pattern);
Outputs puppet(const Call& call, const std::string&);
Outputs resource(const Call& call, const std::string& title);  // "" or Type[title]
Outputs service(const Call& call, const std::string& name);
Outputs sysctl(const Call& call, const std::string& name);

// The same from other roots, for tests.
Outputs process_in(const std::filesystem::path& proc, const std::string& pattern);
Outputs resource_in(const std::filesystem::path& state, const std::string& title, proto::WallTime now);
Outputs sysctl_in(const std::filesystem::path& root, const std::string& name);

}  // namespace mco::node::data
