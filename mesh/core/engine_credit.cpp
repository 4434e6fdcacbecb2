// Back-pressure. Who tells a parent of a request may have credit_window octets of answers under way; the parent gives that
// room again as it passes on what it took, and holds it back while its own parent is the slower one. So a slow client stops
// its own request, at its entry, there and further down, and nothing else. Counts and names are small and go with the data.

#include <algorithm>

#include "mesh/core/engine_state.hpp"

namespace mco::mesh {

namespace {

// Octets that wait for the quickest of those who asked: the others may come later, or never.
std::size_t backlog(const Account& account) {
    std::size_t told = 0;
    for (const auto& parent : account.parents) told = std::max(told, parent.octets_told);
    return account.octets - std::min(told, account.octets);
}

}  // namespace

void Engine::State::took(const proto::RequestId& id, Account& account, const proto::PeerId& from, std::size_t octets) {
    if (octets == 0 || account.closed) return;
    account.taken[from] += octets;
    grant(id, account);
}

void Engine::State::grant(const proto::RequestId& id, Account& account) {
    if (account.closed || backlog(account) > timing.backlog_max) return;
    for (auto& [peer, octets] : account.taken) {
        const auto link = octets >= timing.credit_step ? preferred(peer) : std::nullopt;
        if (!link) continue;
        send(*link, proto::Credit{id, static_cast<std::uint32_t>(octets)});
        octets = 0;
    }
}

void Engine::State::on_credit(LinkId link, const proto::Credit& credit) {
    const Link& from = links.at(link);
    const auto found = accounts.find(credit.request);
    if (found == accounts.end()) return notice(NoticeKind::unknown_request, from.peer, credit.request);
    auto& account = found->second;
    const auto parent = std::find_if(account.parents.begin(), account.parents.end(), [&](const Parent& one) {
        return one.caller == from.caller && (one.caller ? one.link == link : one.peer == from.peer);
    });
    if (parent == account.parents.end()) return notice(NoticeKind::unknown_request, from.peer, credit.request);
    parent->untaken -= std::min<std::size_t>(parent->untaken, credit.octets);
    tell(credit.request, account, *parent);
    grant(credit.request, account);
}

}  // namespace mco::mesh
