#include "client/batches.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "proto/limits.hpp"

namespace mco::client {
namespace {

constexpr std::size_t names_size_max = proto::limits::request_size_max / 2;  // octets; the rest is for arguments

bool is_missing(proto::Outcome outcome) {
    return outcome == proto::Outcome::unreachable || outcome == proto::Outcome::lost ||
           outcome == proto::Outcome::expired;
}

}  // namespace

std::span<const std::string> Batches::next(std::size_t batch) const {
    const auto rest = nodes_.subspan(asked_);
    const std::size_t most = batch == 0 ? proto::limits::identities_max : std::min(batch, proto::limits::identities_max);
    std::size_t count = 0, size = 0;
    while (count < std::min(rest.size(), most) && size < names_size_max) size += rest[count++].size();
    return rest.first(count);
}

void Batches::add(Gathered part, std::span<const std::string> asked) {
    asked_ += asked.size();
    const std::unordered_set<std::string_view> concerned(asked.begin(), asked.end());
    std::unordered_set<std::string_view> seen;
    for (const auto& reply : part.replies) seen.insert(reply.node);
    for (const auto& missing : part.missing) {
        if (!is_group(missing)) seen.insert(missing.name);
    }
    const bool all_found = std::all_of(asked.begin(), asked.end(), [&](const auto& name) { return seen.contains(name); });
    std::erase_if(part.missing, [&](const proto::Missing& missing) {
        return is_group(missing) ? all_found : !concerned.contains(missing.name);
    });
    auto& ledger = whole_.ledger;
    if (first_) {
        whole_.request = part.request;
        whole_.sent = part.sent;
        ledger.closure = proto::Closure::closed;
        first_ = false;
    }
    ledger.expected = std::max(ledger.expected, part.ledger.expected);
    for (std::size_t i = 0; i < proto::outcome_count; ++i) {
        const auto outcome = static_cast<proto::Outcome>(i);
        if (outcome != proto::Outcome::not_matched && !is_missing(outcome)) ledger.counts[i] += part.ledger.counts[i];
    }
    if (part.ledger.closure == proto::Closure::open) ledger.closure = proto::Closure::open;
    whole_.entry = part.entry;
    whole_.entry_node = part.entry_node;
    if (!whole_.entry_round_trip) whole_.entry_round_trip = part.entry_round_trip;
    whole_.attempts = std::max(whole_.attempts, part.attempts);
    whole_.interrupted = whole_.interrupted || part.interrupted;
    whole_.took = part.sent.mono + part.took - whole_.sent.mono;
    std::move(part.replies.begin(), part.replies.end(), std::back_inserter(whole_.replies));
    for (auto& missing : part.missing) {
        const auto known = std::find_if(whole_.missing.begin(), whole_.missing.end(), [&](const proto::Missing& one) {
            return is_group(missing) && is_group(one) && one.name == missing.name;
        });
        if (known == whole_.missing.end()) whole_.missing.push_back(std::move(missing));
    }
    for (auto& trouble : part.trouble) {
        if (std::find(whole_.trouble.begin(), whole_.trouble.end(), trouble) == whole_.trouble.end())
            whole_.trouble.push_back(std::move(trouble));
    }
}

void Batches::stop(std::string why) {
    const auto rest = nodes_.subspan(asked_);
    if (rest.empty()) return;
    whole_.not_asked.assign(rest.begin(), rest.end());
    whole_.ledger.counts[static_cast<std::size_t>(proto::Outcome::cancelled)] += static_cast<std::uint32_t>(rest.size());
    whole_.trouble.push_back(std::move(why));
    asked_ = nodes_.size();
}

proto::Ledger Batches::with(const proto::Ledger& part) const {
    proto::Ledger ledger;
    ledger.expected = static_cast<std::uint32_t>(nodes_.size());
    for (const auto outcome : {proto::Outcome::ok, proto::Outcome::failed, proto::Outcome::denied})
        ledger.counts[static_cast<std::size_t>(outcome)] = whole_.ledger.count(outcome) + part.count(outcome);
    return ledger;
}

Gathered Batches::take() {
    std::sort(whole_.missing.begin(), whole_.missing.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    auto& ledger = whole_.ledger;
    if (first_) ledger.closure = proto::Closure::closed;
    for (const auto& missing : whole_.missing)
        ledger.counts[static_cast<std::size_t>(missing.outcome)] += static_cast<std::uint32_t>(node_count(missing));
    const auto concerned = ledger.accounted();
    ledger.expected = std::max(ledger.expected, concerned);
    if (ledger.closure == proto::Closure::closed)
        ledger.counts[static_cast<std::size_t>(proto::Outcome::not_matched)] = ledger.expected - concerned;
    return std::move(whole_);
}

}  // namespace mco::client
