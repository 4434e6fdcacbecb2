#include "client/inventory_file.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "client/node_set.hpp"
#include "client/target.hpp"
#include "proto/text_file.hpp"
#include "proto/traits.hpp"
#include "proto/yaml_facts.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::size_t size_max = 16 * 1024 * 1024;
constexpr proto::YamlBounds bounds{.elements = 4'000'000, .octets = 4 * size_max};

struct Listed {
    std::vector<proto::Traits> nodes;
    std::vector<std::string_view> told;  // keys that some node has
    bool tells(std::string_view key) const { return std::find(told.begin(), told.end(), key) != told.end(); }
};

Result<void> read_member(Listed& listed, proto::Traits& node, const std::string& key, const proto::Value& value) {
    struct Member {
        std::string_view key;
        std::vector<std::string> proto::Traits::*list;
    };
    constexpr std::array lists{Member{"classes", &proto::Traits::classes}, Member{"agents", &proto::Traits::agents},
                               Member{"collectives", &proto::Traits::collectives}};
    if (key == "name") {
        if (value.text() == nullptr || !is_node_name(*value.text())) return fail(Errc::invalid, "its name is none");
        node.identity = *value.text();
        return {};
    }
    if (key == "facts") {
        if (value.map() == nullptr) return fail(Errc::invalid, "its facts are no map");
        node.facts = value;
        if (!listed.tells("facts")) listed.told.push_back("facts");
        return {};
    }
    for (const auto& member : lists) {
        if (member.key != key) continue;
        if (value.list() == nullptr) return fail(Errc::invalid, fmt::format("its {} are no list", key));
        for (const auto& element : *value.list()) (node.*member.list).push_back(element.to_text());
        if (!listed.tells(member.key)) listed.told.push_back(member.key);
        return {};
    }
    return fail(Errc::invalid,
                fmt::format("'{}' is not known; there are name, facts, classes, agents and collectives", key));
}

Result<Listed> read(const std::filesystem::path& file) {
    const auto wrong = [&](std::string_view why) {
        return fail(Errc::invalid, fmt::format("{}: {}\nIt should look like this: nodes: [{{name: web1, facts: {{country: uk}}, "
                                               "classes: [httpd]}}]",
                                               file.string(), why));
    };
    const auto text = proto::read_text_file(file, size_max);
    if (!text) return tl::unexpected(text.error());
    const auto document = proto::parse_yaml_facts(*text, bounds);
    if (!document) return wrong(document.error().detail);
    const auto* nodes = document->find("nodes");
    if (nodes == nullptr || nodes->list() == nullptr) return wrong("it has no list of nodes");
    if (nodes->list()->size() > node_set_max) return wrong(fmt::format("it has more than {} nodes", node_set_max));
    Listed listed;
    for (const auto& element : *nodes->list()) {
        const auto number = listed.nodes.size() + 1;
        proto::Traits node;
        if (element.map() == nullptr) return wrong(fmt::format("node {} is no map", number));
        for (const auto& [key, value] : *element.map()) {
            if (auto good = read_member(listed, node, key, value); !good)
                return wrong(fmt::format("node {}: {}", number, good.error().detail));
        }
        if (node.identity.empty()) return wrong(fmt::format("node {} has no name", number));
        listed.nodes.push_back(std::move(node));
    }
    return listed;
}

Result<void> check_told(const std::filesystem::path& file, const Listed& listed, const proto::Filter& filter) {
    const auto uses = [&](proto::Step::Kind kind) {
        return std::any_of(filter.conditions.begin(), filter.conditions.end(), [&](const proto::Condition& condition) {
            return std::any_of(condition.steps.begin(), condition.steps.end(),
                               [&](const proto::Step& step) { return step.kind == kind; });
        });
    };
    struct Need {
        std::string_view key, option;
        bool needed;
    };
    const std::array needs{
        Need{"facts", "-F, -W and -S", !filter.facts.empty() || uses(proto::Step::Kind::fact)},
        Need{"classes", "-C, -W and -S", !filter.classes.empty() || uses(proto::Step::Kind::class_name)},
        Need{"agents", "-A", !filter.agents.empty()},
    };
    for (const auto& need : needs) {
        if (need.needed && !listed.tells(need.key))
            return fail(Errc::invalid,
                        fmt::format("{} does not say the {} of any node, which {} need", file.string(), need.key, need.option));
    }
    if (!proto::data_terms(filter).empty())
        return fail(Errc::invalid, "discovery method inventory cannot judge data functions (-S); only nodes can");
    return {};
}

}  // namespace

Result<std::vector<std::string>> search_inventory(const std::filesystem::path& file, const proto::Filter& filter,
                                                  const std::string& collective) {
    const auto listed = read(file);
    if (!listed) return tl::unexpected(listed.error());
    if (auto told = check_told(file, *listed, filter); !told) return tl::unexpected(told.error());
    const auto matcher = compile_filter(filter);
    if (!matcher) return tl::unexpected(matcher.error());
    std::vector<std::string> names;
    for (const auto& node : listed->nodes) {
        const auto& joined = node.collectives;
        if (!joined.empty() && std::find(joined.begin(), joined.end(), collective) == joined.end()) continue;
        if (matcher->matches(node)) names.push_back(node.identity);
    }
    if (!names.empty()) return names;
    return fail(Errc::not_found,
                fmt::format("{}: none of its {} nodes is meant", file.string(), listed->nodes.size()));
}

}  // namespace mco::client
