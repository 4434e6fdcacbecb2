#include "proto/schema_library.hpp"

#include <algorithm>
#include <map>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proto/config_file.hpp"
#include "proto/limits.hpp"
#include "proto/text_file.hpp"

namespace mco::proto {
namespace {

namespace fs = std::filesystem;

bool is_agent_name(std::string_view name) {
    return !name.empty() && name.size() <= limits::name_size_max && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

fs::path agent_folder(const fs::path& libdir) { return libdir / "mcollective" / "agent"; }

bool is_there(const fs::path& file) {
    std::error_code error;
    return fs::exists(file, error);
}

// The file that speaks for this agent in this libdir, or an empty path.
fs::path find_in(const fs::path& libdir, const std::string& name) {
    const fs::path folder = agent_folder(libdir);
    const std::string file = name + ".json";
    if (is_there(folder / file)) return folder / file;
    if (is_there(folder / name / file)) return folder / name / file;
    return {};
}

Result<AgentSchema> read_schema(const fs::path& file, std::string_view name) {
    const auto text = read_text_file(file, limits::schema_size_max);
    if (!text) return tl::unexpected(text.error());
    auto schema = parse_schema(*text);
    if (!schema) return fail(schema.error().code, fmt::format("{}: {}", file.string(), schema.error().detail));
    if (schema->name != name) {
        return fail(Errc::invalid,
                    fmt::format("{}: metadata.name is \"{}\", but the file's name says \"{}\"\nRename one of them.",
                                file.string(), schema->name, name));
    }
    return schema;
}

// Every agent's name with the path of its file; the first libdir wins.
std::map<std::string, fs::path> find_all(const std::vector<fs::path>& libdirs) {
    std::map<std::string, fs::path> found;
    for (const fs::path& libdir : libdirs) {
        std::error_code error;
        fs::directory_iterator entry(agent_folder(libdir), error);
        for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
            const fs::path& path = entry->path();
            const bool alone = path.extension() == ".json";
            const std::string name = alone ? path.stem().string() : path.filename().string();
            if (!is_agent_name(name) || found.contains(name)) continue;
            if (const fs::path file = find_in(libdir, name); !file.empty()) found.emplace(name, file);
            if (found.size() >= limits::agents_max) return found;
        }
    }
    return found;
}

Error unknown_agent(std::string_view agent, const std::vector<fs::path>& libdirs) {
    std::vector<std::string_view> names;
    const auto found = find_all(libdirs);
    for (const auto& [name, path] : found) names.push_back(name);
    std::vector<std::string> folders;
    for (const fs::path& libdir : libdirs) folders.push_back(agent_folder(libdir).string());

    std::string text = fmt::format("there is no DDL for the agent \"{}\"", agent);
    if (const std::string_view near = nearest(agent, names); !near.empty()) {
        text += fmt::format("; did you mean \"{}\"?", near);
    }
    text += names.empty()
                ? fmt::format("\nNone at all was found in {}.", fmt::join(folders, ", "))
                : fmt::format("\nKnown agents: {}; searched: {}.", fmt::join(names, ", "), fmt::join(folders, ", "));
    return {Errc::not_found, std::move(text)};
}

}  // namespace

Result<AgentSchema> SchemaLibrary::load(std::string_view agent) const {
    if (!is_agent_name(agent)) {
        return fail(Errc::invalid, fmt::format("\"{}\" cannot be the name of an agent\nUse 1 to {} of a-z, 0-9 and _.",
                                               agent.substr(0, limits::name_size_max), limits::name_size_max));
    }
    for (const fs::path& libdir : libdirs_) {
        const fs::path file = find_in(libdir, std::string(agent));
        if (!file.empty()) return read_schema(file, agent);
    }
    return tl::unexpected(unknown_agent(agent, libdirs_));
}

std::vector<SchemaLibrary::Listed> SchemaLibrary::list() const {
    std::vector<Listed> listed;
    for (auto& [name, path] : find_all(libdirs_)) {
        const auto schema = read_schema(path, name);
        listed.push_back({.name = name, .path = path, .error = schema ? std::string() : schema.error().detail});
    }
    return listed;
}

std::filesystem::path default_libdir() {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    return error ? fs::path() : program.parent_path().parent_path() / "share" / "mco";
}

}  // namespace mco::proto
