#include "client/account.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "client/words.hpp"

namespace mco::client {
namespace {

bool is_literal(std::string_view identity) {
    return !identity.starts_with('/') && identity.find_first_of("[]*?{}") == std::string_view::npos;
}

std::string length_of(std::chrono::milliseconds time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
    if (seconds < 60) return fmt::format("{} s", seconds);
    if (seconds < 3600) return fmt::format("{} min", seconds / 60);
    if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

std::string why(const proto::Missing& missing) {
    const std::string sentence(proto::sentence(missing.reason));
    if (missing.reason != proto::Reason::down) return sentence;
    return fmt::format("{} (down for {})", sentence, length_of(std::chrono::milliseconds(missing.since_ms)));
}

// Names that were asked for, and that nobody has: typing errors, and machines that never joined.
void add_unknown_names(const Gathered& gathered, const proto::Filter& filter, Account& account) {
    if (!names_only(filter) || !filter.classes.empty() || !filter.facts.empty()) return;
    if (gathered.ledger.closure != proto::Closure::closed) return;
    for (const auto& identity : filter.identities) {
        const bool seen = std::any_of(gathered.replies.begin(), gathered.replies.end(),
                                      [&](const Reply& reply) { return reply.node == identity; }) ||
                          std::any_of(gathered.missing.begin(), gathered.missing.end(),
                                      [&](const proto::Missing& missing) { return missing.name == identity; });
        const bool listed =
            std::any_of(account.absent.begin(), account.absent.end(),
                        [&](const Account::Absent& absent) { return absent.node == visible(identity); });
        if (seen || listed) continue;
        ++account.unknown;
        account.absent.push_back({visible(identity), filter.agents.empty()
                                                         ? "is not known in this collective"
                                                         : "is not known in this collective, or does not have agent " +
                                                               visible(enumerate(filter.agents))});
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
    for (const auto& missing : gathered.missing) {
        if (matcher.may_match_identity(missing.name)) {
            account.absent.push_back({visible(missing.name), why(missing)});
            continue;
        }
        auto& owed = account.ledger.counts[static_cast<std::size_t>(missing.outcome)];
        if (owed == 0) continue;  // the account does not agree with its names; gather said so
        --owed;
        account.ledger.add(proto::Outcome::not_matched);
    }
    add_unknown_names(gathered, filter, account);
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
