#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "client/command.hpp"
#include "client/config.hpp"
#include "client/selection.hpp"
#include "proto/filter.hpp"

// Discovery methods that need no mesh: who is meant, as a file, a program or a database says.
namespace mco::client {

struct Search {
    const proto::Filter& filter;  // as typed, without the agent that is called
    const std::string& collective;
    const Selection& selection;
    std::chrono::seconds patience;  // of what has to be waited for
    const Config& config;
    World& world;
};

// The names, in the method's order, each once; never none. Errors name the file or program and what is wrong; a part of the filter
// that the method cannot judge is `invalid`, because to leave it out would mean more nodes than the operator said.
proto::Result<std::vector<std::string>> look_up(const Search& search);

}  // namespace mco::client
