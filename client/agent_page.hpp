#pragma once

#include <string>

#include "proto/ddl.hpp"

namespace mco::client {

// What 'mco plugin doc NAME' shows of an agent: who made it, and every action with its inputs and outputs.
std::string agent_page(const proto::AgentSchema& agent);

// The same of a data source: what it is asked, and what it answers.
std::string data_page(const proto::DataSchema& source);

}  // namespace mco::client
