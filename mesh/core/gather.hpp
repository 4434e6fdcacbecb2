#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "proto/ids.hpp"
#include "proto/ledger.hpp"
#include "proto/time.hpp"

namespace mco::mesh {

// The account of one request over the members it was meant for. A pure table: who is expected, what is known of each.
// Rules: (1) a member is counted once, the first final word wins; (2) one that accepted and fell silent is `lost`, one that
// never accepted is `unreachable`; (3) closed means that every member has an outcome; nothing is added afterwards; (4) the
// deadline closes the account and everybody still owed is `expired` or, if it never accepted, `unreachable`.
class Gather {
 public:
    explicit Gather(std::span<const proto::PeerId> expected);

    // One more is expected. Only while the account is open; not twice.
    void adopt(const proto::PeerId& member);
    // Each returns whether it changed the account; false after the member's final word, for strangers, and when closed.
    bool accepted(const proto::PeerId& member);
    bool settle(const proto::PeerId& member, proto::Outcome outcome);
    struct Closed {
        proto::PeerId member{};
        proto::Outcome outcome = proto::Outcome::expired;
    };
    std::vector<Closed> close_all(proto::Outcome accepted_become, proto::Outcome others_become);  // deadline, cancel

    bool knows(const proto::PeerId& member) const { return entries_.contains(member); }
    bool expects(const proto::PeerId& member) const;       // and still owed
    bool has_accepted(const proto::PeerId& member) const;
    const proto::Ledger& ledger() const { return ledger_; }
    bool closed() const { return ledger_.closure == proto::Closure::closed; }
    std::vector<proto::PeerId> owed() const;               // sorted
    std::size_t owed_count() const { return entries_.size() - ledger_.accounted(); }
    void check() const;

 private:
    enum class Account : std::uint8_t { asked, accepted, settled };
    struct Entry {
        Account account = Account::asked;
        proto::Outcome outcome = proto::Outcome::ok;
    };
    std::map<proto::PeerId, Entry> entries_;
    proto::Ledger ledger_;
};

}  // namespace mco::mesh
