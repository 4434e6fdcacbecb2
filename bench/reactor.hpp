#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "bench/emulated_node.hpp"
#include "mesh/io/venue.hpp"
#include "node/descriptor.hpp"
#include "proto/error.hpp"

namespace mco::bench {

// Many nodes on one thread: waits for all of them at once and gives a turn to those that have something to do.
class Reactor {
 public:
    // `open` makes the next node, or tells that there are no more. It is called while less than `greeting_max` of the
    // nodes are still looking for their places, so that a thousand do not knock at once.
    using Next = std::function<proto::Result<std::unique_ptr<EmulatedNode>>()>;
    static proto::Result<std::unique_ptr<Reactor>> make(mesh::io::Venue::Options options);
    ~Reactor();

    mesh::io::Venue& venue() { return *venue_; }
    void add(std::unique_ptr<EmulatedNode> node);
    struct Figures {
        std::size_t opened = 0, joined = 0, turns = 0;
        std::size_t relays = 0;   // nodes that relay,
        std::size_t aware = 0;    // and of those, who know of all the others
        std::size_t dialled = 0;  // connections that the nodes made
        std::uint64_t replies = 0;
    };
    // Until `stop` is readable, telling how it goes every now and then. The result: an error of `open`, which ends it.
    proto::Result<void> run(std::size_t to_open, const Next& open, int stop, const std::function<void(const Figures&)>& tell);
    const Figures& figures() const { return figures_; }
    // What each relay has to know: the members of its own group, and that the other groups exist. How many those have is their own
    // relays' business, whose accounts of a request are the ones that count.
    struct Expected {
        std::size_t members = 0, other_groups = 0;
    };
    void expect(std::function<Expected(const EmulatedNode&)> expected) { expected_ = std::move(expected); }

 private:
    struct Tenant {
        std::unique_ptr<EmulatedNode> node;
        std::optional<proto::Instant> deadline;
        bool due = false, joined = false;
    };
    Reactor(std::unique_ptr<mesh::io::Venue> venue, node::Descriptor epoll);
    void watch(int descriptor, std::uint64_t of);
    void mark(std::size_t index);
    void give_turn(std::size_t index);
    enum class Patience { none, some };
    bool wait(Patience patience);  // false: to stop
    bool look_around(proto::Instant now);  // true: it was time to

    std::unique_ptr<mesh::io::Venue> venue_;  // before the nodes
    node::Descriptor epoll_;
    std::vector<Tenant> tenants_;
    std::deque<std::size_t> due_;
    std::set<std::pair<proto::Instant, std::size_t>> deadlines_;
    proto::Instant look_at_{};
    std::function<Expected(const EmulatedNode&)> expected_;
    Figures figures_;
};

}  // namespace mco::bench
