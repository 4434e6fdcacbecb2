#include "client/account.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_set>

#include <fmt/format.h>

#include "client/words.hpp"

namespace mco::client {
namespace {

bool is_literal(std::string_view identity) {
    return !identity.starts_with('/') && identity.find_first_of("[]*?{}") == std::string_view::npos;
}

std::string why(const proto::Missing& missing) {
    const std::string sentence(proto::sentence(missing.reason));
    if (missing.reason != proto::Reason::down) return sentence;
    return fmt::format("{} (down for {})", sentence, length_of(std::chrono::seconds(missing.since_ms / 1000)));
}

std::string who(const proto::Missing& missing) {
    if (!is_group(missing)) return visible(missing.name);
    return fmt::format("{} ({}):", visible(missing.name), counted(missing.nodes, "node", "nodes"));
}

// Literal names that neither answered nor are named as missing.
std::vector<std::string> unseen_names(const Gathered& gathered, const proto::Filter& filter) {
    std::vector<std::string> unseen;
    if (!names_only(filter)) return unseen;
    std::unordered_set<std::string_view> seen;
    for (const auto& reply : gathered.replies) seen.insert(reply.node);
    for (const auto& missing : gathered.missing) {
        if (!is_group(missing)) seen.insert(missing.name);
    }
    for (const auto& identity : filter.identities) {
        if (seen.insert(identity).second) unseen.push_back(identity);
    }
    return unseen;
}

// Names that were asked for, and that nobody has: typing errors, and machines that never joined.
void add_unknown_names(const Gathered& gathered, const proto::Filter& filter, const std::vector<std::string>& unseen,
                       Account& account) {
    if (!filter.classes.empty() || !filter.facts.empty()) return;
    if (gathered.ledger.closure != proto::Closure::closed) return;
    const bool group_missing = std::any_of(gathered.missing.begin(), gathered.missing.end(), is_group);
    for (const auto& identity : unseen) {
        std::string why = "is not known in this collective";
        if (group_missing) {
            why += " where it could be asked";  // the group's nodes are counted already
        } else {
            ++account.unknown;
            if (!filter.agents.empty()) why += ", or does not have agent " + visible(enumerate(filter.agents));
        }
        account.absent.push_back({.node = visible(identity), .why = std::move(why)});
    }
}

}  // namespace

bool names_only(const proto::Filter& filter) {
    return !filter.identities.empty() && std::all_of(filter.identities.begin(), filter.identities.end(), is_literal);
}

Account settle(const Gathered& gathered, const proto::Filter& filter, const proto::Matcher& matcher) {
    Account account;
    account.ledger = gathered.ledger;
    account.replies = static_cast<std::uint32_t>(gathered.replies.size());
    const auto unseen = unseen_names(gathered, filter);
    const bool all_found = names_only(filter) && unseen.empty();
    for (const auto& missing : gathered.missing) {
        if (is_group(missing) ? !all_found : matcher.may_match_identity(missing.name)) {
            account.absent.push_back({who(missing), why(missing), missing});
            continue;
        }
        auto& owed = account.ledger.counts[static_cast<std::size_t>(missing.outcome)];
        auto& others = account.ledger.counts[static_cast<std::size_t>(proto::Outcome::not_matched)];
        // Fewer are owed if the account does not agree with its names; gather said so.
        const auto nodes = static_cast<std::uint32_t>(std::min<std::uint64_t>(owed, node_count(missing)));
        owed -= nodes;
        others += nodes;
    }
    add_unknown_names(gathered, filter, unseen, account);
    std::sort(account.absent.begin(), account.absent.end(),
              [](const auto& a, const auto& b) { return a.node < b.node; });
    // A denial may come without a reply; an open account may lag behind the replies.
    const auto failed = std::count_if(gathered.replies.begin(), gathered.replies.end(),
                                      [](const Reply& reply) { return reply.status != proto::StatusCode::ok; });
    account.failures = std::max(static_cast<std::uint32_t>(failed), account.ledger.count(proto::Outcome::failed) +
                                                                        account.ledger.count(proto::Outcome::denied));
    for (const auto& trouble : gathered.trouble) {
        std::size_t from = 0;
        for (std::size_t end = 0; end != std::string::npos; from = end + 1) {
            end = trouble.find('\n', from);
            account.trouble.push_back(visible(trouble.substr(from, end == std::string::npos ? end : end - from)));
        }
    }
    return account;
}

ExitStatus exit_status(const Account& account, Choice choice) {
    if (account.failures > 0) return ExitStatus::failed;
    if (account.replies > 0) return account.whole() ? ExitStatus::ok : ExitStatus::incomplete;
    switch (choice) {
        case Choice::by_name:
            return ExitStatus::no_replies;
        case Choice::by_filter:
            return account.whole() ? ExitStatus::unusable : ExitStatus::silent;
    }
    return ExitStatus::unusable;
}

std::string absent_block(const Account& account, const Terminal& terminal) {
    if (account.absent.empty()) return {};
    std::size_t longest = 30;
    for (const auto& absent : account.absent) longest = std::max(longest, width(absent.node));
    std::string text = painted(terminal, Paint::red, "No response from:") + "\n\n";
    for (const auto& absent : account.absent)
        text += fmt::format("    {} {}\n", left(absent.node, longest), absent.why);
    return text + "\n";
}

std::string ledger_lines(const Account& account, Show show) {
    if (show == Show::if_not_whole && account.whole()) return {};
    std::string text = proto::to_text(account.ledger) + "\n";
    for (const auto& trouble : account.trouble) text += "Not proved to be complete: " + trouble + "\n";
    return text;
}

}  // namespace mco::client
