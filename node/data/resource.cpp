#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "node/data/sources.hpp"
#include "node/facts.hpp"
#include "proto/filter.hpp"
#include "proto/limits.hpp"
#include "proto/number_text.hpp"
#include "proto/text_file.hpp"

namespace mco::node::data {
namespace {

using proto::Value;

// Where Puppet keeps its state: its own packages, Debian's, older ones.
constexpr std::array states{"/opt/puppetlabs/puppet/cache/state", "/var/cache/puppet/state", "/var/lib/puppet/state"};

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

// resources.txt has a line "file[/etc/motd]" for each managed resource; types are written in any case.
bool is_managed(std::string_view resources, std::string_view title) {
    const auto bracket = title.find('[');
    const std::string wanted = lower(std::string(title.substr(0, bracket))) +
                               std::string(bracket == std::string_view::npos ? "" : title.substr(bracket));
    while (!resources.empty()) {
        const auto line = resources.substr(0, resources.find('\n'));
        resources.remove_prefix(std::min(line.size() + 1, resources.size()));
        const auto at = line.find('[');
        if (at == std::string_view::npos) continue;
        if (lower(std::string(line.substr(0, at))) + std::string(line.substr(at)) == wanted) return true;
    }
    return false;
}

Value number_at(const Value& summary, std::string_view path) {
    const Value* found = proto::find_fact(summary, path);
    if (found == nullptr) return -1;
    const auto text = found->to_text();
    if (const auto number = proto::to_integer(text)) return *number;
    if (const auto number = proto::to_real(text)) return *number;
    return -1;
}

}  // namespace

Outputs resource_in(const std::filesystem::path& state, const std::string& title, proto::WallTime now) {
    const auto text = proto::read_text_file(state / "last_run_summary.yaml", proto::limits::facts_size_max);
    if (!text) return tl::unexpected(text.error());
    const auto summary = parse_yaml_facts(*text);
    if (!summary)
        return proto::fail(summary.error().code, fmt::format("{}: {}", (state / "last_run_summary.yaml").string(),
                                                             summary.error().detail));
    Value::Map outputs;
    for (const auto& [output, path] :
         {std::pair{"out_of_sync_resources", "resources.out_of_sync"}, std::pair{"failed_resources", "resources.failed"},
          std::pair{"corrected_resources", "resources.corrective_change"},
          std::pair{"changed_resources", "resources.changed"}, std::pair{"total_resources", "resources.total"},
          std::pair{"total_time", "time.total"}, std::pair{"config_retrieval_time", "time.config_retrieval"},
          std::pair{"lastrun", "time.last_run"}})
        outputs.emplace(output, number_at(*summary, path));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
    const std::int64_t* last = outputs["lastrun"].integer();
    outputs.emplace("since_lastrun", last == nullptr || *last < 0 ? Value(-1) : Value(seconds - *last));
    const Value* version = proto::find_fact(*summary, "version.config");
    outputs.emplace("config_version", version == nullptr ? Value("unknown") : *version);
    outputs.emplace("managed", false);
    if (title.empty()) return outputs;
    const auto resources = proto::read_text_file(state / "resources.txt", proto::limits::facts_size_max);
    if (!resources) return tl::unexpected(resources.error());
    outputs["managed"] = is_managed(*resources, title);
    return outputs;
}

Outputs resource(const Call& call, const std::string& title) {
    for (const std::filesystem::path state : states) {
        std::error_code error;
        if (std::filesystem::exists(state / "last_run_summary.yaml", error)) return resource_in(state, title, call.time);
    }
    return proto::fail(proto::Errc::not_found,
                       fmt::format("no last_run_summary.yaml in {}: Puppet never ran here", fmt::join(states, ", ")));
}

}  // namespace mco::node::data
