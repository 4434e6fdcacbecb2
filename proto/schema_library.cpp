#include "proto/schema_library.hpp"

#include <algorithm>
#include <map>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proto/config_file.hpp"
#include "proto/limits.hpp"
#include "proto/ruby_ddl.hpp"
#include "proto/text_file.hpp"
#include "proto/value.hpp"

namespace mco::proto {
namespace {

namespace fs = std::filesystem;

// Folders of <libdir>/mcollective.
constexpr std::string_view agents = "agent", data = "data";

bool is_plugin_name(std::string_view name) {
    return !name.empty() && name.size() <= limits::name_size_max && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

bool is_there(const fs::path& file) {
    std::error_code error;
    return fs::exists(file, error);
}

fs::path folder_of(const fs::path& libdir, std::string_view kind) { return libdir / "mcollective" / kind; }

// The file that speaks for this plug-in in this libdir, or an empty path: JSON before Ruby, alone before in a folder of its own.
fs::path find_in(const fs::path& libdir, std::string_view kind, const std::string& name) {
    const fs::path folder = folder_of(libdir, kind);
    std::vector<std::string> files{name + ".json"};
    if (kind != agents) files.push_back(fmt::format("{}_{}.ddl", name, kind));
    files.push_back(name + ".ddl");
    for (const auto& file : files) {
        if (is_there(folder / file)) return folder / file;
        if (is_there(folder / name / file)) return folder / name / file;
    }
    return {};
}

// What the JSON form would hold. Ruby's metadata have a title for a name; what counts there is the file's name.
Result<Value> read_file(const fs::path& file, std::string_view name) {
    const auto text = read_text_file(file, limits::schema_size_max);
    if (!text) return tl::unexpected(text.error());
    const bool ruby = file.extension() == ".ddl";
    auto value = ruby ? read_ruby_ddl(*text) : parse_json(*text);
    if (!value) {
        return fail(value.error().code, fmt::format("{}:{}{}", file.string(), ruby ? "" : " ", value.error().detail));
    }
    Value* metadata = ruby ? &(*value->map())["metadata"] : nullptr;
    if (metadata != nullptr && metadata->map() != nullptr) metadata->map()->insert_or_assign("name", name);
    return value;
}

// `make` is schema_of() or data_schema_of().
template <typename Make>
auto read_schema(const fs::path& file, std::string_view name, Make make) -> decltype(make(Value())) {
    const auto value = read_file(file, name);
    if (!value) return tl::unexpected(value.error());
    auto schema = make(*value);
    if (!schema) return fail(schema.error().code, fmt::format("{}: {}", file.string(), schema.error().detail));
    if (schema->name != name) {
        return fail(Errc::invalid,
                    fmt::format("{}: metadata.name is \"{}\", but the file's name says \"{}\"\nRename one of them.",
                                file.string(), schema->name, name));
    }
    return schema;
}

// Every plug-in's name with the path of its file; the first libdir wins.
std::map<std::string, fs::path> find_all(const std::vector<fs::path>& libdirs, std::string_view kind) {
    std::map<std::string, fs::path> found;
    for (const fs::path& libdir : libdirs) {
        std::error_code error;
        fs::directory_iterator entry(folder_of(libdir, kind), error);
        for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
            const fs::path& path = entry->path();
            const bool alone = path.extension() == ".json" || path.extension() == ".ddl";
            std::string name = alone ? path.stem().string() : path.filename().string();
            const std::string suffix = fmt::format("_{}", kind);
            if (kind != agents && path.extension() == ".ddl" && name.ends_with(suffix)) name.resize(name.size() - suffix.size());
            if (!is_plugin_name(name) || found.contains(name)) continue;
            if (const fs::path file = find_in(libdir, kind, name); !file.empty()) found.emplace(name, file);
            if (found.size() >= limits::agents_max) return found;
        }
    }
    return found;
}

Error unknown_plugin(std::string_view what, std::string_view kind, std::string_view wanted,
                     const std::vector<fs::path>& libdirs) {
    std::vector<std::string_view> names;
    const auto found = find_all(libdirs, kind);
    for (const auto& [name, path] : found) names.push_back(name);
    std::vector<std::string> folders;
    for (const fs::path& libdir : libdirs) folders.push_back(folder_of(libdir, kind).string());

    std::string text = fmt::format("there is no DDL for the {} \"{}\"", what, wanted);
    if (const std::string_view near = nearest(wanted, names); !near.empty()) {
        text += fmt::format("; did you mean \"{}\"?", near);
    }
    text += names.empty()
                ? fmt::format("\nNone at all was found in {}.", fmt::join(folders, ", "))
                : fmt::format("\nKnown {}s: {}; searched: {}.", what, fmt::join(names, ", "), fmt::join(folders, ", "));
    return {Errc::not_found, std::move(text)};
}

template <typename Make>
auto load_plugin(const std::vector<fs::path>& libdirs, std::string_view what, std::string_view kind,
                 std::string_view name, Make make) -> decltype(make(Value())) {
    if (!is_plugin_name(name)) {
        return fail(Errc::invalid, fmt::format("\"{}\" cannot be the name of {} {}\nUse 1 to {} of a-z, 0-9 and _.",
                                               name.substr(0, limits::name_size_max), kind == agents ? "an" : "a", what,
                                               limits::name_size_max));
    }
    for (const fs::path& libdir : libdirs) {
        const fs::path file = find_in(libdir, kind, std::string(name));
        if (!file.empty()) return read_schema(file, name, make);
    }
    return tl::unexpected(unknown_plugin(what, kind, name, libdirs));
}

template <typename Make>
std::vector<SchemaLibrary::Listed> list_plugins(const std::vector<fs::path>& libdirs, std::string_view kind, Make make) {
    std::vector<SchemaLibrary::Listed> listed;
    for (const auto& [name, path] : find_all(libdirs, kind)) {
        const auto schema = read_schema(path, name, make);
        listed.push_back({.name = name,
                          .path = path,
                          .description = schema ? schema->description : std::string(),
                          .error = schema ? std::string() : schema.error().detail});
    }
    return listed;
}

}  // namespace

Result<AgentSchema> SchemaLibrary::load(std::string_view agent) const {
    return load_plugin(libdirs_, "agent", agents, agent, schema_of);
}

Result<DataSchema> SchemaLibrary::load_data(std::string_view source) const {
    return load_plugin(libdirs_, "data source", data, source, data_schema_of);
}

std::vector<SchemaLibrary::Listed> SchemaLibrary::list() const { return list_plugins(libdirs_, agents, schema_of); }

std::vector<SchemaLibrary::Listed> SchemaLibrary::list_data() const {
    return list_plugins(libdirs_, data, data_schema_of);
}

Result<std::variant<AgentSchema, DataSchema>> read_schema_file(const std::filesystem::path& file) {
    const bool ruby = file.extension() == ".ddl";
    if (!ruby && file.extension() != ".json")
        return fail(Errc::invalid, fmt::format("{} is called neither NAME.json nor NAME.ddl", file.string()));
    std::string name = file.stem().string();
    const auto value = read_file(file, name);
    if (!value) return tl::unexpected(value.error());
    if (value->find("actions") != nullptr) return read_schema(file, name, schema_of);
    const std::string suffix = fmt::format("_{}", data);
    if (ruby && name.ends_with(suffix)) name.resize(name.size() - suffix.size());
    return read_schema(file, name, data_schema_of);
}

std::filesystem::path default_libdir() {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    return error ? fs::path() : program.parent_path().parent_path() / "share" / "mco";
}

}  // namespace mco::proto
