#include "mesh/io/memory.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>
#include <variant>

#include "mesh/io/vetting.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"

namespace mco::mesh::io {

namespace {

// After this the time of writing, then messages of the mesh, each behind its length; numbers are big-endian.
constexpr std::string_view head = "mco mesh 1\n";
constexpr std::size_t entries_per_frame = 256;  // of at most 2 KiB each: a frame's limit is not reached

template <typename Number>
void append(proto::Bytes& octets, Number number) {
    for (std::size_t i = sizeof number; i-- > 0;) octets.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
}

template <typename Number>
std::optional<Number> take(proto::BytesView& octets) {
    if (octets.size() < sizeof(Number)) return std::nullopt;
    Number number = 0;
    for (const auto octet : octets.first(sizeof number)) number = static_cast<Number>(number << 8 | octet);
    octets = octets.subspan(sizeof number);
    return number;
}

void append_frame(proto::Bytes& octets, const proto::Bytes& frame) {
    append(octets, static_cast<std::uint32_t>(frame.size()));
    octets.insert(octets.end(), frame.begin(), frame.end());
}

std::uint32_t aged(std::uint32_t since_ms, proto::Duration asleep) {
    const auto sum = std::chrono::milliseconds(since_ms) + std::chrono::duration_cast<std::chrono::milliseconds>(asleep);
    return static_cast<std::uint32_t>(std::min<std::int64_t>(sum.count(), std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

proto::Bytes pack_memory(const Engine::Memory& memory, proto::WallTime now) {
    proto::Bytes octets(head.begin(), head.end());
    append(octets, static_cast<std::uint64_t>(now.time_since_epoch().count()));
    proto::Roster roster;
    for (const auto& member : memory.members) {
        roster.entries.push_back({member.record->sealed, member.state, member.since_ms});
        if (roster.entries.size() < entries_per_frame) continue;
        append_frame(octets, proto::encode(roster));
        roster.entries.clear();
    }
    if (!roster.entries.empty()) append_frame(octets, proto::encode(roster));
    proto::Groups groups;
    for (const auto& group : memory.groups) {
        auto& summary = groups.groups.emplace_back(
            proto::GroupSummary{.group = group.group, .version = group.version, .collectives = group.collectives, .gateways = {}});
        for (const auto& record : group.gateways) summary.gateways.push_back(record->sealed);
    }
    if (!groups.groups.empty()) append_frame(octets, proto::encode(groups));
    return octets;
}

proto::Result<Engine::Memory> unpack_memory(security::TrustStore& trust, proto::BytesView octets, proto::WallTime now) {
    const auto broken = [] { return proto::fail(proto::Errc::invalid, "it is damaged, or of another version of mco"); };
    if (octets.size() < head.size() || proto::as_text(octets.first(head.size())) != head) return broken();
    octets = octets.subspan(head.size());
    const auto written = take<std::uint64_t>(octets);
    if (!written) return broken();
    const auto today = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now.time_since_epoch().count()));
    const proto::Duration asleep(static_cast<std::int64_t>(*written < today ? today - *written : 0));
    Engine::Memory memory;
    const security::Principal ourselves{};  // a node's word
    while (!octets.empty()) {
        const auto size = take<std::uint32_t>(octets);
        if (!size || *size > octets.size()) return broken();
        auto verdict = vet(trust, ourselves, octets.first(*size), now);
        octets = octets.subspan(*size);
        if (auto* roster = std::get_if<PassRoster>(&verdict)) {
            for (auto& entry : roster->entries) {
                entry.since_ms = aged(entry.since_ms, asleep);
                memory.members.push_back(std::move(entry));
            }
        } else if (auto* groups = std::get_if<PassGroups>(&verdict)) {
            std::move(groups->groups.begin(), groups->groups.end(), std::back_inserter(memory.groups));
        } else {
            return broken();
        }
        if (memory.members.size() > proto::limits::roster_max || memory.groups.size() > proto::limits::groups_max) return broken();
    }
    return memory;
}

}  // namespace mco::mesh::io
