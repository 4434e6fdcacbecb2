#include "node/external/agent_files.hpp"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "proto/text_file.hpp"

namespace mco::node::external {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

bool is_file(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error);
}

// "linux_amd64": what builds for several machines put behind an agent's name.
std::string machine() {
    utsname about{};
    if (::uname(&about) != 0) return {};
    std::string system = about.sysname, arch = about.machine;
    std::transform(system.begin(), system.end(), system.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (arch == "x86_64") arch = "amd64";
    if (arch == "aarch64") arch = "arm64";
    return system + "_" + arch;
}

fs::path program_of(const fs::path& folder, const std::string& name, bool own_folder) {
    if (is_file(folder / name)) return folder / name;
    if (!own_folder) return {};
    auto built = folder / (name + "-" + machine());
    return is_file(built) ? built : fs::path();
}

proto::Result<void> check_owner(const fs::path& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0)
        return proto::fail(proto::Errc::not_found,
                           fmt::format("{}: {}", path.string(), std::generic_category().message(errno)));
    if (found.st_uid != 0 && found.st_uid != ::geteuid())
        return proto::fail(proto::Errc::denied,
                           fmt::format("{}: belongs to user {}, who could have anything run\nGive it to root: chown root {}",
                                       path.string(), found.st_uid, path.string()));
    if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return proto::fail(proto::Errc::denied,
                           fmt::format("{}: others may write to it, and so have anything run\nTake that away: chmod go-w {}",
                                       path.string(), path.string()));
    return {};
}

}  // namespace

std::vector<AgentFiles> find_agent_files(const std::vector<fs::path>& libdirs) {
    std::map<std::string, AgentFiles> found;
    for (const auto& libdir : libdirs) {
        const auto top = libdir / "mcollective" / "agent";
        const auto take = [&](const fs::path& folder, const std::string& name, bool own_folder) {
            const auto ddl = folder / (name + ".json");
            if (found.contains(name) || found.size() >= proto::limits::agents_max || !is_file(ddl)) return;
            const auto program = program_of(folder, name, own_folder);
            found.emplace(name, AgentFiles{name, libdir, ddl, program, stamp_of(ddl),
                                           program.empty() ? FileStamp{} : stamp_of(program)});
        };
        // Two passes, so that which of two wins does not hang on the order of a folder's entries.
        std::vector<std::string> folders;
        std::error_code error;
        fs::directory_iterator entry(top, error);
        for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
            const auto& path = entry->path();
            std::error_code unreadable;
            if (path.extension() == ".json") {
                take(top, path.stem().string(), false);
            } else if (path.filename() != "tmp" && fs::is_directory(path, unreadable)) {
                folders.push_back(path.filename().string());
            }
        }
        for (const auto& name : folders) take(top / name, name, true);
    }
    std::vector<AgentFiles> files;
    for (auto& [name, agent] : found) files.push_back(std::move(agent));
    return files;
}

bool is_young(const FileStamp& stamp, proto::WallTime now) {
    const auto age = now.time_since_epoch() - std::chrono::nanoseconds(stamp.modified_ns);
    return age < 5s && age > -5s;  // a clock that was set back must not keep an agent out for ever
}

proto::Result<void> check_owners(const AgentFiles& files) {
    std::vector<fs::path> paths{files.ddl};
    if (!files.program.empty()) {
        std::error_code error;
        const auto target = fs::canonical(files.program, error);
        paths.push_back(files.program);
        if (!error) paths.push_back(target.parent_path());
    }
    for (auto folder = files.ddl.parent_path(); folder != files.libdir && folder.has_relative_path();
         folder = folder.parent_path())
        paths.push_back(folder);
    paths.push_back(files.libdir);
    for (const auto& path : paths) {
        if (auto checked = check_owner(path); !checked) return checked;
    }
    return {};
}

proto::Result<proto::AgentSchema> read_schema(const AgentFiles& files) {
    const auto wrong = [&](std::string_view why) {
        return proto::fail(proto::Errc::invalid, fmt::format("{}: {}", files.ddl.string(), why));
    };
    const auto text = proto::read_text_file(files.ddl, proto::limits::schema_size_max);
    if (!text) return tl::unexpected(text.error());
    auto schema = proto::parse_schema(*text);
    if (!schema) return wrong(schema.error().detail);
    if (schema->name != files.name)
        return wrong(fmt::format("metadata.name is \"{}\", but the file's name says \"{}\"\nRename one of them.",
                                 schema->name, files.name));
    if (schema->provider != "external" || !files.program.empty()) return schema;
    for (const auto& action : schema->actions) {
        if (!action.command)
            return wrong(fmt::format("there is no program {} beside it, and the action {} has no \"command\"", files.name,
                                     action.name));
    }
    return schema;
}

}  // namespace mco::node::external
