#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "client/entry_link.hpp"
#include "client/reply_opener.hpp"
#include "client/request.hpp"
#include "proto/limits.hpp"

namespace mco::client {

// One node's word, opened and verified.
struct Reply {
    proto::PeerId peer{};
    std::string node;  // name in its certificate; still foreign text for a terminal
    proto::Outcome outcome = proto::Outcome::ok;
    proto::StatusCode status = proto::StatusCode::ok;
    std::string message;
    proto::Value data;
    proto::Duration took{0};  // from sending the request
};

// A missing one is a node, or a whole group of nodes.
inline bool is_group(const proto::Missing& missing) { return missing.node.is_zero(); }
inline std::uint64_t node_count(const proto::Missing& missing) { return is_group(missing) ? missing.nodes : 1; }

struct Gathered {
    proto::RequestId request{};
    std::vector<Reply> replies;           // as they came
    std::vector<proto::Missing> missing;  // named by the entry, by name
    std::vector<std::string> not_asked;   // of several batches: whose turn did not come
    proto::Ledger ledger;                 // the entry's, corrected by replies that came all the same; open: see trouble
    std::vector<std::string> trouble;     // why the result is not proved to be whole; empty when it is
    std::string entry;                    // who answered: "web1 (ipc://...)"
    std::string entry_node;               // its name alone; raw
    std::optional<proto::Duration> entry_round_trip;  // from the newest attempt to its acknowledgement
    std::uint32_t attempts = 1;
    bool interrupted = false;
    proto::Now sent{};
    proto::Duration took{0};
};

// Sends one request through the entry and collects until its account is closed. Rules:
// (1) A reply counts if its box opens, and only as the word of the node whose certificate it carries: the name that the
//     entry put beside it must agree. A node counts once; a repetition changes nothing.
// (2) No acknowledgement within `ack_patience`, or the link lost: the same request, attempt + 1, through the spare. Nodes
//     know the id, so nothing runs twice. Only the account of the newest attempt ends the request, or an older one that
//     misses nobody. An entry that acknowledged and then says nothing for `quiet_patience` is pinged; if that brings nothing
//     either, it is frozen, and the spare is asked as well. Without a spare it is waited for.
// (3) The account of the entry must agree with what was opened; a difference is told, never smoothed over.
// (4) Our own deadline lies behind the entry's and only bounds what a dead entry may cost.
// (5) An entry that takes no requests (a leaf) names relays. Only records that verify are followed, because anything else
//     would let one bad entry choose whom we talk to. The same request, attempt + 1, goes to the first of them that is up.
//     At most `redirects_max` times: two leaves may name each other for ever. If nobody took the request, that is an error
//     which tells who named whom.
// A request without wants_reply ends with the acknowledgement.
class Gather {
 public:
    struct Watcher {
        std::function<void(const Reply&)> reply = [](const Reply&) {};
        std::function<void(const proto::Ledger&)> progress = [](const proto::Ledger&) {};  // cumulative, growing
    };
    static constexpr proto::Duration ack_patience = std::chrono::milliseconds(200);
    static constexpr proto::Duration quiet_patience = std::chrono::seconds(1);
    static constexpr proto::Duration attach_patience = std::chrono::seconds(10);
    static constexpr proto::Duration beyond_entry = std::chrono::seconds(2);
    static constexpr proto::Duration cancel_patience = std::chrono::milliseconds(200);
    static constexpr std::size_t redirects_max = 4;
    // More than every member of our group and of all others; whoever sends more is not believed.
    static constexpr std::size_t nodes_max = proto::limits::roster_max * (proto::limits::groups_max + 1);

    // All must outlive the gather. One request each.
    Gather(EntryLink& entry, ReplyOpener& opener, const SealedCall& call, Watcher watcher);

    // Errors: nobody reachable, request refused, redirected to nobody, interrupted before anybody took it. Everything after
    // that is a result.
    proto::Result<Gathered> run();

 private:
    proto::Result<void> attach();
    void inject();
    void doubt_entry();
    void acknowledge();
    void hear(const EntryLink::Heard& heard);
    void hear_up(const proto::Up& up);
    void give_credit(Links::LinkId from, const proto::Up& up);
    void hear_refused(Links::LinkId from, const proto::Refused& refused);
    void hear_redirect(Links::LinkId from, const proto::Redirect& redirect);
    std::vector<Entry> read_relays(const proto::Redirect& redirect, std::string& who) const;
    void take_answer(const proto::Answer& answer, std::optional<security::OpenedReply> opened);
    void interrupt();
    bool finished() const;
    std::optional<proto::Error> failure() const;
    Gathered conclude();
    void reconcile();
    void check_account();

    EntryLink& entry_;
    ReplyOpener& opener_;
    const SealedCall& call_;
    Watcher watcher_;
    Gathered result_;
    std::uint8_t attempt_ = 0;
    bool acknowledged_ = false;
    bool stopped_ = false;  // second interrupt, or nobody left to hear from
    std::optional<proto::Error> refused_;
    std::optional<proto::Ledger> closed_;
    proto::Now now_{};
    proto::Instant deadline_{};
    proto::Instant injected_{};
    proto::Instant doubt_due_{};  // when the silence of the entry means something
    bool pinged_ = false;
    std::set<Links::LinkId> asked_;       // who was sent the request and did not redirect it: they may have taken it
    bool ask_again_ = false;              // the entry turned us away
    bool misled_ = false;                 // redirected too often
    std::vector<std::string> redirects_;  // who named whom, a line each
    std::unordered_set<proto::Serial> heard_;
    std::map<std::pair<proto::PeerId, std::string>, proto::Missing> missing_;  // nodes by id, groups by name
    std::uint32_t unreadable_ = 0;  // answers that did not open, or were not their node's
    std::size_t taken_ = 0;         // octets of answers that the entry has no credit for yet
    std::uint32_t beyond_ = 0;      // answers and missing ones above nodes_max
};

}  // namespace mco::client
