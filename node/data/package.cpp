#include <string>

#include "node/agents/apt.hpp"
#include "node/data/sources.hpp"

namespace mco::node::data {

Outputs package(const Call&, const std::string& name) {
    const auto found = Apt().status(name, {});
    if (!found) return tl::unexpected(found.error());
    return proto::Value::Map{{"status", found->ensure}, {"installed", found->installed()}};
}

}  // namespace mco::node::data
