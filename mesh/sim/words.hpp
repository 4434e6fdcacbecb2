#pragma once

#include <string>

#include "mesh/core/effect.hpp"
#include "mesh/sim/network.hpp"
#include "proto/messages.hpp"

namespace mco::mesh::sim {

class World;

// Effects and messages as a colleague would read them aloud: protocol facts, never log wording. `other` is who is at the end
// of the link that the effect names.
std::string words(const World& world, const Effect& effect, Place other);
std::string words(const World& world, const proto::Message& message);

}  // namespace mco::mesh::sim
