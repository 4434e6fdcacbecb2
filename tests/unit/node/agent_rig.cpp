#include "tests/unit/node/agent_rig.hpp"

#include <chrono>

#include <doctest/doctest.h>

#include "proto/schema_library.hpp"
#include "tests/unit/node/authority.hpp"

namespace mco::test {

using namespace std::chrono_literals;

AgentRig::AgentRig(node::Agent& agent) : agent_(agent) {
    const Libdir libdir;
    auto schema = proto::SchemaLibrary({libdir.path()}).load(std::string(agent.name()));
    REQUIRE_MESSAGE(schema.has_value(), schema.error().detail);
    schema_ = std::move(*schema);
    view_->traits.identity = "web1";
}

std::string AgentRig::objection(std::string_view action, const proto::Value::Map& arguments) const {
    const auto* found = schema_.find_action(action);
    REQUIRE_MESSAGE(found != nullptr, action);
    const auto valid = proto::validate_inputs(*found, arguments);
    return valid ? std::string() : valid.error().detail;
}

node::Call AgentRig::call(std::string_view action, proto::Value::Map arguments) const {
    node::Call call;
    call.agent = agent_.name();
    call.action = action;
    call.arguments = std::move(arguments);
    call.caller = "cert=alice";
    call.time = at(100s).wall;
    call.node = view_;
    return call;
}

node::ActionReply AgentRig::run(std::string_view action, proto::Value::Map arguments, std::stop_token stop) {
    REQUIRE(objection(action, arguments).empty());
    const auto* declared = schema_.find_action(action);
    auto reply = agent_.run(call(action, std::move(arguments)), std::move(stop));
    CHECK(reply.status != proto::StatusCode::unknown_action);
    for (const auto& [name, value] : reply.data)
        CHECK_MESSAGE(declared->find_output(name) != nullptr, action << " returns an undeclared " << name);
    proto::fill_outputs(*declared, reply.data);
    return reply;
}

const proto::Value& output(const node::ActionReply& reply, std::string_view name) {
    const auto found = reply.data.find(name);
    REQUIRE_MESSAGE(found != reply.data.end(), name);
    return found->second;
}

}  // namespace mco::test
