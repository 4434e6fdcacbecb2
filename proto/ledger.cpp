#include "proto/ledger.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace mco::proto {

namespace {

// Counts come from peers: a sum that does not fit stays at the top, where it balances with nothing.
std::uint32_t saturated(std::uint64_t sum) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, std::numeric_limits<std::uint32_t>::max()));
}

std::uint64_t exact_sum(const std::array<std::uint32_t, outcome_count>& counts) {
    std::uint64_t sum = 0;
    for (const std::uint32_t count : counts) sum += count;
    return sum;
}

}  // namespace

std::string_view name(Outcome outcome) {
    switch (outcome) {
        case Outcome::ok:
            return "ok";
        case Outcome::failed:
            return "failed";
        case Outcome::denied:
            return "denied";
        case Outcome::not_matched:
            return "not_matched";
        case Outcome::unreachable:
            return "unreachable";
        case Outcome::lost:
            return "lost";
        case Outcome::expired:
            return "expired";
        case Outcome::cancelled:
            return "cancelled";
    }
    return "unknown";
}

std::string_view name(Reason reason) {
    switch (reason) {
        case Reason::down:
            return "down";
        case Reason::no_link:
            return "no_link";
        case Reason::no_ack:
            return "no_ack";
        case Reason::link_lost:
            return "link_lost";
        case Reason::silent:
            return "silent";
        case Reason::timeout:
            return "timeout";
        case Reason::overloaded:
            return "overloaded";
        case Reason::orphaned:
            return "orphaned";
        case Reason::group_unreachable:
            return "group_unreachable";
    }
    return "unknown";
}

std::string_view sentence(Reason reason) {
    switch (reason) {
        case Reason::down:
            return "was down before the request; it did not run there";
        case Reason::no_link:
            return "is known, but nobody here has a link to it; it did not run there";
        // The frame may lie in a queue of the frozen host, so nobody can promise that it will not run.
        case Reason::no_ack:
            return "did not acknowledge the request: frozen or overloaded; it may run if it wakes before the request "
                   "expires";
        case Reason::link_lost:
            return "lost its link during the request; it may have run there";
        case Reason::silent:
            return "acknowledged the request, then fell silent; it may have run there";
        case Reason::timeout:
            return "was still working when the deadline came; it may have run there";
        case Reason::overloaded:
            return "refused the request for load; it did not run there";
        case Reason::orphaned:
            return "its relay was lost during the request, and no other relay heard of it; it may have run there";
        case Reason::group_unreachable:
            return "no gateway of this group closed its account; it may have run there";
    }
    return "is missing for an unknown reason; it may have run there";
}

std::uint32_t Ledger::accounted() const { return saturated(exact_sum(counts)); }

std::uint32_t Ledger::matched() const { return expected - std::min(expected, count(Outcome::not_matched)); }

std::uint32_t Ledger::missing() const {
    return saturated(std::uint64_t{count(Outcome::unreachable)} + count(Outcome::lost) + count(Outcome::expired));
}

bool Ledger::balanced() const {
    const std::uint64_t sum = exact_sum(counts);
    switch (closure) {
        case Closure::open:
            return sum <= expected;
        case Closure::closed:
            return sum == expected;
    }
    return false;
}

void Ledger::merge(const Ledger& subtree) {
    expected = saturated(std::uint64_t{expected} + subtree.expected);
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = saturated(std::uint64_t{counts[i]} + subtree.counts[i]);
    if (subtree.closure == Closure::open) closure = Closure::open;
}

std::string to_text(const Ledger& ledger) {
    std::string text = fmt::format("{} expected", ledger.expected);
    std::string_view sign = " = ";
    const auto add = [&](std::uint32_t count, std::string_view what) {
        if (count == 0) return;
        text += fmt::format("{}{} {}", sign, count, what);
        sign = " + ";
    };
    add(ledger.count(Outcome::ok), "ok");
    add(ledger.count(Outcome::failed), "failed");
    add(ledger.count(Outcome::denied), "denied");
    add(ledger.count(Outcome::not_matched), "not matched");
    add(ledger.count(Outcome::cancelled), "cancelled");
    add(ledger.missing(), "missing");
    // While the account is open the rest is named too, so that the line is an equation at any time.
    add(ledger.expected - std::min(ledger.expected, ledger.accounted()), "owed");
    return text;
}

}  // namespace mco::proto
