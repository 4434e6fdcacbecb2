#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mesh/core/deadline_queue.hpp"
#include "mesh/core/engine.hpp"
#include "mesh/core/engine_tables.hpp"
#include "mesh/core/gather.hpp"
#include "mesh/core/relays.hpp"
#include "mesh/core/roster.hpp"

// Private to the engine; one file a concern:
//   engine.cpp           the way in, time, frames
//   engine_links.cpp     connections and dials
//   engine_homes.cpp     who is a relay; leaves and their relays
//   engine_gossip.cpp    the roster among relays, signs of life
//   engine_memory.cpp    what a process leaves to the next one
//   engine_groups.cpp    what groups know of each other, gateways
//   engine_requests.cpp  an account is opened and handed out; patience
//   engine_words.cpp     what children say, and when an account may close
//   engine_abroad.cpp    a request in other groups
//   engine_repair.cpp    what a lost relay or publication left behind
//   engine_credit.cpp    back-pressure
//   engine_account.cpp   what is known is written down, told and kept
//   engine_member.cpp    our own part in a request
//   engine_check.cpp     invariants
namespace mco::mesh {

using namespace table;

struct Engine::State {
    using Accounts = std::map<proto::RequestId, Account>;
    using Duties = std::map<proto::RequestId, Duty>;

    State(Self self_, Timing timing_, Rng& rng_);

    // -------------------------------------------------------------------------------------------- time
    void elapse(proto::Now now);
    void expire(proto::Now now, const Timer& timer);

    // -------------------------------------------------------------------------------------------- links
    void link_up(proto::Now now, Linked linked);
    void peer_link_up(proto::Now now, Linked linked);
    void link_down(proto::Now now, LinkId link);
    void hang_up(proto::Now now, LinkId link, proto::Errc why);
    void subscribed(const proto::PeerId& peer, std::string_view topic);
    void unsubscribed(proto::Now now, const proto::PeerId& peer, std::string_view topic);
    void forget_link(proto::Now now, LinkId link);  // however it ended
    void first_link(proto::Now now, const proto::PeerId& peer);
    void last_link_gone(proto::Now now, const proto::PeerId& peer);
    void follow(const proto::PeerId& peer);
    std::vector<std::string> topics_at(const proto::PeerId& peer) const;  // what we subscribe to there
    std::optional<LinkId> preferred(const proto::PeerId& peer) const;
    bool linked(const proto::PeerId& peer) const { return preferred(peer).has_value(); }
    bool has_subscribed(const proto::PeerId& peer, std::string_view topic) const;
    bool dialled_by_larger(const Link& link) const;
    void heard_from(proto::Now now, Link& link);
    void silence_passed(proto::Now now, LinkId link);
    void review(proto::Now now, const proto::PeerId& peer);
    std::vector<Address> ways_to(const proto::CurvePublicKey& key) const;
    void steer(proto::Now now, const proto::CurvePublicKey& key);  // dials what should be dialled, and nothing else
    bool wants_dial(proto::Now now, const proto::CurvePublicKey& key) const;
    void undial(const proto::CurvePublicKey& key);
    void redial(const proto::CurvePublicKey& key);  // it is known to be there: do not wait out the back-off
    void turn_dials();
    bool is_seed(const proto::CurvePublicKey& key) const;

    // -------------------------------------------------------------------------------------------- homes
    bool ours(const proto::PeerId& peer) const;             // a member of our group
    bool is_relay(const proto::PeerId& peer) const;         // of our group, as far as we know
    bool wants_link(const proto::PeerId& peer) const;       // by its place and ours
    bool seed_is_of_use(const proto::CurvePublicKey& key) const;
    bool lonely() const;                                    // no link to anybody of our group; a leaf: no home
    void rank(proto::Now now, const proto::PeerId& peer);   // files the member among those who may be relays
    void bench_passed(proto::Now now, const proto::PeerId& peer);
    void settle_roles(proto::Now now);                      // after each input: who is a relay now, and what follows
    void set_relays(proto::Now now, std::vector<proto::PeerId> relays);
    void become_relay(proto::Now now);
    void become_leaf(proto::Now now);
    void settle_homes(proto::Now now);
    void homeless_passed(proto::Now now);
    void attach(proto::Now now, const proto::PeerId& relay, proto::Standing standing);
    void confirm(const proto::PeerId& relay);  // says again what we are attached as
    void send_relays(proto::Now now, LinkId link);
    void on_relays(proto::Now now, LinkId link, proto::Relays relays);
    void be_told(proto::Now now, std::uint32_t of_group);
    bool knows_less(proto::Now now, std::size_t of_group) const;
    void on_attach(proto::Now now, LinkId link, const proto::Attach& attach);
    void on_redirect(proto::Now now, LinkId link, const proto::Redirect& redirect);
    std::vector<SharedRecord> relay_records() const;        // of the relays of our group that we know

    // -------------------------------------------------------------------------------------------- memory
    void recall(proto::Now now, Memory memory);
    void recall_passed(proto::Now now);
    Memory memory(proto::Now now) const;

    // -------------------------------------------------------------------------------------------- gossip
    void tick(proto::Now now);
    void ping(proto::Now now, LinkId link);
    void roster_frame(proto::Now now, LinkId link, std::vector<OpenedEntry> entries);
    bool learn(proto::Now now, Roster::Word word);  // whether others should hear of it
    void member_changed(proto::Now now, const proto::PeerId& peer);
    void greet(proto::Now now, LinkId link);        // what a peer that was just linked must know
    bool send_roster(proto::Now now, LinkId link, std::optional<proto::Instant> since);
    void send_entries(proto::Now now, LinkId link, const std::vector<proto::PeerId>& peers);
    void pass_on(proto::Now now, const std::vector<proto::PeerId>& news, const proto::PeerId& source);
    void spread(proto::Now now, const std::vector<proto::PeerId>& news, const proto::PeerId& source);
    void end_older_links(proto::Now now, const proto::PeerId& peer);
    void on_ping(proto::Now now, LinkId link, const proto::Ping& ping);
    bool first_to_tell(const proto::PeerId& peer) const;
    void on_pong(proto::Now now, LinkId link, const proto::Pong& pong);
    void on_bye(proto::Now now, LinkId link);
    void forget_member(proto::Now now, const proto::PeerId& peer);

    // -------------------------------------------------------------------------------------------- groups
    void groups_frame(proto::Now now, LinkId link, std::vector<OpenedGroup> groups);
    bool timely(proto::Now now, std::uint64_t version) const;
    void forget_groups(proto::Now now);
    bool learn_group(proto::Now now, OpenedGroup group);
    proto::GroupSummary own_summary(proto::Now now) const;
    void send_groups(proto::Now now, LinkId link);
    void own_group_changed(proto::Now now);  // others will hear of it soon
    void tell_groups(proto::Now now);
    bool is_gateway_of(const proto::PeerId& peer) const;    // of another group
    std::uint32_t members_of(const Group& group, std::string_view collective) const;

    // -------------------------------------------------------------------------------------------- accounts
    // engine_requests.cpp
    void on_request(proto::Now now, LinkId link, proto::Request request);
    void inject(proto::Now now, LinkId link, proto::Request request);
    void refuse(LinkId link, const proto::RequestId& id, proto::Errc code, std::string reason);
    void redirect_caller(LinkId link, const proto::RequestId& id);
    bool room_for(const proto::Request& request);
    void relay_request(proto::Now now, proto::Request request, const proto::Route& route);
    void group_request(proto::Now now, const proto::PeerId& from, proto::Request request, const proto::Route& route);
    void standby_request(proto::Now now, const proto::PeerId& from, proto::Request request, const proto::Route& route);
    void standby_due(proto::Now now, const proto::RequestId& id);
    Account& open_account(proto::Now now, proto::Request request, const proto::Route& route, bool whole, Parent parent);
    void begin(proto::Now now, const proto::RequestId& id);  // once its parent and all expected are filed
    void promote(proto::Now now, const proto::RequestId& id);
    void add_parent(proto::Now now, const proto::RequestId& id, Parent parent);
    std::vector<proto::PeerId> expected_of_group(std::string_view collective) const;
    bool meant(const Roster::Member& member, std::string_view collective) const;
    void hand_out(proto::Now now, const proto::RequestId& id, Account& account, bool to_leaves, bool to_relays);
    proto::Request request_for(proto::Now now, const Account& account, proto::Scope scope) const;
    proto::Bytes copy_for(proto::Now now, const Account& account, const Child& child) const;
    void publish(proto::Now now, const Account& account, proto::Scope scope, const std::string& topic);
    void arm(proto::Now now, const proto::RequestId& id, const proto::PeerId& child, proto::Duration patience);
    proto::Duration patience_with(const proto::PeerId& peer, std::chrono::milliseconds patience) const;
    void ask(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& child, Child::Phase phase);
    void patience_passed(proto::Now now, const proto::RequestId& id, const proto::PeerId& child);
    void poll(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& child);
    void lose(proto::Now now, const proto::RequestId& id, const proto::PeerId& child, proto::Reason reason);
    void peer_unlinked(proto::Now now, const proto::PeerId& peer);
    void peer_linked(proto::Now now, const proto::PeerId& peer);
    void client_gone(LinkId link);
    void deadline_passed(proto::Now now, const proto::RequestId& id);
    void on_cancel(proto::Now now, LinkId link, const proto::Cancel& cancel);
    void cancel_account(proto::Now now, const proto::RequestId& id);

    // engine_words.cpp
    void on_ack(proto::Now now, LinkId link, const proto::Ack& ack);
    void on_up(proto::Now now, LinkId link, proto::Up up);
    void on_status(proto::Now now, LinkId link, const proto::Status& status);
    void accepted(proto::Now now, const proto::RequestId& id, const proto::PeerId& child);
    void not_owed(const proto::RequestId& id, const proto::PeerId& peer);
    void take_words(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& from,
                    proto::Up& up);
    void take_answer(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& from,
                     proto::Answer answer);
    void child_done(proto::Now now, const proto::RequestId& id, const proto::PeerId& child);
    void pass_late(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& from, proto::Up up);
    void review_account(proto::Now now, const proto::RequestId& id);
    static bool all_told_ours(const Account& account);
    void orphans_passed(proto::Now now, const proto::RequestId& id);

    // engine_abroad.cpp
    void choose_gateway(const proto::RequestId& id, Account& account);
    void gateway_lost(proto::Now now, const proto::RequestId& id, Account& account);
    void go_abroad(proto::Now now, const proto::RequestId& id, Account& account);
    void ask_branch(proto::Now now, const proto::RequestId& id, Account& account, const std::string& group,
                    Branch& branch);
    Branch* branch_of(Account& account, const proto::PeerId& gateway);
    void branch_words(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& from,
                      proto::Up& up);
    static proto::Ledger close_branch(Account& account, const std::string& group, const Branch& branch);
    void branch_lost(proto::Now now, const proto::RequestId& id, const proto::PeerId& gateway);
    void branch_patience(proto::Now now, const proto::RequestId& id, const proto::PeerId& gateway);
    static void give_up_group(Account& account, const std::string& group, proto::Reason reason);
    void write_foreign(Account& account, proto::Answer answer);
    bool abroad_closed(const Account& account) const;
    void write_foreign_missing(Account& account);

    // engine_repair.cpp
    void i_have_due(proto::Now now, const proto::RequestId& id);
    void call_orphans(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& relay);
    void on_i_have(proto::Now now, const proto::PeerId& from, const proto::IHave& have);
    void lazy_passed(proto::Now now, const proto::RequestId& id);
    void on_fetch(proto::Now now, LinkId link, const proto::Fetch& fetch);
    void on_orphans(proto::Now now, LinkId link, const proto::Orphans& orphans);
    void adopt(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& leaf);
    bool visit(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& leaf);
    void end_visits(proto::Now now, Account& account);
    bool gap(const proto::PeerId& publisher, const std::string& topic, std::uint32_t sequence);

    // engine_credit.cpp
    void took(const proto::RequestId& id, Account& account, const proto::PeerId& from, std::size_t octets);
    void grant(const proto::RequestId& id, Account& account);
    void on_credit(LinkId link, const proto::Credit& credit);

    // engine_account.cpp
    void answered(proto::Now now, const proto::RequestId& id, proto::Answer answer);
    void missed(proto::Now now, const proto::RequestId& id, proto::Missing missing);
    void written(proto::Now now, const proto::RequestId& id, Account& account, std::size_t bytes);
    proto::Missing name_missing(proto::Now now, const proto::PeerId& member, proto::Outcome outcome,
                                proto::Reason reason) const;
    proto::Ledger total(const Account& account) const;
    bool told_of_others(const Account& account, const Parent& parent) const;  // of other groups, as well
    bool closed_for(const Account& account, const Parent& parent) const;
    void reopen(proto::Now now, const proto::RequestId& id);  // there is more to account for than we thought
    void close_account(proto::Now now, const proto::RequestId& id, Account& account);
    void tell_all(const proto::RequestId& id, Account& account);
    void tell(const proto::RequestId& id, Account& account, Parent& parent);
    std::optional<LinkId> way_to(const Parent& parent) const;

    // -------------------------------------------------------------------------------------------- member
    void from_above(proto::Now now, proto::Request request);
    void take_on(proto::Now now, const proto::RequestId& id, const proto::PeerId& accountant, std::uint8_t attempt,
                 proto::Bytes sealed);
    void asked_again(proto::Now now, const proto::RequestId& id, Duty& duty, const proto::PeerId& accountant,
                     std::uint8_t attempt);
    void overloaded(proto::Now now, const proto::RequestId& id, const proto::PeerId& accountant, std::uint8_t attempt);
    void nothing_to_do(const proto::RequestId& id, const proto::PeerId& accountant, std::uint8_t attempt);
    void speak(proto::Now now, const proto::RequestId& id, const Duty& duty, Reporter& reporter);
    void send_word(LinkId link, const proto::RequestId& id, const Duty& duty, std::uint8_t attempt);
    void speak_waiting(proto::Now now, const proto::PeerId& accountant);
    void forget_waiting(const proto::PeerId& accountant, const proto::RequestId& id);
    void on_poll(proto::Now now, LinkId link, const proto::Poll& poll);
    void ack_due(proto::Now now, const proto::RequestId& id);
    void performed(proto::Now now, const proto::RequestId& id, proto::Outcome outcome, proto::Bytes reply);
    bool withdraw(const proto::RequestId& id, const proto::PeerId& asked_by);
    void drop_duty(const proto::RequestId& id);

    // -------------------------------------------------------------------------------------------- memory
    void remember(proto::Now now, Remembered::What what, const proto::RequestId& id);
    void forget_finished(proto::Now now);
    void forget_oldest();
    void make_room(std::size_t wanted);
    void keep_within_bounds(const proto::RequestId& id);

    void frame(proto::Now now, LinkId link, proto::BytesView octets);
    void fanout(proto::Now now, const proto::CurvePublicKey& publisher, proto::BytesView octets);
    void leave(proto::Now now, std::string reason);
    void send(LinkId link, const proto::Message& message);
    void notice(NoticeKind kind, const proto::PeerId& about, const proto::RequestId& request = {});

    void check() const;
    void check_links() const;
    void check_requests() const;
    void check_timers() const;
    std::string describe() const;
    std::size_t bytes() const;

    const Self self;
    const Timing timing;
    Rng& rng;
    std::vector<Effect> effects;
    DeadlineQueue<Timer> timers;
    bool leaving = false;

    Roster members;
    std::map<LinkId, Link> links;
    std::map<proto::PeerId, Peer> peers;                  // every member but us
    std::map<proto::CurvePublicKey, proto::PeerId> keys;  // whose it is
    std::map<proto::CurvePublicKey, Address> dials;       // one way at a time to each
    std::uint64_t tokens = 0;

    bool relay = false;                    // we are one
    bool roles_stale = false;              // something changed that decides who is
    RelayRanking ranking;                  // of all members, while we are a relay
    std::vector<proto::PeerId> relays;     // ascending; computed, or told while we are a leaf
    std::uint32_t told_members = 0;        // with it,
    proto::Instant told_at{};              // then
    bool gateway = false;
    std::vector<proto::PeerId> wanted_homes;  // as a leaf, best first
    std::set<proto::PeerId> news;          // not passed on yet, in a large group
    std::map<proto::PeerId, Roster::Member> recalled;  // of the process before us, and not heard of yet
    std::map<std::string, Group> others;   // by name, never our own
    std::string summary_told;              // our own, to the others
    proto::Instant summary_at{};           // when

    Accounts accounts;
    std::set<proto::RequestId> open;                 // accounts that are not closed
    std::map<std::string, std::uint32_t> published;  // sequence, by topic
    std::map<proto::RequestId, std::pair<proto::PeerId, proto::Request>> standbys;  // as second gateway
    std::map<proto::PeerId, std::size_t> visits;     // leaves dialled for the sake of so many open accounts
    std::map<proto::RequestId, proto::PeerId> lazies;  // heard of, and not seen yet: from whom

    Duties duties;
    std::size_t working = 0;                                      // duties that are not done
    std::map<proto::PeerId, std::set<proto::RequestId>> waiting;  // words for accountants without a link

    std::deque<Remembered> finished;
    std::size_t held_bytes = 0;  // replies kept, and sealed requests of accounts
};

}  // namespace mco::mesh
