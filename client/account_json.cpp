#include "client/account_json.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

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

Value with_account(Value::Map object, const Account& account) {
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
    return object;
}

std::string text_of(const Value& value, JsonForm form) {
    return visible_json(form == JsonForm::indented ? proto::to_pretty_json(value) : proto::to_json(value));
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
    return text_of(with_account(std::move(object), account), form) + "\n";
}

std::string json_results(std::string_view agent, std::string_view action, std::span<const Reply> replies,
                         const Account& account, JsonForm form, Show show) {
    std::vector<std::string> objects;
    objects.reserve(replies.size() + 1);
    for (const auto& reply : replies) objects.push_back(json_object(agent, action, reply, form));
    if (show == Show::always || !account.whole()) {
        std::string& last = objects.emplace_back();
        for (const char character : text_of(with_account({}, account), form)) {
            last += character;
            if (character == '\n') last += "  ";  // as deep as the others
        }
    }
    return join_json(objects, form);
}

}  // namespace mco::client
