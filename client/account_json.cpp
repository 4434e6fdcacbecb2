#include "client/account_json.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "client/terminal.hpp"
#include "proto/ledger.hpp"

namespace mco::client {
namespace {

using proto::Value;

Value value_of(const proto::Ledger& ledger) {
    Value::Map map{{"expected", ledger.expected}, {"closed", ledger.closure == proto::Closure::closed}};
    for (std::size_t i = 0; i < proto::outcome_count; ++i)
        map.emplace(proto::name(static_cast<proto::Outcome>(i)), ledger.counts[i]);
    return map;
}

}  // namespace

Value refusals(const Gathered& gathered) {
    Value::List refused;
    for (const auto& reply : gathered.replies) {
        if (reply.status != proto::StatusCode::ok)
            refused.emplace_back(Value::Map{{"name", reply.node}, {"message", reply.message}});
    }
    return refused;
}

std::string account_json(Value::Map object, const Account& account, JsonForm form) {
    Value::List missing, trouble;
    for (const auto& absent : account.absent) {
        if (!absent.missing) {
            missing.emplace_back(Value::Map{{"name", absent.node},
                                            {"whole_group", false},
                                            {"nodes", 1},
                                            {"reason", "unknown"},
                                            {"why", absent.why}});
            continue;
        }
        const auto& one = *absent.missing;
        missing.emplace_back(Value::Map{{"name", one.name},
                                        {"whole_group", is_group(one)},
                                        {"nodes", static_cast<std::int64_t>(node_count(one))},
                                        {"reason", proto::name(one.reason)},
                                        {"outcome", proto::name(one.outcome)},
                                        {"since_ms", one.since_ms},
                                        {"why", absent.why}});
    }
    for (const auto& line : account.trouble) trouble.emplace_back(line);
    object.emplace("missing", std::move(missing));
    object.emplace("ledger", value_of(account.ledger));
    object.emplace("trouble", std::move(trouble));
    const Value whole(std::move(object));
    return visible_json(form == JsonForm::indented ? proto::to_pretty_json(whole) : proto::to_json(whole)) + "\n";
}

}  // namespace mco::client
