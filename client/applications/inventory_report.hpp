#pragma once

#include <functional>
#include <span>
#include <string>

#include "client/inventory_expression.hpp"
#include "client/session.hpp"

namespace mco::client::applications {

// A report of all nodes that the filters mean, by name: MCollective's script, or a template. Both are read, and found good,
// before anything is sent.
using InventoryReport = std::function<proto::Result<std::string>(std::span<const InventoryNode>)>;
proto::Result<InventoryReport> read_script(const std::string& file);
proto::Result<InventoryReport> read_template(const std::string& text);

proto::Result<ExitStatus> report_inventory(Context& context, Session& session, const InventoryReport& report);

}  // namespace mco::client::applications
