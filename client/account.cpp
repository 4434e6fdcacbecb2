#include "client/account.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/words.hpp"

namespace mco::client {
namespace {

std::string why(const proto::Missing& missing) {
    const std::string sentence(proto::sentence(missing.reason));
    if (missing.reason != proto::Reason::down) return sentence;
    return fmt::format("{} (down for {})", sentence, length_of(std::chrono::seconds(missing.since_ms / 1000)));
}

std::string who(const proto::Missing& missing) {
    if (!is_group(missing)) return visible(missing.name);
    return fmt::format("{} ({}):", visible(missing.name), counted(missing.nodes, "node", "nodes"));
}

// " (400 group unreachable, 2 no ack)", the most frequent first; "" if the entry named nobody.
std::string reasons(const Account& account) {
    std::map<std::string_view, std::uint64_t> nodes;
    for (const auto& absent : account.absent) {
        if (absent.missing) nodes[proto::name(absent.missing->reason)] += node_count(*absent.missing);
    }
    std::vector<std::pair<std::string_view, std::uint64_t>> rows(nodes.begin(), nodes.end());
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string text;
    for (const auto& [reason, count] : rows) {
        text += fmt::format("{}{} {}", text.empty() ? " (" : ", ", count, reason);
    }
    std::replace(text.begin(), text.end(), '_', ' ');
    return text.empty() ? text : text + ")";
}

// The given names; empty: the filter says more than names.
std::span<const std::string> given_names(const Target& target) {
    if (target.nodes) return *target.nodes;
    return names_only(target.filter) ? std::span<const std::string>(target.filter.identities)
                                     : std::span<const std::string>();
}

// Given names that neither answered nor are named as missing.
std::vector<std::string> unseen_names(const Gathered& gathered, std::span<const std::string> given) {
    std::vector<std::string> unseen;
    std::unordered_set<std::string_view> seen(gathered.not_asked.begin(), gathered.not_asked.end());
    for (const auto& reply : gathered.replies) seen.insert(reply.node);
    for (const auto& missing : gathered.missing) {
        if (!is_group(missing)) seen.insert(missing.name);
    }
    for (const auto& name : given) {
        if (seen.insert(name).second) unseen.push_back(name);
    }
    return unseen;
}

// Names that were asked for, and that nobody has: typing errors, and machines that never joined.
void add_unknown_names(const Gathered& gathered, const Target& target, const std::vector<std::string>& unseen,
                       Account& account) {
    const auto& filter = target.filter;
    if (!filter.classes.empty() || !filter.facts.empty() || !filter.conditions.empty()) return;
    if (gathered.ledger.closure != proto::Closure::closed) return;
    const bool group_missing = std::any_of(gathered.missing.begin(), gathered.missing.end(), is_group);
    for (const auto& name : unseen) {
        std::string why = "is not known in this collective";
        if (group_missing) {
            why += " where it could be asked";  // the group's nodes are counted already
        } else {
            ++account.unknown;
            if (!filter.agents.empty()) why += ", or does not have agent " + visible(enumerate(filter.agents));
        }
        account.absent.push_back({.node = visible(name), .why = std::move(why)});
    }
}

// Who would have been asked, had he answered when the nodes were looked for. They were counted as not matched since.
void add_undiscovered(const Target& target, Account& account) {
    for (const auto& missing : target.undiscovered) {
        const auto nodes = static_cast<std::uint32_t>(node_count(missing));
        auto& others = account.ledger.counts[static_cast<std::size_t>(proto::Outcome::not_matched)];
        const auto counted = std::min(others, nodes);
        others -= counted;
        account.ledger.expected += nodes - counted;
        account.ledger.counts[static_cast<std::size_t>(missing.outcome)] += nodes;
        account.absent.push_back({who(missing), why(missing), missing});
    }
}

void add_lines(const std::vector<std::string>& troubles, Account& account) {
    for (const auto& trouble : troubles) {
        std::size_t from = 0;
        for (std::size_t end = 0; end != std::string::npos; from = end + 1) {
            end = trouble.find('\n', from);
            account.trouble.push_back(visible(trouble.substr(from, end == std::string::npos ? end : end - from)));
        }
    }
}

}  // namespace

Account settle(const Gathered& gathered, const Target& target) {
    Account account;
    account.ledger = gathered.ledger;
    if (target.search) account.search = target.search->took;
    account.replies = static_cast<std::uint32_t>(gathered.replies.size());
    const auto given = given_names(target);
    const auto unseen = unseen_names(gathered, given);
    const bool all_found = !given.empty() && unseen.empty();
    const std::unordered_set<std::string_view> meant(given.begin(), given.end());
    const auto may_be_meant = [&](const std::string& name) {
        return target.nodes ? meant.contains(name) : target.matcher.may_match_identity(name);
    };
    for (const auto& missing : gathered.missing) {
        if (is_group(missing) ? !all_found : may_be_meant(missing.name)) {
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
    add_unknown_names(gathered, target, unseen, account);
    add_undiscovered(target, account);
    for (const auto& name : gathered.not_asked)
        account.absent.push_back({.node = visible(name), .why = "was not asked: its turn did not come"});
    std::sort(account.absent.begin(), account.absent.end(),
              [](const auto& a, const auto& b) { return a.node < b.node; });
    // A denial may come without a reply; an open account may lag behind the replies.
    const auto failed = std::count_if(gathered.replies.begin(), gathered.replies.end(),
                                      [](const Reply& reply) { return reply.status != proto::StatusCode::ok; });
    account.failures = std::max(static_cast<std::uint32_t>(failed), account.ledger.count(proto::Outcome::failed) +
                                                                        account.ledger.count(proto::Outcome::denied));
    add_lines(gathered.trouble, account);
    add_lines(target.trouble, account);
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

bool means_nobody(const Account& account, Choice choice) {
    return account.replies == 0 && account.failures == 0 && account.whole() && choice == Choice::by_filter;
}

std::string nobody_lines(const Account& account, const Target& target) {
    std::string text = "No request sent, we did not discover any nodes.\n";
    auto others = target.filter;
    others.agents.clear();
    const auto asked = target.search ? target.search->ledger.expected : account.ledger.expected;
    if (asked == 0 || target.filter.agents.empty()) return text;
    return text + fmt::format("None of {} has agent {}{}.\n", counted(asked, "node", "nodes"),
                              visible(enumerate(target.filter.agents)), others.empty() ? "" : " and matches the filter");
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
    if (account.whole() && (show == Show::if_not_whole || (show == Show::if_not_good && account.failures == 0))) return {};
    std::string text = proto::to_text(account.ledger);
    constexpr std::string_view word = " missing";
    if (const auto at = text.find(word); at != std::string::npos) text.insert(at + word.size(), reasons(account));
    text += "\n";
    for (const auto& trouble : account.trouble) text += "Not proved to be complete: " + trouble + "\n";
    return text;
}

}  // namespace mco::client
