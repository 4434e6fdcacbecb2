#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "client/applications/applications.hpp"
#include "client/applications/config_check.hpp"
#include "client/config.hpp"
#include "client/config_keys.hpp"
#include "client/results.hpp"
#include "client/table.hpp"
#include "client/terminal.hpp"
#include "proto/config_file.hpp"
#include "proto/value.hpp"

namespace mco::client::applications {
namespace {

using proto::Result;
using proto::Setting;
using proto::Value;

void declare(OptionSet& options) {
    options.add(json_option());
    options.add(required_options());
    options.add(common_options().last(1));  // --color
}

struct Row {
    std::string_view key;
    std::string value;
    std::string source;  // "FILE:LINE", "default", "installation" or "environment"
    std::string_view meaning;
};

std::string place_of(const Setting& setting) { return fmt::format("{}:{}", setting.file.string(), setting.line); }

// Every key, in the order of the documentation, then what the files set for plug-ins that the client does not know itself.
std::vector<Row> rows_of(const Config& config, const std::vector<Setting>& settings) {
    std::vector<Row> rows;
    for (const auto& key : config_keys()) {
        const Setting* last = nullptr;
        for (const auto& setting : settings) {
            if (setting.key != key.name) continue;
            last = &setting;
            if (key.shown == nullptr) rows.push_back({key.name, setting.value, place_of(setting), key.meaning});
        }
        if (key.shown != nullptr) {
            auto value = key.shown(config);
            rows.push_back({key.name, std::move(value), last == nullptr ? "default" : place_of(*last), key.meaning});
        } else if (last == nullptr) {
            rows.push_back({key.name, "", "default", key.meaning});
        }
    }
    for (const auto& setting : settings) {
        const auto keys = config_keys();
        const bool known =
            std::any_of(keys.begin(), keys.end(), [&](const ConfigKey& key) { return key.name == setting.key; });
        if (!known && setting.key.starts_with("plugin."))
            rows.push_back({setting.key, setting.value, place_of(setting), "Of a plug-in"});
    }
    return rows;
}

// What no file says: folders of the installation, and variables.
std::vector<Row> rows_of(const World& world) {
    std::vector<Row> rows;
    for (const auto& folder : world.libdirs)
        rows.push_back({"libdir", folder.string(), "installation", "DDLs that come with mco"});
    const auto& environment = world.environment;
    for (const auto& variable : environment_variables()) {
        const auto found = environment.find(variable.name);
        if (found != environment.end()) rows.push_back({variable.name, found->second, "environment", variable.meaning});
    }
    return rows;
}

std::string_view chosen_by(const Context& context) {
    if (context.options.has("config")) return "-c";
    const auto named = context.world.environment.find("MCO_CONFIG");
    return named != context.world.environment.end() && !named->second.empty() ? "$MCO_CONFIG" : "the first one found";
}

std::string as_text(const Context& context, const Config& config, const std::vector<Row>& rows) {
    Table table{.heading = {"Setting", "Value", "Source"}, .rows = {}};
    if (context.verbose()) table.heading.emplace_back("Meaning");
    for (const auto& row : rows) {
        table.rows.push_back({visible(row.key), row.value.empty() ? "(none)" : visible(row.value), visible(row.source)});
        if (context.verbose()) table.rows.back().emplace_back(row.meaning);
    }
    return fmt::format("Configuration: {} ({})\n\n{}", visible(config.file.string()), chosen_by(context),
                       table_text(table));
}

std::string as_json(const Context& context, const LoadedConfig& loaded, const std::vector<Row>& rows) {
    Value::List settings;
    for (const auto& row : rows)
        settings.emplace_back(Value::Map{
            {"key", row.key}, {"value", row.value}, {"source", row.source}, {"meaning", row.meaning}});
    const Value whole(Value::Map{{"file", loaded.config.file.string()},
                                 {"chosen_by", chosen_by(context)},
                                 {"settings", std::move(settings)},
                                 {"warnings", Value::List(loaded.warnings.begin(), loaded.warnings.end())}});
    const bool indented = json_form(context.terminal) == JsonForm::indented;
    return visible_json(indented ? proto::to_pretty_json(whole) : proto::to_json(whole)) + "\n";
}

Result<ExitStatus> run(Context& context) {
    const auto& words = context.options.words();
    if (!words.empty() && words.front() == "check") return check_config(context);
    if (!words.empty())
        return proto::fail(proto::Errc::invalid, "takes no words but check FILE; -c FILE names another configuration");
    const auto file = choose_config(context.options.value("config"), context.world.environment);
    if (!file) return tl::unexpected(file.error());
    const auto settings = proto::read_config(*file);
    if (!settings) return tl::unexpected(settings.error());
    const auto loaded = interpret(*settings, *file);
    if (!loaded) return tl::unexpected(loaded.error());
    auto rows = rows_of(loaded->config, *settings);
    for (auto& row : rows_of(context.world)) rows.push_back(std::move(row));
    context.out() << (context.options.has("json") ? as_json(context, *loaded, rows)
                                                  : as_text(context, loaded->config, rows));
    for (const auto& warning : loaded->warnings) context.err() << "mco: " << visible(warning) << '\n';
    return ExitStatus::ok;
}

}  // namespace

const Command config{
    "config",
    "Show every setting with its value and where it comes from",
    "[options]\ncheck FILE",
    "mco config\n"
    "mco config check /etc/mcollective/server.cfg\n"
    "mco config -v -c /etc/mcollective/client.cfg\n"
    "mco config -j | jq -r '.settings[] | select(.source != \"default\") | \"\\(.key) = \\(.value)\"'",
    declare,
    run,
};

}  // namespace mco::client::applications
