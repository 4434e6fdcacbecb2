#include "node/agents/programs.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace mco::node {
namespace {

std::string_view without_line_feeds(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

}  // namespace

ChildProcess Programs::child(const Run& run) const {
    ChildProcess child;
    child.argv = run.argv;
    child.environment = {{"PATH", path_}, {"LC_ALL", "C"}, {"HOME", "/"}};
    for (const auto& [name, value] : run.environment) child.environment.insert_or_assign(name, value);
    child.input = run.input;
    child.timeout = run.timeout;
    child.grace = run.grace;
    child.output_max = run.output_max;
    return child;
}

proto::Result<ProcessEnd> Programs::run(const Run& run, std::stop_token stop) const {
    return run_process(child(run), std::move(stop));
}

std::string output_of(const ProcessEnd& end) { return std::string(without_line_feeds(end.out)); }

std::string reason_of(const ProcessEnd& end) {
    constexpr std::size_t reason_max = 1'000;
    auto text = without_line_feeds(end.err);
    if (text.empty()) text = without_line_feeds(end.out);
    if (text.size() > reason_max) {
        text.remove_prefix(text.size() - reason_max);
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    }
    switch (end.why) {
        case ProcessEnd::Why::timed_out:
        case ProcessEnd::Why::stopped:
            return "it did not end in time and was stopped";
        case ProcessEnd::Why::signalled:
            return fmt::format("it was ended by signal {}{}{}", end.code, text.empty() ? "" : ": ", text);
        case ProcessEnd::Why::exited:
            break;
    }
    return text.empty() ? fmt::format("exit status {}", end.code) : std::string(text);
}

}  // namespace mco::node
