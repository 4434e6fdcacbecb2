#include "node/agents/apt.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace mco::node {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::size_t list_octets_max = 16U << 20U;  // 100,000 packages; a large machine has 5,000

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto end = text.find(by);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

// [EPOCH:]VERSION[-REVISION]
void take_version_apart(PackageManager::Package& package) {
    std::string_view rest = package.ensure;
    if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
        package.epoch = rest.substr(0, colon);
        rest.remove_prefix(colon + 1);
    }
    const auto dash = rest.rfind('-');
    package.version = rest.substr(0, dash);
    if (dash != std::string_view::npos) package.release = rest.substr(dash + 1);
}

// apt would take other names for an option, a file, a glob, or, with '-' at the end, for the wish to remove it.
bool is_package_name(std::string_view name) {
    return !name.empty() && name.front() != '-' && name.back() != '-' &&
           name.find_first_of("/*?[]^$=~! \n") == std::string_view::npos;
}

tl::unexpected<proto::Error> refusal(const ProcessEnd& end, std::string_view program) {
    const auto reason = reason_of(end);
    if (reason.find("Could not get lock") != std::string::npos ||
        reason.find("Unable to acquire the dpkg frontend lock") != std::string::npos)
        return fail(Errc::overloaded,
                    "another program holds the package lock (apt or dpkg is at work on this machine)\n"
                    "Try again when it has ended.");
    if (end.why == ProcessEnd::Why::timed_out || end.why == ProcessEnd::Why::stopped)
        return fail(Errc::expired, fmt::format("{}: {}", program, reason));
    return fail(Errc::invalid, fmt::format("{}: {}", program, reason));
}

// "Inst bash [5.2-1] (5.2-2 Debian:12.5/stable [amd64])"
std::optional<PackageManager::Outdated> outdated_line(std::string_view line) {
    constexpr std::string_view front = "Inst ";
    if (!line.starts_with(front)) return std::nullopt;
    const auto words = split(line.substr(front.size()), ' ');
    const auto open = line.find('(');
    if (words.size() < 3 || !words[1].starts_with('[') || open == std::string_view::npos) return std::nullopt;  // new ones
    const auto offer = split(line.substr(open + 1, line.find(')', open) - open - 1), ' ');
    return PackageManager::Outdated{.package = std::string(words[0]),
                                    .version = std::string(offer[0]),
                                    .repo = std::string(offer.size() > 1 ? offer[1] : std::string_view())};
}

}  // namespace

Result<ProcessEnd> Apt::run(std::vector<std::string> argv, std::stop_token stop, std::size_t output_max) const {
    return programs_.run({.argv = std::move(argv),
                          .environment = {{"DEBIAN_FRONTEND", "noninteractive"},
                                          {"DEBIAN_PRIORITY", "critical"},
                                          {"APT_LISTCHANGES_FRONTEND", "none"},
                                          {"APT_LISTBUGS_FRONTEND", "none"},
                                          {"NEEDRESTART_MODE", "a"},
                                          {"UCF_FORCE_CONFFOLD", "1"}},
                          .output_max = output_max},
                         std::move(stop));
}

Result<PackageManager::Package> Apt::status(const std::string& package, std::stop_token stop) const {
    if (!is_package_name(package)) return fail(Errc::invalid, fmt::format("'{}' is no package name", package));
    const auto end = run(
        {"dpkg-query", "-W", "-f", "${Package}\\t${db:Status-Status}\\t${Version}\\t${Architecture}\\n", "--", package},
        std::move(stop));
    if (!end) return tl::unexpected(end.error());
    if (end->why != ProcessEnd::Why::exited) return refusal(*end, "dpkg-query");
    Package result{.name = package, .ensure = "purged"};
    if (end->code == 1) return result;  // dpkg never heard of it
    if (end->code != 0) return refusal(*end, "dpkg-query");
    // A package of several architectures has a line each; the first installed one counts.
    for (const auto line : split(end->out, '\n')) {
        const auto fields = split(line, '\t');
        if (fields.size() != 4) continue;
        if (fields[1] == "installed") {
            result.ensure = fields[2];
            result.arch = fields[3];
            take_version_apart(result);
            return result;
        }
        if (fields[1] != "not-installed") result.ensure = "absent";  // configuration is left, or half of it
    }
    return result;
}

Result<std::string> Apt::change(Change what, const std::string& package, const std::string& version,
                                std::stop_token) const {
    if (!is_package_name(package)) return fail(Errc::invalid, fmt::format("'{}' is no package name", package));
    std::vector<std::string> argv{"apt-get", "-q", "-y", "-o", "Dpkg::Options::=--force-confdef",
                                  "-o",      "Dpkg::Options::=--force-confold", "-o", "DPkg::Lock::Timeout=0",
                                  // Without it a name with a dot that is no package is an expression: "ba.h" is dozens.
                                  "-o", "APT::Cmd::Pattern-Only=1"};
    std::string what_package = package;
    switch (what) {
        case Change::install:
            argv.emplace_back("install");
            argv.emplace_back("--allow-downgrades");
            if (!version.empty()) what_package += "=" + version;
            break;
        case Change::update:
            argv.emplace_back("install");
            argv.emplace_back("--only-upgrade");
            break;
        case Change::uninstall:
            argv.emplace_back("remove");
            break;
        case Change::purge:
            argv.emplace_back("purge");
            break;
    }
    argv.emplace_back("--");
    argv.push_back(std::move(what_package));
    const auto end = run(std::move(argv), {});
    if (!end) return tl::unexpected(end.error());
    if (!end->ok()) return refusal(*end, "apt-get");
    return output_of(*end);
}

Result<std::vector<std::string>> Apt::list(std::stop_token stop) const {
    const auto end = run({"dpkg-query", "-W", "-f", "${db:Status-Abbrev}\\t${Package}\\t${Version}\\t${Architecture}\\n"},
                         std::move(stop), list_octets_max);
    if (!end) return tl::unexpected(end.error());
    if (!end->ok()) return refusal(*end, "dpkg-query");
    std::vector<std::string> lines;
    for (const auto line : split(end->out, '\n')) {
        if (line.starts_with("ii")) lines.emplace_back(line);
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

Result<PackageManager::Text> Apt::refresh(std::stop_token stop) const {
    const auto end = run({"apt-get", "-q", "-o", "DPkg::Lock::Timeout=0", "update"}, std::move(stop));
    if (!end) return tl::unexpected(end.error());
    if (!end->ok()) return refusal(*end, "apt-get");
    return Text{.output = output_of(*end), .exitcode = end->code};
}

Result<PackageManager::Outdating> Apt::outdated(std::stop_token stop) const {
    // A simulation takes no lock and changes nothing.
    const auto end =
        run({"apt-get", "-q", "-s", "-o", "Debug::NoLocking=true", "upgrade"}, std::move(stop), list_octets_max);
    if (!end) return tl::unexpected(end.error());
    if (!end->ok()) return refusal(*end, "apt-get");
    Outdating result;
    result.text.exitcode = end->code;
    for (const auto line : split(end->out, '\n')) {
        if (auto one = outdated_line(line)) {
            result.packages.push_back(std::move(*one));
            result.text.output += fmt::format("{}\n", line);
        }
    }
    return result;
}

}  // namespace mco::node
