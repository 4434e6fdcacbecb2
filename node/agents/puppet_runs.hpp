#pragma once

#include <stop_token>

#include "node/agent.hpp"
#include "node/agents/programs.hpp"
#include "node/agents/puppet_state.hpp"

// The two actions of the agent 'puppet' that start its program. Worker thread.
namespace mco::node {

ActionReply run_once(const Call& call, const PuppetPlaces& places, const Programs& programs, std::stop_token stop);
ActionReply apply_resource(const Call& call, const PuppetPlaces& places, const Programs& programs,
                           std::stop_token stop);

}  // namespace mco::node
