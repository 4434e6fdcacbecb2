#include "client/applications/config_check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "client/config_check.hpp"
#include "client/results.hpp"
#include "client/table.hpp"
#include "client/terminal.hpp"
#include "proto/config_file.hpp"
#include "proto/value.hpp"

namespace mco::client::applications {
namespace {

using Kind = LineFate::Kind;
using proto::Reader;
using proto::Value;

constexpr std::array kinds{Kind::kept, Kind::others, Kind::gone, Kind::unknown, Kind::wrong};

std::string_view name_of(Reader reader) { return reader == Reader::mcod ? "mcod" : "mco"; }

auto count(const std::vector<LineFate>& all, Kind kind) {
    return std::count_if(all.begin(), all.end(), [&](const LineFate& fate) { return fate.kind == kind; });
}

std::string sums(const std::vector<LineFate>& all) {
    std::string text;
    for (const auto kind : kinds) {
        if (const auto lines = count(all, kind); lines > 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", lines, name(kind));
    }
    return text.empty() ? "no settings" : text;
}

std::string as_text(const std::filesystem::path& file, Reader reader, const std::vector<LineFate>& all,
                    const std::vector<std::string>& missing) {
    Table table{.heading = {"Line", "Setting", "Becomes", "Because"}, .rows = {}};
    for (const auto& fate : all)
        table.rows.push_back({visible(fmt::format("{}:{}", fate.line.file.filename().string(), fate.line.line)),
                              visible(fate.line.key), std::string(name(fate.kind)), visible(fate.why)});
    auto text = fmt::format("{} as the configuration of {}: {}\n\n{}", visible(file.string()), name_of(reader), sums(all),
                            table_text(table));
    if (!missing.empty()) text += "\nTo be added:\n\n";
    for (const auto& line : missing) text += line + "\n";
    if (reader == Reader::mcod)
        text += fmt::format("\nWhether mcod starts with it: mcod --check-config -c {}\n", visible(file.string()));
    return text;
}

std::string as_json(const std::filesystem::path& file, Reader reader, const std::vector<LineFate>& all,
                    const std::vector<std::string>& missing, JsonForm form) {
    Value::List lines;
    for (const auto& fate : all)
        lines.emplace_back(Value::Map{{"file", fate.line.file.string()},
                                      {"line", static_cast<std::int64_t>(fate.line.line)},
                                      {"key", fate.line.key},
                                      {"becomes", name(fate.kind)},
                                      {"because", fate.why}});
    Value::List to_add;
    for (const auto& line : missing) to_add.emplace_back(line.substr(0, line.find(" = ")));
    const Value whole(Value::Map{{"file", file.string()},
                                 {"program", name_of(reader)},
                                 {"lines", std::move(lines)},
                                 {"to_add", std::move(to_add)}});
    return visible_json(form == JsonForm::indented ? proto::to_pretty_json(whole) : proto::to_json(whole)) + "\n";
}

}  // namespace

proto::Result<ExitStatus> check_config(Context& context) {
    const auto& words = context.options.words();
    if (words.size() != 2)
        return proto::fail(proto::Errc::invalid, "check takes one file: mco config check /etc/mcollective/server.cfg");
    const std::filesystem::path file(words[1]);
    const auto lines = proto::read_config(file);
    if (!lines) return tl::unexpected(lines.error());
    const auto reader = reader_of(*lines);
    const auto all = fates(*lines, reader);
    const auto missing = lines_to_add(*lines, reader);
    context.out() << (context.options.has("json")
                          ? as_json(file, reader, all, missing, json_form(context.terminal))
                          : as_text(file, reader, all, missing));
    return count(all, Kind::unknown) + count(all, Kind::wrong) == 0 ? ExitStatus::ok : ExitStatus::unusable;
}

}  // namespace mco::client::applications
