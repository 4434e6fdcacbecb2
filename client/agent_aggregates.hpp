#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/gather.hpp"
#include "proto/ddl.hpp"

namespace mco::client {

// Summaries that only one agent's DDL asks for: nagios_states (nrpe), process_summary, nettest_mma. Nothing: none of them.
std::optional<proto::Result<std::vector<std::string>>> summarize_for_agent(const proto::AggregateSchema& schema,
                                                                           std::span<const Reply> replies);

// "512 B", "1.5 KB", "2.25 GB"; 1 KB is 1024 octets.
std::string human_size(double octets);

}  // namespace mco::client
