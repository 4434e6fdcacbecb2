#pragma once

#include <span>
#include <string>
#include <vector>

#include "client/config.hpp"
#include "proto/error.hpp"
#include "proto/filter.hpp"

namespace mco::client {

// The question to PuppetDB's nodes, as its query language writes it (AST, version 4 of the API): active nodes with these facts and
// classes; `more` are conditions in that language, which must hold, too. Classes are written as Puppet titles them
// (apache::vhost is Apache::Vhost). Errors are `invalid`: what is no JSON, a glob that does not parse.
proto::Result<std::string> puppetdb_query(const proto::Filter& filter, const std::string& collective,
                                          const PuppetDb& database, std::span<const std::string> more);

// The names it answers with.
proto::Result<std::vector<std::string>> ask_puppetdb(const std::string& query, const PuppetDb& database,
                                                     std::chrono::seconds patience);

}  // namespace mco::client
