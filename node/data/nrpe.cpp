#include <chrono>
#include <string>

#include "node/agents/nrpe.hpp"
#include "node/data/sources.hpp"

namespace mco::node::data {

Outputs nrpe(const Call& call, const std::string& check) {
    constexpr auto patience = std::chrono::milliseconds(3'500);  // below the DDL's timeout
    const auto result = run_check(call, Programs(), check, patience, {});
    if (!result) return tl::unexpected(result.error());
    return proto::Value::Map{{"exitcode", result->exitcode}};
}

}  // namespace mco::node::data
