#include <string>

#include "node/data/sources.hpp"
#include "node/process_table.hpp"
#include "proto/expression.hpp"

namespace mco::node::data {

// Whoever asks has the question on the command line, as have his shell and his ssh: those are not meant.
Outputs process_in(const std::filesystem::path& proc, const std::string& pattern) {
    const auto expression = proto::Expression::compile(pattern, proto::Expression::Anchors::lines);
    if (!expression) return tl::unexpected(expression.error());
    bool exists = false;
    const auto looked = each_process(proc, [&](const ProcessRow& row) {
        const auto& line = row.command_line;
        const bool asks = line.find("process('") != std::string::npos || line.find("process(\"") != std::string::npos;
        exists = !asks && expression->matches(line);
        return !exists;
    });
    if (!looked) return tl::unexpected(looked.error());
    return proto::Value::Map{{"exists", exists}};
}

Outputs process(const Call&, const std::string& pattern) { return process_in("/proc", pattern); }

}  // namespace mco::node::data
