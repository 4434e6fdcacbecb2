#include "node/facts.hpp"

#include <utility>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "proto/text_file.hpp"

namespace mco::node {
namespace {

proto::Value with_text_leaves(const proto::Value& value) {
    if (const auto* list = value.list()) {
        proto::Value::List texts;
        texts.reserve(list->size());
        for (const auto& element : *list) texts.push_back(with_text_leaves(element));
        return texts;
    }
    if (const auto* map = value.map()) {
        proto::Value::Map texts;
        for (const auto& [key, element] : *map) texts.emplace(key, with_text_leaves(element));
        return texts;
    }
    return value.to_text();
}

}  // namespace

proto::Result<proto::Value> parse_json_facts(std::string_view text) {
    auto parsed = proto::parse_json(text);
    if (!parsed) return parsed;
    if (parsed->map() == nullptr) return proto::fail(proto::Errc::malformed, "the file is not one JSON object");
    return with_text_leaves(*parsed);
}

Facts::Facts(std::vector<std::filesystem::path> files, proto::Duration reread_after) : reread_after_(reread_after) {
    for (auto& file : files) sources_.push_back({.file = std::move(file), .stamp = {}, .facts = {}, .problem = {}});
}

void Facts::read(Source& source) {
    source.problem.clear();
    auto found = proto::read_text_file(source.file, proto::limits::facts_size_max);
    if (!found) {
        if (found.error().code == proto::Errc::not_found) source.facts.clear();
        source.problem = std::move(found.error().detail);
        return;
    }
    auto parsed = source.file.extension() == ".json" ? parse_json_facts(*found) : parse_yaml_facts(*found);
    if (!parsed) {
        source.problem = fmt::format("{}: {}", source.file.string(), parsed.error().detail);
    } else if (parsed->map()->empty()) {
        source.problem = fmt::format("{}: there are no facts in it", source.file.string());
    } else {
        source.facts = std::move(*parsed->map());
    }
}

bool Facts::refresh(proto::Instant now) {
    const bool reread = !read_once_ || now - read_at_ >= reread_after_;
    bool touched = false;
    for (auto& source : sources_) {
        const auto stamp = stamp_of(source.file);
        if (!reread && stamp == source.stamp) continue;
        source.stamp = stamp;
        read(source);
        touched = true;
    }
    if (reread) {
        read_at_ = now;
        read_once_ = true;
    }
    if (!touched) return false;

    proto::Value::Map merged;
    std::string problem;
    for (const auto& source : sources_) {
        for (const auto& [name, value] : source.facts) merged.insert_or_assign(name, value);
        if (source.problem.empty()) continue;
        if (!problem.empty()) problem += "; ";
        problem += source.problem;
    }
    bool changed = problem != problem_;
    problem_ = std::move(problem);
    if (!merged.empty() || sources_.empty()) {
        proto::Value values(std::move(merged));
        changed = changed || values != values_;
        values_ = std::move(values);
    }
    return changed;
}

}  // namespace mco::node
