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
#include "mesh/core/gather.hpp"
#include "mesh/core/roster.hpp"

// Private to the engine: what engine.cpp (the way in), engine_links.cpp (connections and dials), engine_gossip.cpp (the
// roster and signs of life), engine_requests.cpp and engine_account.cpp (the accountant), engine_member.cpp (our own part in a
// request) and engine_check.cpp share.
namespace mco::mesh {

// What a node may say of itself; the rest is said by those who wait for it.
constexpr bool is_answer(proto::Outcome outcome) {
    switch (outcome) {
        case proto::Outcome::ok:
        case proto::Outcome::failed:
        case proto::Outcome::denied:
        case proto::Outcome::not_matched:
        case proto::Outcome::cancelled:
            return true;
        case proto::Outcome::unreachable:
        case proto::Outcome::lost:
        case proto::Outcome::expired:
            return false;
    }
    return false;
}

struct Engine::State {
    State(Self self_, Timing timing_, Rng& rng_);

    // -------------------------------------------------------------------------------------------- time
    struct Timer {
        enum class Kind : std::uint8_t {
            tick,      // pings, and another way for dials that lead nowhere
            silence,   // link
            review,    // peer: is it still without a link, is a dial still needed
            forget,    // peer: down or gone for long
            ack,       // request, as member: working for a while
            deadline,  // request, as accountant, and so on
            flush,
            patience,  // request and member: silence, or the next poll
            remember,  // the oldest finished request
        };
        Kind kind = Kind::tick;
        proto::RequestId request{};
        proto::PeerId peer{};
        LinkId link = 0;
        friend auto operator<=>(const Timer&, const Timer&) = default;
    };
    void elapse(proto::Now now);
    void expire(proto::Now now, const Timer& timer);

    // -------------------------------------------------------------------------------------------- links
    struct Link {
        proto::PeerId peer{};
        Side side = Side::accepted;
        bool caller = false;
        bool ending = false;            // we undialled it: nothing is sent on it any more
        proto::CurvePublicKey key{};    // of nodes
        std::uint64_t incarnation = 0;  // of nodes: the process at the other end
        bool spoke = false;                 // something came: it is up at the other end too
        proto::Instant heard{};
        std::uint64_t ping_token = 0;  // 0: none is out
        proto::Instant pinged{};
        std::optional<proto::Instant> roster_sent;
    };
    // What we have to do with another node of the group, beside its place in the roster. At most one link a side.
    struct Peer {
        std::vector<LinkId> links;
        std::vector<std::string> topics;  // confirmed subscriptions to our fan-out, sorted
        std::optional<Address> following;
        proto::Instant turned{};  // when the first link came, or the last one went
        proto::Instant heard{};   // on any link
        std::chrono::microseconds round_trip{0};
    };
    void link_up(proto::Now now, Linked linked);
    void node_link_up(proto::Now now, Linked linked);
    void link_down(proto::Now now, LinkId link);
    void hang_up(proto::Now now, LinkId link, proto::Errc why);
    void subscribed(const proto::PeerId& peer, std::string_view topic);
    void unsubscribed(proto::Now now, const proto::PeerId& peer, std::string_view topic);
    void forget_link(proto::Now now, LinkId link);  // however it ended
    void first_link(proto::Now now, const proto::PeerId& peer);
    void last_link_gone(proto::Now now, const proto::PeerId& peer);
    void follow(const proto::PeerId& peer);
    std::optional<LinkId> preferred(const proto::PeerId& peer) const;
    bool linked(const proto::PeerId& peer) const { return preferred(peer).has_value(); }
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

    // -------------------------------------------------------------------------------------------- gossip
    void tick(proto::Now now);
    void ping(proto::Now now, LinkId link);
    void roster_frame(proto::Now now, LinkId link, std::vector<OpenedEntry> entries);
    bool learn(proto::Now now, Roster::Word word);  // whether others should hear of it
    void member_changed(proto::Now now, const proto::PeerId& peer);
    void send_roster(proto::Now now, LinkId link);
    void send_entries(proto::Now now, LinkId link, const std::vector<proto::PeerId>& peers);
    void pass_on(proto::Now now, const std::vector<proto::PeerId>& news, const proto::PeerId& source);
    void end_older_links(proto::Now now, const proto::PeerId& peer);
    void on_ping(proto::Now now, LinkId link, const proto::Ping& ping);
    void on_pong(proto::Now now, LinkId link, const proto::Pong& pong);
    void on_bye(proto::Now now, LinkId link);
    void forget_member(proto::Now now, const proto::PeerId& peer);

    // -------------------------------------------------------------------------------------------- accountant
    // What is owed by one member, other than ourselves.
    struct Child {
        enum class Phase : std::uint8_t { unlinked, asked, asked_again, working };
        Phase phase = Phase::unlinked;
        bool polled = false;  // and not answered yet
        proto::Instant polled_at{};
        int unanswered = 0;
    };
    struct Account {
        explicit Account(std::span<const proto::PeerId> expected) : gather(expected) {}
        proto::PeerId caller{};
        LinkId client = 0;         // 0: it went away; another may come for the same request
        std::uint8_t attempt = 1;  // the client's newest
        proto::Instant deadline{};
        proto::Bytes sealed;  // while open
        Gather gather;
        std::map<proto::PeerId, Child> children;
        // Everything there is to tell, in the order it became known; the first so many of each were told.
        std::vector<proto::Answer> answers;
        std::vector<proto::Missing> missing;
        std::size_t answers_told = 0, missing_told = 0;
        std::size_t untold_bytes = 0;
        std::uint32_t sequence = 0;
        bool closing_told = false;
    };
    using Accounts = std::map<proto::RequestId, Account>;
    void on_request(proto::Now now, LinkId link, proto::Request request);
    void inject(proto::Now now, LinkId link, proto::Request request);
    void reattach(LinkId link, const proto::RequestId& id, std::uint8_t attempt);
    void open_account(proto::Now now, LinkId link, proto::Request request, const proto::Route& route);
    void hand_out(proto::Now now, const proto::RequestId& id, Account& account, const std::string& collective,
                  const std::vector<proto::PeerId>& expected);
    proto::Bytes local_request(proto::Now now, const Account& account, std::uint32_t sequence) const;
    void ask_again(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& member);
    void arm(proto::Now now, const proto::RequestId& id, const proto::PeerId& member, proto::Duration patience);
    void patience_passed(proto::Now now, const proto::RequestId& id, const proto::PeerId& member);
    void poll(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& member);
    static proto::Outcome missing_as(const Account& account, const proto::PeerId& member);
    Account* owed_by(const proto::RequestId& id, const proto::PeerId& member);  // an open account that waits for it
    void not_owed(const proto::RequestId& id, const proto::PeerId& member);
    void accepted(proto::Now now, const proto::RequestId& id, const proto::PeerId& member);
    void answered(proto::Now now, const proto::RequestId& id, proto::Answer answer);
    void missed(proto::Now now, const proto::RequestId& id, proto::Missing missing);
    void settled(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& member,
                 std::size_t bytes);
    proto::Missing name_missing(proto::Now now, const proto::PeerId& member, proto::Outcome outcome,
                                proto::Reason reason) const;
    void member_unlinked(proto::Now now, const proto::PeerId& member);
    void member_linked(proto::Now now, const proto::PeerId& member);
    void client_gone(LinkId link);
    void deadline_passed(proto::Now now, const proto::RequestId& id);
    void cancel_account(proto::Now now, const proto::RequestId& id);
    void close_account(proto::Now now, const proto::RequestId& id, Account& account);
    void tell(const proto::RequestId& id, Account& account);
    void on_ack(proto::Now now, LinkId link, const proto::Ack& ack);
    void on_up(proto::Now now, LinkId link, proto::Up up);
    void on_status(proto::Now now, LinkId link, const proto::Status& status);
    void on_cancel(proto::Now now, LinkId link, const proto::Cancel& cancel);
    void refuse(LinkId link, const proto::RequestId& id, proto::Errc code, std::string reason);

    // -------------------------------------------------------------------------------------------- member
    struct Reporter {
        proto::PeerId accountant{};
        std::uint8_t attempt = 1;
        bool spoken = false;  // Ack or Up was sent
    };
    // Our own part in a request: performed once, told to every accountant that asked.
    struct Duty {
        proto::Progress progress = proto::Progress::working;
        proto::Outcome outcome = proto::Outcome::ok;
        proto::Bytes reply;
        bool withdrawn = false;
        std::vector<Reporter> to;  // oldest first
    };
    using Duties = std::map<proto::RequestId, Duty>;
    void local(proto::Now now, proto::Request request);
    void take_on(proto::Now now, const proto::RequestId& id, const proto::PeerId& accountant, std::uint8_t attempt,
                 proto::Bytes sealed);
    void asked_again(proto::Now now, const proto::RequestId& id, Duty& duty, const proto::PeerId& accountant,
                     std::uint8_t attempt);
    void overloaded(proto::Now now, const proto::RequestId& id, const proto::PeerId& accountant, std::uint8_t attempt);
    void speak(proto::Now now, const proto::RequestId& id, const Duty& duty, Reporter& reporter);
    void send_word(LinkId link, const proto::RequestId& id, const Duty& duty, std::uint8_t attempt);
    void speak_waiting(proto::Now now, const proto::PeerId& accountant);
    void forget_waiting(const proto::PeerId& accountant, const proto::RequestId& id);
    void on_poll(LinkId link, const proto::Poll& poll);
    void ack_due(proto::Now now, const proto::RequestId& id);
    void performed(proto::Now now, const proto::RequestId& id, proto::Outcome outcome, proto::Bytes reply);
    bool withdraw(const proto::RequestId& id, const proto::PeerId& asked_by);
    void drop_duty(const proto::RequestId& id);

    // -------------------------------------------------------------------------------------------- memory
    // Finished requests, in the order in which they finished, which is that in which they expire.
    struct Remembered {
        enum class What : std::uint8_t { account, duty };
        proto::Instant until{};
        What what = What::account;
        proto::RequestId request{};
    };
    void remember(proto::Now now, Remembered::What what, const proto::RequestId& id);
    void forget_finished(proto::Now now);
    void forget_oldest();
    void make_room(std::size_t wanted);
    void keep_within_bounds(const proto::RequestId& id);

    void frame(proto::Now now, LinkId link, proto::BytesView octets);
    void fanout(proto::Now now, proto::BytesView octets);
    void leave(proto::Now now, std::string reason);
    void send(LinkId link, const proto::Message& message);
    void notice(NoticeKind kind, const proto::PeerId& about, const proto::RequestId& request = {});

    void check() const;
    void check_links() const;
    void check_requests() const;
    void check_timers() const;
    std::string describe() const;

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

    Accounts accounts;
    std::set<proto::RequestId> open;                 // accounts that are not closed
    std::map<std::string, std::uint32_t> published;  // sequence, by topic: only those of our own collectives

    Duties duties;
    std::size_t working = 0;                                      // duties that are not done
    std::map<proto::PeerId, std::set<proto::RequestId>> waiting;  // words for accountants without a link

    std::deque<Remembered> finished;
    std::size_t held_bytes = 0;  // replies kept, and sealed requests of open accounts
};

}  // namespace mco::mesh
