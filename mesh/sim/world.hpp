#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mesh/core/engine.hpp"
#include "mesh/core/rng.hpp"
#include "mesh/sim/costs.hpp"
#include "mesh/sim/invariants.hpp"
#include "mesh/sim/network.hpp"
#include "mesh/sim/records.hpp"
#include "mesh/sim/workload.hpp"

namespace mco::mesh::sim {

// A whole mesh in one thread and in virtual time: engines as they are in the daemon, and a host for each that does what
// mesh/io does, without sockets and without cryptography (records carry empty signatures). Equal seeds give equal runs. From
// three nodes to a hundred thousand: no event looks at all nodes or connections.
class World {
 public:
    struct Character {  // of a node; the same after each restart
        std::string group = "default";
        proto::RelayWish relay = proto::RelayWish::automatic;
        bool dialable = true, performs = true;  // false: it only dials; it is a proxy
        std::vector<std::string> collectives{"mcollective"};
    };
    enum class Start : std::uint8_t {
        cold,  // everybody knows the seeds only
        warm,  // relays remember their group and leaves the relays, as after an update of everything at once
        warm_without_seeds,  // and leaves trust their memory: no herd at the seeds
    };
    struct Options {
        std::size_t nodes = 3;
        std::uint64_t seed = 1;
        Timing timing;
        Network::Options network;
        std::size_t seeds = 1;           // of each group, the first so many that can be dialled; known there and in one more group
        std::size_t homes = 2;           // relays of a leaf
        proto::Duration service{1'000};  // how long an agent takes
        std::size_t trace_max = 50;      // effects remembered for each node; 0: none
        bool check = true;               // engines check themselves after each input
        std::uint64_t steps_max = 0;     // more are a complaint: somebody goes in circles; 0: any number
        Start start = Start::cold;
        bool memory = false;             // who starts again remembers what it knew when it was killed
        std::function<Character(Place)> character;  // nothing: all are alike
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
    struct Observer {  // called with every effect of an engine and everything a client receives, as it happens
        std::function<void(Place node, const Effect& effect, Place other)> effect;
        std::function<void(Place client, const proto::Message& message)> received;
    };
    void set_observer(Observer observer) { observer_ = std::move(observer); }
    // From now on machines need time for their messages, and connections between groups for their octets. Nothing: none.
    void set_costs(std::optional<Costs> costs) { costs_ = costs; }

    // Faults and chores. All take effect now.
    Place add_node();
    void start(Place node);  // of a node that is not running: a new incarnation
    enum class Death : std::uint8_t { process, host };  // of a process the kernel tells its peers; of a host nobody does
    void kill(Place node, Death death = Death::process);
    void leave(Place node);
    void freeze(Place node);
    void thaw(Place node);
    void partition(const std::vector<Place>& side);  // both ways between these and all others
    Network& network() { return network_; }
    const Network& network() const { return network_; }
    void heal();                                                         // of the network, and what waited in it flows
    Place submit(Client::Plan plan, const std::vector<Place>& entries);  // the new client's place
    void drop_client(Place client);                                      // it is killed
    void cancel(Place client);
    void repeat(Place client, std::size_t entry);
    void at(proto::Duration after, std::function<void()> act);

    void run(proto::Duration how_long);
    // Until the condition holds; false if it did not within that time. It is asked after each step.
    bool run_until(const std::function<bool()>& condition, proto::Duration at_most);
    bool failed() const { return !invariants_.complaints().empty(); }

    // ---------------------------------------------------------------------------------------- inspection
    proto::Now now() const { return now_; }
    std::uint64_t steps() const { return steps_; }
    std::size_t nodes() const { return nodes_.size(); }
    std::size_t starting() const { return starting_; }  // of a warm start: will run in a moment
    bool running(Place node) const { return nodes_.at(node)->engine.has_value(); }
    bool frozen(Place node) const { return nodes_.at(node)->frozen; }
    const Engine& engine(Place node) const { return *nodes_.at(node)->engine; }
    const proto::PeerId& id(Place node) const { return nodes_.at(node)->body.peer; }
    const proto::PeerRecordBody& record(Place node) const { return nodes_.at(node)->body; }
    std::optional<Place> place_of(const proto::PeerId& peer) const;
    std::string name(const proto::PeerId& peer) const;
    std::string name(Place place) const;
    std::string name(const proto::RequestId& request) const;  // r1, r2, ... in the order of their clients
    std::uint64_t incarnation(Place node) const { return nodes_.at(node)->body.incarnation; }
    const std::map<Place, Client>& clients() const { return clients_; }
    std::optional<Place> entry_of(Place client) const;  // where it asked last, if that link still stands
    const std::vector<std::string>& groups() const { return groups_; }  // by site
    const std::vector<Place>& members_of(Site site) const { return members_.at(site); }
    bool follows(Place subscriber, Place publisher) const;  // as the publisher sees it
    proto::RequestId make_request_id();
    Invariants& invariants() { return invariants_; }
    const Invariants& invariants() const { return invariants_; }
    std::string trace(Place node) const;  // its last effects, a line each
    Place last_active() const { return last_active_; }
    // Since the last reset; publications count at both ends. The busiest connection is that with the most octets in one
    // direction.
    const Traffic& traffic(Place node) const { return nodes_.at(node)->traffic; }
    std::uint64_t busiest_connection() const;
    void reset_traffic();

 private:
    using ConnectionId = std::uint64_t;
    using Frame = std::shared_ptr<const proto::Bytes>;
    enum End : std::size_t { dialler = 0, acceptor = 1 };
    static End other(End end) { return end == dialler ? acceptor : dialler; }
    struct Parcel {
        enum class Kind : std::uint8_t { welcome, frame, end } kind = Kind::frame;
        Frame frame;
        std::size_t size() const { return frame ? frame->size() : 0; }
    };
    // Ordered both ways, as TCP is. Each end is open or not, and knows nothing of the other's but what arrives.
    struct Connection {
        Place place[2]{};
        LinkId link[2]{};  // 0: not announced
        bool open[2]{};
        proto::Instant last[2]{};     // latest arrival at that end
        std::vector<Window> lanes[2];  // of what goes to that end, from another site
        std::size_t next_lane[2]{};
        std::uint64_t octets[2]{};    // that went to that end
        std::vector<Parcel> stuck[2];  // on the way to that end, behind a partition
        Address where;
        std::size_t entry = 0;  // of a client's
    };
    struct Dialled {
        ConnectionId connection = 0;  // 0: none
        std::uint64_t generation = 0;
        unsigned failures = 0;
    };
    struct Follower {
        std::vector<std::string> topics;
        std::optional<Place> publisher;  // while established
        std::uint64_t generation = 0;
        unsigned failures = 0;
        proto::Instant last{};  // latest arrival of a subscription there
    };
    struct Subscriber {
        std::set<std::string> topics;
        std::uint64_t generation = 0;
        proto::Instant last{};  // latest arrival of a publication there
        Window window;
    };
    struct Traced {
        proto::Instant when{};
        Effect effect;
        Place other = nowhere;  // at the end of the link it names
    };
    struct Job {
        std::chrono::nanoseconds cost{0};
        std::uint64_t process = 0;
        std::function<void()> act;
    };
    struct Node {
        Character character;
        proto::PeerRecordBody body;
        SharedRecord record;
        bool is_seed = false;
        std::size_t starts = 0;
        Rng rng{0};
        std::optional<Engine> engine;  // while running
        Engine::Memory memory;
        bool frozen = false;
        bool host_dead = false;
        bool busy = false;             // with costs: its reactor
        std::uint64_t process = 0;     // counts up with each start: what was meant for another is dropped
        std::list<Job> inbox;          // of a frozen or busy one
        std::chrono::nanoseconds owed{0};  // what the input just handled costs beyond its arrival
        std::chrono::nanoseconds io_free{0};  // since the beginning of time: its I/O thread
        Traffic traffic;
        std::map<Address, Dialled> dials;
        std::map<Address, Follower> followers;
        std::map<Place, Subscriber> subscribers;
        std::map<std::string, std::set<Place>, std::less<>> topics;  // who of them wants what; not presence
        std::set<Place> followed_by;                                 // established, whether their subscription came or not
        std::map<LinkId, ConnectionId> links;
        std::map<Place, std::uint32_t> peers;  // links to each
        std::set<ConnectionId> connections;    // of which this end is open
        LinkId next_link = 1;
        proto::Instant wake = proto::Instant::max();
        std::vector<Traced> trace;  // a ring
        std::size_t traced = 0;
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
    void start_warm();
    void make_record(Place node);
    void start_engine(Place node, std::vector<SharedRecord> known, std::vector<Address> seeds);
    std::vector<Address> seeds_for(Place node) const;
    void forget_process(Place node, Death death);
    bool step();
    Site site_of(const std::string& group);

    // world_machine.cpp
    void input(Place node, std::chrono::nanoseconds cost, std::function<void()> act);  // now, or when it is its turn
    void next_job(Place node);
    void settle(Place node);  // performs the effects until there are none
    void schedule_wake(Place node);
    void remember(Node& node, const Effect& effect, Place other);
    void hand_over(Place node, std::size_t octets);          // to the I/O thread
    proto::Instant leaves(Place node, std::size_t octets, std::chrono::nanoseconds more = {});  // enciphered, on the wire
    proto::Duration enters(Place node, std::size_t octets);  // until what is here now was deciphered
    std::chrono::nanoseconds price(const Parcel& parcel) const;
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

    // world_links.cpp
    std::optional<Place> find(const Address& where) const;
    void try_dial(Place node, Address where, std::uint64_t generation);
    void retry_dial(Place node, const Address& where);
    void shake_hands(Place node, const Address& where, std::uint64_t generation, Place target);
    Connection& connect(Place from, Place to);
    void announce(ConnectionId id, End end);
    void welcomed(ConnectionId id);
    void put(ConnectionId id, End to, Parcel parcel, proto::Instant leaves);
    void put(ConnectionId id, End to, Parcel parcel) { put(id, to, std::move(parcel), now_.mono); }
    void travel(ConnectionId id, End to, Parcel parcel, proto::Instant leaves);
    void arrive(ConnectionId id, End end, Parcel parcel);
    void take_in(ConnectionId id, End end, const Parcel& parcel);
    void deliver(ConnectionId connection_id, End end, const proto::Bytes& frame);
    void deliver_roster(Place node, LinkId link, const proto::Bytes& frame);
    void deliver_groups(Place node, LinkId link, const proto::Bytes& frame);
    void close(ConnectionId id, End end);  // this end ends it, and the other is told
    void ended(ConnectionId id, End end);  // this end learns that the other is gone
    void shut(ConnectionId id, End end);   // its books
    void drop_link(Node& node, LinkId link);

    // world_fanout.cpp
    void try_follow(Place node, Address where, std::uint64_t generation);
    void retry_follow(Place node, const Address& where);
    void subscribe(Place node, Follower& follower, proto::Duration delay);
    void subscriptions(Place publisher, Place subscriber, std::uint64_t generation, std::vector<std::string> topics);
    void unsubscribe(Place publisher, Place subscriber, std::uint64_t generation);
    proto::Duration back_off(unsigned failures);

    // world_clients.cpp
    void connect_client(Place client, std::size_t entry, std::optional<Place> target);
    void client_input(Place client, const std::function<void(Client&)>& act);
    void client_frame(const Connection& connection, const proto::Bytes& frame);
    static proto::PeerId caller_id(Place client);

    Options options_;
    Rng rng_, ids_;
    Network network_;
    Agent agent_;
    Observer observer_;
    Invariants invariants_;
    Records records_;
    std::optional<Costs> costs_;
    proto::Now now_;
    std::uint64_t steps_ = 0, events_ = 0, generations_ = 0;
    std::priority_queue<Event, std::vector<Event>, Later> queue_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::unordered_map<proto::PeerId, Place> places_;
    std::unordered_map<std::string, Place> endpoints_;  // of running nodes, of both kinds
    std::vector<std::string> groups_;
    std::vector<std::vector<Place>> members_, seeds_;  // by site
    std::vector<std::unique_ptr<Connection>> connections_{1};  // by id; ended ones are empty, and 0 is none
    std::map<Place, Client> clients_;
    std::map<Place, std::vector<ConnectionId>> client_connections_;  // by entry; 0: none
    std::map<Place, std::size_t> client_complaints_;                 // told already
    std::map<proto::RequestId, std::size_t> request_numbers_;
    std::set<std::tuple<Place, std::uint64_t, proto::RequestId>> answered_;
    Place next_client_ = first_client;
    std::size_t starting_ = 0;
    Place last_active_ = 0;
};

}  // namespace mco::mesh::sim
