#include "node/data.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "node/data/external.hpp"
#include "node/data/sources.hpp"
#include "proto/schema_library.hpp"

namespace mco::node {
namespace {

struct BuiltIn {
    std::string_view name;
    proto::Result<proto::Value::Map> (*look_up)(const Call& call, const std::string& query);
};
constexpr std::array built_in{
    BuiltIn{"agent", data::agent},     BuiltIn{"collective", data::collective}, BuiltIn{"fact", data::fact},
    BuiltIn{"fstat", data::fstat},     BuiltIn{"nettest", data::nettest},       BuiltIn{"nrpe", data::nrpe},
    BuiltIn{"package", data::package}, BuiltIn{"process", data::process},       BuiltIn{"puppet", data::puppet},
    BuiltIn{"resource", data::resource}, BuiltIn{"service", data::service},     BuiltIn{"sysctl", data::sysctl},
};

}  // namespace

DataSources DataSources::load(const std::vector<std::filesystem::path>& libdirs, std::vector<std::string>& problems) {
    DataSources sources;
    const proto::SchemaLibrary library(libdirs);
    for (const auto& row : built_in) {
        auto schema = library.load_data(row.name);
        if (!schema) {
            problems.push_back(std::move(schema.error().detail));
            continue;
        }
        sources.entries_.emplace(
            row.name, Entry{std::move(*schema), [ask = row.look_up](const Call& call, const std::string& query,
                                                                    std::stop_token) { return ask(call, query); }});
    }
    for (const auto& listed : library.list_data()) {
        if (sources.entries_.contains(listed.name)) continue;
        auto schema = library.load_data(listed.name);
        if (!schema) {
            problems.push_back(std::move(schema.error().detail));
        } else if (schema->provider == "external") {  // others are for other programs' nodes
            auto look_up = data::external(listed.path, *schema);
            if (look_up) {
                sources.entries_.emplace(listed.name, Entry{std::move(*schema), std::move(*look_up)});
            } else {
                problems.push_back(std::move(look_up.error().detail));
            }
        }
    }
    return sources;
}

const DataSources::Entry* DataSources::find(std::string_view source) const {
    const auto found = entries_.find(source);
    return found == entries_.end() ? nullptr : &found->second;
}

proto::Result<proto::Value::Map> DataSources::look_up(const Call& call, std::string_view source,
                                                      const std::string& query, std::stop_token stop) const {
    const auto* entry = find(source);
    if (entry == nullptr) return proto::fail(proto::Errc::not_found, fmt::format("Unknown data source {}", source));
    if (auto valid = proto::validate_query(entry->schema, query); !valid) return tl::unexpected(valid.error());
    auto outputs = entry->look_up(call, query, std::move(stop));
    if (!outputs) return outputs;
    for (const auto& output : entry->schema.outputs)
        outputs->try_emplace(output.name, output.default_value.value_or(proto::Value()));
    return outputs;
}

}  // namespace mco::node
