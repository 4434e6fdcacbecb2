#pragma once

#include <functional>
#include <string_view>

#include "client/account.hpp"
#include "client/session.hpp"

namespace mco::client {

// Asking every node that the filter means whether it is there: agent discovery, action ping. Built in, so that it needs no
// DDL; open to every caller that the authority knows.
struct Discovered {
    Gathered gathered;
    Account account;
};
inline constexpr std::string_view discovery_agent = "discovery";
proto::Result<Discovered> discover(Session& session, const Target& target,
                                   std::function<void(const Reply&)> on_reply = [](const Reply&) {});

}  // namespace mco::client
