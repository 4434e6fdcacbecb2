// External agents: what a call costs beside the start of the same program without us, and what a kept one costs.

#include <stdlib.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "bench/commands.hpp"
#include "bench/sample.hpp"
#include "node/child_process.hpp"
#include "node/external/external_agent.hpp"

namespace mco::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view once = "#!/bin/sh\necho '{\"statuscode\":0,\"data\":{}}' > \"$2\"\n";
constexpr std::string_view kept = R"x(#!/bin/sh
while read -r line; do
    id=${line#*\"requestid\":\"}
    printf '{"requestid":"%s","statuscode":0,"data":{}}\n' "${id%%\"*}"
done
)x";

// A folder for the two programs; gone with the object.
class Programs {
 public:
    Programs() {
        std::string name = "/tmp/mco-bench-XXXXXX";
        if (::mkdtemp(name.data()) != nullptr) folder_ = name;
        write("once", once);
        write("kept", kept);
    }
    ~Programs() {
        std::error_code ignored;
        if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
    }
    Programs(const Programs&) = delete;
    Programs& operator=(const Programs&) = delete;
    std::filesystem::path path(std::string_view name) const { return folder_ / name; }
    bool made() const { return !folder_.empty(); }

 private:
    void write(std::string_view name, std::string_view script) const {
        std::ofstream(path(name)) << script;
        ::chmod(path(name).c_str(), 0755);
    }
    std::filesystem::path folder_;
};

std::shared_ptr<const proto::AgentSchema> schema(bool persistent) {
    auto schema = std::make_shared<proto::AgentSchema>();
    schema->name = "bench";
    schema->provider = "external";
    schema->persistent = persistent;
    schema->actions.push_back({.name = "act"});
    return schema;
}

proto::Result<Sample> time_calls(node::external::ExternalAgent& agent, std::uint64_t calls) {
    node::Call call;
    call.agent = "bench";
    call.action = "act";
    call.caller = "cert=bench";
    call.node = std::make_shared<node::NodeView>();
    Sample sample;
    for (std::uint64_t i = 0; i <= calls; ++i) {
        call.request.octets[0] = static_cast<std::uint8_t>(i);
        const auto begin = Clock::now();
        const auto reply = agent.run(call, {});
        const auto took = Clock::now() - begin;
        if (reply.status != proto::StatusCode::ok) return proto::fail(proto::Errc::internal, reply.message);
        if (i > 0) sample.add(took);  // the first one may start a program that is kept
    }
    return sample;
}

proto::Result<Sample> time_starts(const std::filesystem::path& program, std::uint64_t calls) {
    const node::ChildProcess child{.argv = {program.string(), "/dev/null", "/dev/null"},
                                   .environment = {{"PATH", "/usr/bin:/bin"}},
                                   .timeout = std::chrono::seconds(60)};
    Sample sample;
    for (std::uint64_t i = 0; i < calls; ++i) {
        const auto begin = Clock::now();
        const auto end = node::run_process(child, {});
        if (!end) return tl::unexpected(end.error());
        sample.add(Clock::now() - begin);
    }
    return sample;
}

void print(std::string_view name, std::uint64_t calls, const Sample& sample, bool json) {
    const Parameters parameters{{"calls", std::to_string(calls)}};
    fmt::print("{}\n", json ? to_json(name, parameters, sample) : to_text(name, parameters, sample));
}

}  // namespace

proto::Result<void> run_agents(Arguments arguments) {
    const auto calls = arguments.number("calls", 500, 1, 100'000);
    const bool json = arguments.flag("json");
    if (auto done = arguments.done(); !done) return done;
    const Programs programs;
    if (!programs.made()) return proto::fail(proto::Errc::internal, "no folder could be made in /tmp");
    const auto parts = [&](bool persistent) {
        return node::external::ExternalAgent::Parts{.schema = schema(persistent),
                                                    .program = programs.path(persistent ? "kept" : "once"),
                                                    .config = {},
                                                    .run_as = {},
                                                    .search_path = "/usr/bin:/bin",
                                                    .lines = std::make_shared<node::external::AgentLines>()};
    };
    const auto bare = time_starts(programs.path("once"), calls);
    if (!bare) return tl::unexpected(bare.error());
    print("agents/bare_start", calls, *bare, json);
    node::external::ExternalAgent one_shot(parts(false));
    const auto each = time_calls(one_shot, calls);
    if (!each) return tl::unexpected(each.error());
    print("agents/one_shot", calls, *each, json);
    node::external::ExternalAgent persistent(parts(true));
    const auto asked = time_calls(persistent, calls);
    if (!asked) return tl::unexpected(asked.error());
    print("agents/persistent", calls, *asked, json);
    return {};
}

}  // namespace mco::bench
