#pragma once

#include <filesystem>
#include <string>

#include "node/data.hpp"
#include "proto/ddl.hpp"

namespace mco::node::data {

// A data source that is a program beside its DDL, called as external agents are: a request file and a reply file, both named in
// the environment and as arguments, with protocol io.choria.mcorpc.external.v1.data_request. The request is
// {"$schema", "protocol", "source", "query"}, the reply {"statuscode", "statusmsg", "data"}; data are the outputs.
//
// The error is for a person: why this program is not run (it is missing, or others could have written it).
proto::Result<DataSources::LookUp> external(const std::filesystem::path& ddl, const proto::DataSchema& schema);

}  // namespace mco::node::data
