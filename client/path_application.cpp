#include "client/path_application.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "client/options.hpp"
#include "client/words.hpp"

namespace mco::client {
namespace {

constexpr std::string_view prefix = "mco-";
constexpr std::array<std::string_view, 4> own_programs{"ca", "proxy", "bench", "bench-micro"};
constexpr std::size_t applications_max = 1'000;

bool is_name(std::string_view name) {
    return !name.empty() && std::find(own_programs.begin(), own_programs.end(), name) == own_programs.end() &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
           });
}

// Relative folders are left out: what runs must not depend on where one stands.
std::vector<std::filesystem::path> folders(const Environment& environment) {
    std::vector<std::filesystem::path> found;
    const auto path = environment.find("PATH");
    if (path == environment.end()) return found;
    for (std::string_view rest = path->second; !rest.empty();) {
        const auto end = std::min(rest.find(':'), rest.size());
        if (rest.starts_with('/')) found.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return found;
}

bool is_program(const std::filesystem::path& path) {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

std::string shell_word(std::string_view word) {
    std::string text = "'";
    for (const char sign : word) text += sign == '\'' ? std::string("'\\''") : std::string(1, sign);
    return text + "'";
}

}  // namespace

std::vector<PathApplication> path_applications(const Environment& environment) {
    std::vector<PathApplication> found;
    std::set<std::pair<dev_t, ino_t>> seen;  // /bin and /usr/bin are often one folder
    for (const auto& folder : folders(environment)) {
        // Thousands of names, of which few are of interest: std::filesystem would make a path of each.
        const std::unique_ptr<DIR, int (*)(DIR*)> names(::opendir(folder.c_str()), ::closedir);
        struct stat status{};
        if (!names || ::fstat(::dirfd(names.get()), &status) != 0 || !seen.emplace(status.st_dev, status.st_ino).second) continue;
        while (const auto* entry = ::readdir(names.get())) {
            const std::string_view file(entry->d_name);
            if (!file.starts_with(prefix) || found.size() >= applications_max) continue;
            const auto name = file.substr(prefix.size());
            const bool known = std::any_of(found.begin(), found.end(), [&](const auto& one) { return one.name == name; });
            if (is_name(name) && !known && is_program(folder / file)) found.push_back({std::string(name), folder / file});
        }
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return found;
}

std::optional<PathApplication> find_path_application(const Environment& environment, std::string_view name) {
    if (!is_name(name)) return std::nullopt;
    for (const auto& folder : folders(environment)) {
        auto program = folder / (std::string(prefix) + std::string(name));
        if (is_program(program)) return PathApplication{std::string(name), std::move(program)};
    }
    return std::nullopt;
}

proto::Result<Launch> prepare_launch(const PathApplication& application, std::span<const std::string> typed,
                                     const Environment& environment, const std::string& self) {
    constexpr Option config{"config,c", "FILE", Section::required, ""};
    OptionSet shared;
    shared.add({&config, 1});
    shared.add(common_options());
    shared.add(filter_options());
    const auto split = shared.split(typed);
    if (!split) return tl::unexpected(split.error());
    Launch launch{.argv = {application.program.string()}, .environment = environment};
    launch.argv.insert(launch.argv.end(), split->rest.begin(), split->rest.end());
    auto& options = launch.environment["MCOLLECTIVE_EXTRA_OPTS"];
    for (const auto& option : split->known) options += (options.empty() ? "" : " ") + shell_word(option);
    if (options.empty()) launch.environment.erase("MCOLLECTIVE_EXTRA_OPTS");
    launch.environment["MCO"] = self;
    return launch;
}

}  // namespace mco::client
