#pragma once

#include <string>

#include "client/account.hpp"
#include "client/gather.hpp"
#include "client/results.hpp"
#include "proto/value.hpp"

namespace mco::client {

// A command's JSON object with the account in it: "missing" (nodes and whole groups), "ledger", "trouble". One line, or
// indented; closed by a newline.
std::string account_json(proto::Value::Map object, const Account& account, JsonForm form);

// Name and message of those who answered with a status other than 0, for a member of that object.
proto::Value refusals(const Gathered& gathered);

}  // namespace mco::client
