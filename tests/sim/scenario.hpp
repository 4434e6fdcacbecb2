#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "mesh/sim/world.hpp"

namespace mco::mesh::sim {

// A scenario is text: blocks of commands, a line of dashes, and what then happens, up to an empty line. What is expected
// was written by a run with MCO_REWRITE=1 and read by a person. '#' begins a comment.
//
//   nodes N [seeds=1] [groups=1] [leaves=0]   a mesh of N, until everybody is in his place; of each group the last so many are
//                                   leaves
//   shape                           prints who is attached to whom
//   ask cN at NODE [spare NODE] [timeout=10s]     a client asks an entry, and has perhaps a second one
//   run TIME | run until cN         time passes
//   in TIME COMMAND                 later
//   kill | crash | start | leave | freeze | thaw NODE     crash: the host dies and tells nobody
//   join                            one more node
//   partition NODE...               these from all others
//   deaf NODE NODE                  nothing gets from the first to the second
//   lossy PER_THOUSAND              publications lost
//   heal
//   slow NODE TIME                  its agents take so long
//   cancel cN | repeat cN [spare] | drop cN
//   roster NODE                     prints how the others look from there
class Scenario {
 public:
    // Runs the text and returns it with what happened in the place of what was expected.
    std::string run(const std::string& text);
    std::vector<std::string> complaints() const;

 private:
    using Words = std::vector<std::string>;
    void command(const std::string& line);
    void nodes(const Words& words);
    void ask(const Words& words);
    void pass_time(const Words& words);
    void fate(const std::string& verb, Place node);
    void print_roster(Place node);
    void print_shape();
    void observe();
    void print(const std::string& line);
    Place node(const std::string& word) const;
    Place client(const std::string& word) const;
    static proto::Duration duration(const std::string& word);
    std::string stamp() const;

    std::unique_ptr<World> world_;
    std::map<std::string, Place> clients_;
    std::map<Place, proto::Duration> service_;
    proto::Instant block_began_{};
    std::string output_;
    std::vector<std::string> mistakes_;
};

}  // namespace mco::mesh::sim
