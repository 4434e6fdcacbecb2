// What a node does before it acts, but for cryptography: filters and inputs; the others are in files of their own. Google Benchmark's own options apply.

#include <cstdlib>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "proto/ddl.hpp"
#include "proto/filter.hpp"

namespace {

using namespace mco::proto;

template <typename T>
T must(Result<T> result) {
    if (!result) std::abort();
    return *std::move(result);
}

// About what facter knows of a machine, and the classes of a role.
Traits machine() {
    Traits node{.identity = "web17.example.net", .main_collective = "mcollective", .collectives = {"mcollective", "uk"}};
    for (int i = 0; i < 80; ++i) node.classes.push_back("profile::part" + std::to_string(i));
    node.classes.emplace_back("role::web");
    node.agents = {"discovery", "package", "puppet", "rpcutil", "service"};
    Value::Map facts;
    for (int i = 0; i < 200; ++i) facts.emplace("fact" + std::to_string(i), "some value of it");
    facts.emplace("country", "uk");
    facts.emplace("uptime_days", "12");
    facts.emplace("os", Value::Map{{"family", "Debian"}, {"release", Value::Map{{"major", "12"}}}});
    node.facts = std::move(facts);
    return node;
}

constexpr const char* compound = "(country=/^(uk|de)$/ or country=us) and not /^role::db/ and uptime_days>=10 and os.family=Debian";

Filter realistic() {
    Filter filter;
    filter.agents = {"service"};
    filter.classes = {"/^role::/"};
    filter.facts = {must(parse_fact_term("os.release.major>=11"))};
    filter.conditions = {must(parse_condition(compound))};
    return filter;
}

void parse_compound(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(parse_condition(compound));
}

void compile_filter(benchmark::State& state) {
    const auto filter = realistic();
    for (auto _ : state) benchmark::DoNotOptimize(Matcher::compile(filter));
}

void ask_filter(benchmark::State& state) {
    const auto node = machine();
    const auto matcher = must(Matcher::compile(realistic()));
    if (!matcher.matches(node)) std::abort();
    for (auto _ : state) benchmark::DoNotOptimize(matcher.judge(node));
}

constexpr const char* ddl = R"({
  "metadata": {"name": "service", "description": "d", "author": "a", "license": "l", "version": "1", "url": "", "timeout": 60},
  "actions": [{"action": "restart", "description": "d", "output": {}, "input": {
    "service": {"prompt": "p", "description": "d", "type": "string", "validation": "^[a-zA-Z\\.\\-_\\d@]+$", "optional": false, "maxlength": 90},
    "how": {"prompt": "p", "description": "d", "type": "list", "optional": true, "list": ["soft", "hard"]},
    "delay": {"prompt": "p", "description": "d", "type": "integer", "optional": true}}}]})";

void check_inputs(benchmark::State& state) {
    const auto schema = must(parse_schema(ddl));
    const Value::Map inputs{{"service", "nginx.service"}, {"how", "soft"}, {"delay", 3}};
    if (!validate_inputs(schema.actions[0], inputs)) std::abort();
    for (auto _ : state) benchmark::DoNotOptimize(validate_inputs(schema.actions[0], inputs));
}

BENCHMARK(parse_compound);
BENCHMARK(compile_filter);
BENCHMARK(ask_filter);
BENCHMARK(check_inputs);

}  // namespace

BENCHMARK_MAIN();
