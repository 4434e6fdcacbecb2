#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "mesh/core/engine.hpp"
#include "mesh/core/rng.hpp"
#include "mesh/sim/invariants.hpp"
#include "mesh/sim/network.hpp"
#include "mesh/sim/workload.hpp"

namespace mco::mesh::sim {

// A whole mesh in one thread and in virtual time: engines as they are in the daemon, and a host for each that does what
// mesh/io does, without sockets and without cryptography (records carry empty signatures). Equal seeds give equal runs.
class World {
 public:
    struct Options {
        std::size_t nodes = 3;
        std::uint64_t seed = 1;
        Timing timing;
        Network::Options network;
        std::size_t seeds = 1;           // the first so many nodes are everybody's seeds
        proto::Duration service{1'000};  // how long an agent takes
        std::size_t trace_max = 50;      // effects remembered for each node
    };
    explicit World(Options options);

    // What the agent of a node does with a request.
    struct Script {
        proto::Duration service{};
        proto::Outcome outcome = proto::Outcome::ok;
        std::size_t reply_size = 16;
    };
    using Agent = std::function<Script(Place node, const proto::RequestId& request)>;
    void set_agent(Agent agent) { agent_ = std::move(agent); }
    // Called with every effect of an engine and everything a client receives, as it happens.
    struct Observer {
        std::function<void(Place node, const Effect& effect, Place other)> effect;
        std::function<void(Place client, const proto::Message& message)> received;
    };
    void set_observer(Observer observer) { observer_ = std::move(observer); }

    // Faults and chores. All take effect now.
    Place add_node();
    void start(Place node);  // of a node that is not running: a new incarnation
    enum class Death : std::uint8_t {
        process,
        host
    };  // of a process the kernel tells its peers; of a host nobody does
    void kill(Place node, Death death = Death::process);
    void leave(Place node);
    void freeze(Place node);
    void thaw(Place node);
    void partition(const std::vector<Place>& side);  // both ways between these and all others
    Network& network() { return network_; }
    void heal();                                                         // of the network, and what waited in it flows
    Place submit(Client::Plan plan, const std::vector<Place>& entries);  // the new client's place
    void drop_client(Place client);                                      // it is killed
    void cancel(Place client);
    void repeat(Place client, std::size_t entry);
    void at(proto::Duration after, std::function<void()> act);

    void run(proto::Duration how_long);
    // Until the condition holds; false if it did not within that time.
    bool run_until(const std::function<bool()>& condition, proto::Duration at_most);
    bool failed() const { return !invariants_.complaints().empty(); }

    proto::Now now() const { return now_; }
    std::uint64_t steps() const { return steps_; }
    std::size_t nodes() const { return nodes_.size(); }
    bool running(Place node) const { return nodes_.at(node)->engine.has_value(); }
    bool frozen(Place node) const { return nodes_.at(node)->frozen; }
    const Engine& engine(Place node) const { return *nodes_.at(node)->engine; }
    const proto::PeerId& id(Place node) const { return nodes_.at(node)->record.peer; }
    std::string name(const proto::PeerId& peer) const;
    std::string name(Place place) const;
    std::string name(const proto::RequestId& request) const;  // r1, r2, ... in the order of their clients
    std::uint64_t incarnation(Place node) const { return nodes_.at(node)->record.incarnation; }
    const std::map<Place, Client>& clients() const { return clients_; }
    std::optional<Place> entry_of(Place client) const;  // where it asked last, if that link still stands
    bool whole() const;                                 // every pair of running nodes is linked
    bool subscribed() const;                            // and follows each other
    proto::RequestId make_request_id();
    Invariants& invariants() { return invariants_; }
    const Invariants& invariants() const { return invariants_; }
    std::string trace(Place node) const;  // its last effects, a line each
    Place last_active() const { return last_active_; }

 private:
    using ConnectionId = std::uint64_t;
    enum End : std::size_t { dialler = 0, acceptor = 1 };
    static End other(End end) { return end == dialler ? acceptor : dialler; }

    struct Parcel {
        enum class Kind : std::uint8_t { welcome, frame, end } kind = Kind::frame;
        proto::Bytes frame;
    };
    // Ordered both ways, as TCP is. Each end is open or not, and knows nothing of the other's but what arrives.
    struct Connection {
        Place place[2]{};
        LinkId link[2]{};  // 0: not announced
        bool open[2]{};
        proto::Instant last[2]{};     // latest arrival at that end
        std::deque<Parcel> stuck[2];  // on the way to that end, behind a partition
        Address where;
        std::size_t entry = 0;  // of a client's
    };
    struct Dialled {
        ConnectionId connection = 0;  // 0: none
        std::uint64_t generation = 0;
        unsigned failures = 0;
    };
    struct Follower {
        bool established = false;
        std::uint64_t generation = 0;
        unsigned failures = 0;
    };
    struct Subscriber {
        std::set<std::string> topics;
        std::uint64_t generation = 0;
    };
    struct Traced {
        proto::Instant when{};
        Effect effect;
        Place other = nowhere;  // at the end of the link it names
    };
    struct Node {
        proto::PeerRecordBody record;
        Rng rng{0};
        std::optional<Engine> engine;  // while running
        bool frozen = false;
        bool host_dead = false;
        std::uint64_t process = 0;                  // counts up with each start: what was meant for another is dropped
        std::deque<std::function<void()>> backlog;  // of a frozen one
        std::map<Address, Dialled> dials;
        std::map<Address, Follower> followers;
        std::map<Place, Subscriber> subscribers;
        std::map<LinkId, ConnectionId> links;
        LinkId next_link = 1;
        proto::Instant wake = proto::Instant::max();
        std::deque<Traced> trace;
    };
    struct Event {
        proto::Instant when{};
        std::uint64_t number = 0;
        std::function<void()> act;
    };
    struct Later {
        bool operator()(const Event& a, const Event& b) const {
            return a.when != b.when ? a.when > b.when : a.number > b.number;
        }
    };

    // world.cpp
    bool step();
    void input(Place node, std::function<void()> act);  // now, or when it thaws
    void settle(Place node);                            // performs the effects until there are none
    void schedule_wake(Place node);
    void forget_process(Place node, Death death);
    proto::Bytes sealed_record(const Node& node) const;
    std::optional<Place> find(const Address& where, std::string proto::PeerRecordBody::*endpoint) const;

    Place at_other_end(Place node, const Effect& effect) const;

    // world_effects.cpp
    void perform(Place node, Send& one);
    void perform(Place node, Publish& one);
    void perform(Place node, Dial& one);
    void perform(Place node, Undial& one);
    void perform(Place node, Follow& one);
    void perform(Place node, Unfollow& one);
    void perform(Place node, Hangup& one);
    void perform(Place node, Perform& one);
    void perform(Place node, Withdraw& one);
    void perform(Place node, Notice& one);
    void answer(Place node, std::uint64_t process, const proto::RequestId& request, proto::Outcome outcome,
                std::size_t size);
    bool vet(Place node, const proto::Bytes& frame);

    // world_network.cpp
    void try_dial(Place node, Address where, std::uint64_t generation);
    void retry_dial(Place node, const Address& where);
    void shake_hands(Place node, const Address& where, std::uint64_t generation, Place target);
    void announce(ConnectionId id, End end);
    void welcomed(ConnectionId id);
    void put(ConnectionId id, End to, Parcel parcel);
    void arrive(ConnectionId id, End end, Parcel parcel);
    void deliver(ConnectionId connection_id, End end, const proto::Bytes& frame);
    void close(ConnectionId id, End end);  // this end ends it, and the other is told
    void ended(ConnectionId id, End end);  // this end learns that the other is gone
    void try_follow(Place node, Address where, std::uint64_t generation);
    void retry_follow(Place node, const Address& where);
    void unsubscribe(Place publisher, Place subscriber, std::uint64_t generation);
    proto::Duration back_off(unsigned failures);
    void client_input(Place client, const std::function<void(Client&)>& act);
    proto::PeerId caller_id(Place client) const;

    Options options_;
    Rng rng_, ids_;
    Network network_;
    Agent agent_;
    Observer observer_;
    Invariants invariants_;
    proto::Now now_;
    std::uint64_t steps_ = 0, events_ = 0, generations_ = 0;
    std::priority_queue<Event, std::vector<Event>, Later> queue_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::map<ConnectionId, Connection> connections_;
    ConnectionId next_connection_ = 1;
    std::map<Place, Client> clients_;
    std::set<std::tuple<Place, std::uint64_t, proto::RequestId>> answered_;
    Place next_client_ = first_client;
    Place last_active_ = 0;
};

}  // namespace mco::mesh::sim
