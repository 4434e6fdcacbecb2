#pragma once

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "node/call.hpp"
#include "node/external/agent_lines.hpp"
#include "node/external/external_agent.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::test {

// A libdir with external agents, and calls of them.
struct ExternalPlace {
    TempDir dir;
    std::shared_ptr<node::external::AgentLines> lines = std::make_shared<node::external::AgentLines>();

    std::filesystem::path agents() const { return dir.path() / "mcollective" / "agent"; }

    // A DDL as old as it must be to count. `metadata` and `action` are added JSON members, with a comma in front.
    std::filesystem::path ddl(std::string_view name, std::string_view metadata = "", std::string_view action = "") const {
        const auto path = dir.write(
            fmt::format("mcollective/agent/{}.json", name),
            fmt::format(R"({{"metadata":{{"name":"{}","description":"d","author":"a","license":"l","version":"1.0.0",
                "url":"u","timeout":2,"provider":"external"{}}},"actions":[{{"action":"act","description":"d",
                "input":{{"text":{{"prompt":"t","description":"d","type":"string","optional":true,"validation":".",
                "maxlength":0}}}},"output":{{"out":{{"description":"d","display_as":"Out","default":"none"}}}}{}}}]}})",
                        name, metadata, action));
        std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - std::chrono::minutes(1));
        return path;
    }
    std::filesystem::path program(std::string_view name, std::string_view script) const {
        const auto path = dir.write(fmt::format("mcollective/agent/{}", name), script);
        ::chmod(path.c_str(), 0755);
        return path;
    }
    std::unique_ptr<node::external::ExternalAgent> agent(std::string_view name) const {
        for (const auto& files : node::external::find_agent_files({dir.path()})) {
            if (files.name != name) continue;
            auto schema = node::external::read_schema(files);
            if (!schema) return nullptr;
            return std::make_unique<node::external::ExternalAgent>(node::external::ExternalAgent::Parts{
                .schema = std::make_shared<const proto::AgentSchema>(std::move(*schema)),
                .program = files.program,
                .config = "/etc/mco/plugin.d/" + files.name,
                .run_as = {},
                .search_path = "/usr/bin:/bin",
                .lines = lines});
        }
        return nullptr;
    }
    static node::Call call(std::string_view agent, std::string_view action = "act", proto::Value::Map arguments = {}) {
        auto view = std::make_shared<node::NodeView>();
        view->traits.facts = proto::Value::Map{{"country", "uk"}};
        return {.request = {{1, 2, 3}},
                .collective = "mcollective",
                .agent = std::string(agent),
                .action = std::string(action),
                .arguments = std::move(arguments),
                .caller = "cert=alice",
                .ttl = std::chrono::seconds(60),
                .time = proto::WallTime(std::chrono::seconds(1'700'000'000)),
                .counters = {},
                .node = view,
                .mesh = {}};
    }
    // All that was said so far, one a line.
    std::string said() const {
        std::string text;
        for (const auto& line : lines->take()) text += fmt::format("{} {}\n", node::name(line.level), line.text);
        return text;
    }
};

}  // namespace mco::test
