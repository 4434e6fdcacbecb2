#pragma once

#include <span>
#include <string>
#include <string_view>

#include "client/account.hpp"
#include "client/gather.hpp"
#include "client/results.hpp"
#include "proto/value.hpp"

namespace mco::client {

// A command's JSON object with the account in it: "missing" (nodes and whole groups), "ledger", "trouble". One line, or
// indented; closed by a newline.
std::string account_json(proto::Value::Map object, const Account& account, JsonForm form);

// -j of a command that shows replies: MCollective's array. If somebody is missing, or with Show::always, the account is its last
// element: an object without "sender" that has "missing", "ledger" and "trouble".
std::string json_results(std::string_view agent, std::string_view action, std::span<const Reply> replies,
                         const Account& account, JsonForm form, Show show);

// Name and message of those who answered with a status other than 0, for a member of that object.
proto::Value refusals(const Gathered& gathered);

}  // namespace mco::client
