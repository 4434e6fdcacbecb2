#include "node/fact_programs.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "node/child_process.hpp"
#include "node/facts.hpp"
#include "proto/limits.hpp"
#include "proto/utf8.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;

constexpr auto time_max = 30s;  // facter asks clouds for their metadata
constexpr std::size_t complaint_size_max = 200;

FactPrograms::Told run_one(const FactPrograms::Program& program, const std::stop_token& stop) {
    FactPrograms::Told told{program.name, {}, {}};
    ChildProcess child;
    child.argv = program.argv;
    child.environment = {{"PATH", "/opt/puppetlabs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                         {"LC_ALL", "C.UTF-8"}};
    child.output_max = proto::limits::facts_size_max;
    child.timeout = time_max;
    const auto end = run_process(child, stop);
    if (!end) {
        told.problem = fmt::format("{}: {}", program.name, end.error().detail);
    } else if (!end->ok()) {
        const auto complaint = end->err.substr(0, std::min(end->err.find('\n'), complaint_size_max));
        told.problem = fmt::format("{}: it {}{}{}", program.name, describe(child, *end), complaint.empty() ? "" : ": ",
                                   proto::repair_utf8(complaint));
    } else if (end->out_truncated) {
        told.problem = fmt::format("{}: it printed more than {} octets", program.name, child.output_max);
    } else if (auto facts = parse_printed_facts(end->out); !facts) {
        told.problem = fmt::format("{}: {}", program.name, facts.error().detail);
    } else {
        told.facts = std::move(*facts->map());
    }
    return told;
}

}  // namespace

proto::Result<proto::Value> parse_printed_facts(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return proto::Value(proto::Value::Map{});
    if (text[first] == '{') return parse_json_facts(text);
    proto::Value::Map facts;
    std::string_view rest = text;
    while (!rest.empty()) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
        const auto equals = line.find('=');
        const auto name = line.substr(0, equals);
        if (equals == std::string_view::npos || name.empty() || name.find_first_of(" :") != std::string_view::npos)
            return parse_yaml_facts(text);
        facts.insert_or_assign(std::string(name), proto::repair_utf8(line.substr(equals + 1)));
        if (facts.size() > proto::limits::value_elements_max)
            return proto::fail(proto::Errc::malformed, fmt::format("more than {} facts", proto::limits::value_elements_max));
    }
    return proto::Value(std::move(facts));
}

FactPrograms::FactPrograms(std::vector<Program> programs, proto::Duration interval)
    : programs_(std::move(programs)),
      interval_(interval),
      worker_([this](std::stop_token stop) { work(std::move(stop)); }) {}

FactPrograms::~FactPrograms() = default;

bool FactPrograms::wait_first(proto::Duration limit) { return first_.try_acquire_for(limit); }

void FactPrograms::work(std::stop_token stop) {
    std::mutex mutex;  // nobody else's: the condition is only the way to wait for a time or the stop
    std::condition_variable_any pause;
    for (bool first = true; !stop.stop_requested(); first = false) {
        for (const auto& program : programs_) {
            if (stop.stop_requested()) return;
            mailbox_.put(run_one(program, stop));
        }
        if (first) first_.release();
        std::unique_lock lock(mutex);
        pause.wait_for(lock, stop, interval_, [] { return false; });
    }
}

}  // namespace mco::node
