#include "mesh/core/gather.hpp"

#include "mesh/core/invariant.hpp"

namespace mco::mesh {

Gather::Gather(std::span<const proto::PeerId> expected) {
    for (const auto& member : expected) entries_.try_emplace(member);
    ledger_.expected = static_cast<std::uint32_t>(entries_.size());
    if (entries_.empty()) ledger_.closure = proto::Closure::closed;
}

void Gather::adopt(const proto::PeerId& member) {
    if (!entries_.try_emplace(member).second) return;
    ++ledger_.expected;
    ledger_.closure = proto::Closure::open;
}

bool Gather::accepted(const proto::PeerId& member) {
    const auto found = entries_.find(member);
    if (found == entries_.end() || found->second.account != Account::asked) return false;
    found->second.account = Account::accepted;
    return true;
}

bool Gather::settle(const proto::PeerId& member, proto::Outcome outcome) {
    const auto found = entries_.find(member);
    if (found == entries_.end() || found->second.account == Account::settled) return false;
    found->second = {Account::settled, outcome};
    ledger_.add(outcome);
    if (ledger_.accounted() == ledger_.expected) ledger_.closure = proto::Closure::closed;
    return true;
}

std::vector<Gather::Closed> Gather::close_all(proto::Outcome accepted_become, proto::Outcome others_become) {
    std::vector<Closed> closed;
    for (const auto& [member, entry] : entries_) {
        if (entry.account == Account::settled) continue;
        closed.push_back({member, entry.account == Account::accepted ? accepted_become : others_become});
    }
    for (const auto& one : closed) settle(one.member, one.outcome);
    return closed;
}

bool Gather::expects(const proto::PeerId& member) const {
    const auto found = entries_.find(member);
    return found != entries_.end() && found->second.account != Account::settled;
}

bool Gather::has_accepted(const proto::PeerId& member) const {
    const auto found = entries_.find(member);
    return found != entries_.end() && found->second.account == Account::accepted;
}

std::vector<proto::PeerId> Gather::owed() const {
    std::vector<proto::PeerId> members;
    for (const auto& [member, entry] : entries_) {
        if (entry.account != Account::settled) members.push_back(member);
    }
    return members;
}

void Gather::check() const {
    proto::Ledger counted;
    counted.expected = static_cast<std::uint32_t>(entries_.size());
    for (const auto& [member, entry] : entries_) {
        if (entry.account == Account::settled) counted.add(entry.outcome);
    }
    if (counted.accounted() == counted.expected) counted.closure = proto::Closure::closed;
    ensure(counted == ledger_, "the ledger is the sum of its entries");
    ensure(ledger_.balanced(), "the ledger balances");
}

}  // namespace mco::mesh
