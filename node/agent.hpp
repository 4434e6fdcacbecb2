#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "node/call.hpp"
#include "proto/messages.hpp"
#include "proto/time.hpp"
#include "proto/value.hpp"

namespace mco::node {

// What an action has to say. A failed one may carry data, too; outputs it leaves out get the defaults of its DDL.
struct ActionReply {
    proto::StatusCode status = proto::StatusCode::ok;
    std::string message = "OK";
    proto::Value::Map data;
};

// Something this node can do. What it is called with and answers is described in its DDL, which the registry holds; a call
// arrives here only after admission checked it against that.
class Agent {
 public:
    virtual std::string_view name() const = 0;

    // Worker thread; several calls may run at once. May block until the DDL's timeout; `stop` then asks it to end, and
    // nobody waits for what it answers. Must not throw.
    virtual ActionReply run(const Call& call, std::stop_token stop) = 0;

    // Whether an action leaves the machine as it is. Those that change it are refused when they cannot be audited.
    enum class Effect : std::uint8_t { reads, changes };
    virtual Effect effect(std::string_view action) const = 0;

    // Whether an action is over in microseconds and waits for nobody. It then runs on the reactor's thread, and answers even when
    // all workers are busy.
    virtual bool at_once(std::string_view) const { return false; }

    // Whether its calls carry a view of the mesh. It is taken when they are admitted, and not for free.
    virtual bool sees_mesh() const { return false; }

    // Whether it answers where no setting speaks of it. One that gives away the whole machine does not.
    enum class Initially : std::uint8_t { active, off };
    virtual Initially initially() const { return Initially::active; }
    // What its calls get beyond the timeout of the DDL before they are answered for: time to end a program and say so.
    virtual proto::Duration patience() const { return {}; }

 protected:
    // Owned as the concrete type: built-in ones are listed in main.cpp and outlive the worker pool, others are shared by the
    // registry and the calls in flight.
    ~Agent() = default;
};

}  // namespace mco::node
