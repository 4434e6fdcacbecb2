#pragma once

#include <functional>

#include "client/account.hpp"
#include "client/session.hpp"

namespace mco::client {

// Asking every node that the filter means whether it is there: agent discovery, action ping. Built in, so that it needs no
// DDL; open to every caller that the authority knows.
struct Discovered {
    Gathered gathered;
    Account account;
    Choice choice = Choice::by_filter;
};
proto::Result<Discovered> discover(Session& session, std::function<void(const Reply&)> on_reply);

}  // namespace mco::client
