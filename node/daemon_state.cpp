#include "node/daemon_state.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "security/rfc3339.hpp"

namespace mco::node {
namespace {

constexpr std::size_t links_told_max = 32;  // of a relay's hundreds: those that were silent for longest

constexpr auto rows = std::to_array<NamedCounter>({
    {"total", "Requests that reached this node's admission", &Counters::total},
    {"validated", "Those whose signature and certificate held", &Counters::validated},
    {"unvalidated", "Those whose signature or certificate did not hold", &Counters::unvalidated},
    {"passed", "Those whose filter means this node", &Counters::passed},
    {"filtered", "Those whose filter does not", &Counters::filtered},
    {"ttlexpired", "Refused: too old, from the future, or with too long a life", &Counters::ttlexpired},
    {"replayed", "Refused: seen before", &Counters::replayed},
    {"denied", "Refused by certificate scope or policy", &Counters::denied},
    {"invalid", "Refused: unknown action, wrong arguments, a filter that does not compile", &Counters::invalid},
    {"overloaded", "Refused: too many actions were waiting", &Counters::overloaded},
    {"timed_out", "Actions that outlived their timeout", &Counters::timed_out},
    {"replies", "Replies handed to the mesh", &Counters::replies},
    {"audit_failures", "Audit lines that could not be written", &Counters::audit_failures},
    {"journal_failures", "Journal entries that could not be written", &Counters::journal_failures},
    {"data_failures", "Requests that a failed data source kept from meaning this node", &Counters::data_failures},
});

std::string seconds(proto::Duration time) {
    return fmt::format("{} s", std::chrono::floor<std::chrono::seconds>(time).count());
}

std::string milliseconds(std::chrono::microseconds time) {
    return time.count() == 0 ? "not measured" : fmt::format("{:.1f} ms", static_cast<double>(time.count()) / 1000);
}

}  // namespace

std::span<const NamedCounter> named_counters() { return rows; }

std::vector<std::string> state_report(const DaemonState& state, proto::WallTime now) {
    const auto& mesh = state.mesh;
    std::vector<std::string> lines;
    lines.push_back(fmt::format(
        "state: {} {}, up for {}, {}, {}{} of group {}, {} members known, {} links, {} actions running, certificate until {}",
        state.software, state.name, seconds(now - state.started), state.ready ? "takes part" : "has not joined its group",
        mesh.role == mesh::Engine::Role::relay ? "relay" : "leaf", mesh.gateway ? " and gateway" : "", mesh.group,
        mesh.members, mesh.links.size(), state.running, security::to_rfc3339(state.certificate_until)));
    std::string counts;
    for (const auto& row : rows) counts += fmt::format(" {} {}", row.name, state.counters.*row.value);
    lines.push_back("state: requests:" + counts);
    for (const auto& group : mesh.other_groups)
        lines.push_back(fmt::format("state: group {}: {} members, {}", group.group, group.members,
                                    group.linked ? "linked" : "not linked from here"));
    auto links = mesh.links;
    std::stable_sort(links.begin(), links.end(), [](const auto& a, const auto& b) { return a.silent_for > b.silent_for; });
    for (std::size_t i = 0; i < std::min(links.size(), links_told_max); ++i)
        lines.push_back(fmt::format("state: link {} ({}): up for {}, silent for {}, round trip {}, lost {} times before",
                                    links[i].name, links[i].group, seconds(links[i].up_for), seconds(links[i].silent_for),
                                    milliseconds(links[i].round_trip), links[i].flaps));
    if (links.size() > links_told_max) lines.push_back(fmt::format("state: {} more links", links.size() - links_told_max));
    std::string noticed;
    for (const auto& count : mesh.counters)
        if (count.value != 0) noticed += fmt::format(" {} {}", count.name, count.value);
    lines.push_back("state: counted:" + noticed);
    return lines;
}

}  // namespace mco::node
