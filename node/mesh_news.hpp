#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/core/engine.hpp"
#include "node/log.hpp"

namespace mco::node {

// The engine's notices as lines of the log. Members and roles change seldom, so they are news; but who joins a large group
// learns of thousands at once, which is one line with a number. What single requests cause stays at debug. One thread; the
// log must outlive it.
class MeshNews {
 public:
    explicit MeshNews(Log& log) : log_(log) {}

    void note(const mesh::Notice& notice);  // within the host's turn
    void tell(const mesh::Engine& engine);  // after the turn: names are looked up then

 private:
    void debug(const mesh::Notice& notice, std::string_view what);

    Log& log_;
    std::vector<mesh::Notice> members_;  // of this turn, which the engine bounds
};

}  // namespace mco::node
