#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/entry_link.hpp"
#include "client/request.hpp"
#include "security/trust_store.hpp"

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

struct Gathered {
    proto::RequestId request{};
    std::vector<Reply> replies;           // as they came
    std::vector<proto::Missing> missing;  // named by the entry, by name
    proto::Ledger ledger;                 // the entry's, corrected by replies that came all the same; open: see trouble
    std::vector<std::string> trouble;     // why the result is not proved to be whole; empty when it is
    std::string entry;                    // who answered: "web1 (ipc://...)"
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

    // All must outlive the gather. One request each.
    Gather(EntryLink& entry, security::TrustStore& trust, const SealedCall& call, Watcher watcher);

    // Errors: nobody reachable, request refused, interrupted before it was sent. Everything after that is a result.
    proto::Result<Gathered> run();

 private:
    proto::Result<void> attach();
    void inject();
    void doubt_entry();
    void acknowledge();
    void hear(const proto::Message& message);
    void hear_up(const proto::Up& up);
    void take_answer(const proto::Answer& answer);
    void interrupt();
    bool finished() const;
    Gathered conclude();
    void reconcile();

    EntryLink& entry_;
    security::TrustStore& trust_;
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
    proto::Instant doubt_due_{};  // when the silence of the entry means something
    bool pinged_ = false;
    std::set<proto::Serial> heard_;
    std::map<proto::PeerId, proto::Missing> missing_;
    std::uint32_t unreadable_ = 0;  // answers that did not open, or were not their node's
};

}  // namespace mco::client
