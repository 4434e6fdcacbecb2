#include "node/agents/rpcutil.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "node/data.hpp"
#include "proto/filter.hpp"

namespace mco::node {
namespace {

using proto::Value;

Value list_of(const std::vector<std::string>& texts) { return Value::List(texts.begin(), texts.end()); }
Value count(std::uint64_t number) { return static_cast<std::int64_t>(number); }

std::int64_t epoch(proto::WallTime time) {
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

ActionReply abort(std::string message) {
    return {.status = proto::StatusCode::aborted, .message = std::move(message), .data = {}};
}

// An input that admission has checked to be there and to be text; "" if the DDL on this node says otherwise.
std::string text_input(const Call& call, std::string_view name) {
    const auto found = call.arguments.find(name);
    return found == call.arguments.end() ? std::string() : found->second.to_text();
}

ActionReply collective_info(const Call& call) {
    const auto& traits = call.node->traits;
    return {.data = {{"main_collective", traits.main_collective}, {"collectives", list_of(traits.collectives)}}};
}

ActionReply inventory(const Call& call) {
    const auto& traits = call.node->traits;
    Value::List data_plugins;
    if (call.node->data != nullptr) {
        for (const auto& [name, source] : call.node->data->all()) data_plugins.emplace_back(fmt::format("{}_data", name));
    }
    ActionReply reply{.data = {{"agents", list_of(traits.agents)},
                               {"facts", traits.facts},
                               {"classes", list_of(traits.classes)},
                               {"version", MCO_VERSION},
                               {"starttime", epoch(call.node->started)},
                               {"main_collective", traits.main_collective},
                               {"collectives", list_of(traits.collectives)},
                               {"data_plugins", std::move(data_plugins)}}};
    if (!call.node->facts_problem.empty()) reply.data.emplace("facts_problem", call.node->facts_problem);
    return reply;
}

Value fact_value(const Call& call, std::string_view fact) {
    const Value* found = proto::find_fact(call.node->traits.facts, fact);
    return found == nullptr ? Value() : *found;
}

ActionReply get_fact(const Call& call) {
    const auto fact = text_input(call, "fact");
    return {.data = {{"fact", fact}, {"value", fact_value(call, fact)}}};
}

ActionReply get_facts(const Call& call) {
    Value::Map values;
    const auto facts = text_input(call, "facts");
    for (std::size_t from = 0; from <= facts.size();) {
        const auto comma = std::min(facts.find(',', from), facts.size());
        auto first = from, last = comma;
        while (first < last && facts[first] == ' ') ++first;
        while (last > first && facts[last - 1] == ' ') --last;
        const auto fact = facts.substr(first, last - first);
        if (!fact.empty()) values.emplace(fact, fact_value(call, fact));
        from = comma + 1;
    }
    return {.data = {{"values", std::move(values)}}};
}

Value threads() {
    Value::List names;
    std::error_code error;
    const std::filesystem::directory_iterator none;
    for (std::filesystem::directory_iterator task("/proc/self/task", error); !error && task != none;
         task.increment(error)) {
        std::ifstream file(task->path() / "comm");
        std::string name;
        std::getline(file, name);
        names.emplace_back(fmt::format("{} ({})", name, task->path().filename().string()));
    }
    return names;
}

Value times() {
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    rusage own{}, children{};
    ::getrusage(RUSAGE_SELF, &own);
    ::getrusage(RUSAGE_CHILDREN, &children);
    return Value::Map{{"utime", seconds(own.ru_utime)},
                      {"stime", seconds(own.ru_stime)},
                      {"cutime", seconds(children.ru_utime)},
                      {"cstime", seconds(children.ru_stime)}};
}

ActionReply daemon_stats(const Call& call) {
    const auto& counters = call.counters;
    return {.data = {{"threads", threads()},
                     {"agents", list_of(call.node->traits.agents)},
                     {"pid", static_cast<std::int64_t>(::getpid())},
                     {"times", times()},
                     {"validated", count(counters.validated)},
                     {"unvalidated", count(counters.unvalidated)},
                     {"passed", count(counters.passed)},
                     {"filtered", count(counters.filtered)},
                     {"starttime", epoch(call.node->started)},
                     {"total", count(counters.total)},
                     {"replies", count(counters.replies)},
                     {"configfile", call.node->config_file},
                     {"version", MCO_VERSION},
                     {"ttlexpired", count(counters.ttlexpired)}}};
}

ActionReply agent_inventory(const Call& call) {
    Value::List agents;
    for (const auto& schema : call.node->schemas) {
        agents.emplace_back(Value::Map{{"agent", schema->name},
                                       {"license", schema->license},
                                       {"timeout", static_cast<std::int64_t>(schema->timeout.count())},
                                       {"description", schema->description},
                                       {"name", schema->name},
                                       {"url", schema->url},
                                       {"version", schema->version},
                                       {"author", schema->author}});
    }
    return {.data = {{"agents", std::move(agents)}}};
}

ActionReply get_config_item(const Call& call) {
    const auto item = text_input(call, "item");
    const auto found = call.node->settings.find(item);
    if (found == call.node->settings.end()) return abort(fmt::format("Unknown config property {}", item));
    return {.data = {{"item", item}, {"value", found->second}}};
}

ActionReply get_data(const Call& call, std::stop_token stop) {
    const auto name = text_input(call, "source");
    if (call.node->data == nullptr) return abort(fmt::format("Unknown data source {}", name));
    auto fields = call.node->data->look_up(call, name, text_input(call, "query"), std::move(stop));
    if (!fields) return abort(std::move(fields.error().detail));
    return {.data = std::move(*fields)};
}

ActionReply ping(const Call& call) { return {.data = {{"pong", epoch(call.time)}}}; }

struct Action {
    std::string_view name;
    ActionReply (*run)(const Call& call);
};
constexpr std::array<Action, 8> actions{{{"agent_inventory", agent_inventory},
                                         {"collective_info", collective_info},
                                         {"daemon_stats", daemon_stats},
                                         {"get_config_item", get_config_item},
                                         {"get_fact", get_fact},
                                         {"get_facts", get_facts},
                                         {"inventory", inventory},
                                         {"ping", ping}}};

}  // namespace

ActionReply Rpcutil::run(const Call& call, std::stop_token stop) {
    if (call.action == "get_data") return get_data(call, std::move(stop));
    for (const auto& action : actions) {
        if (action.name == call.action) return action.run(call);
    }
    return {.status = proto::StatusCode::unknown_action,
            .message = fmt::format("Unknown action '{}' for agent 'rpcutil'", call.action),
            .data = {}};
}

}  // namespace mco::node
