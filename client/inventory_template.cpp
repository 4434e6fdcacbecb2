#include "client/inventory_template.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "client/terminal.hpp"
#include "client/words.hpp"
#include "proto/config_file.hpp"
#include "proto/filter.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Value;

constexpr std::string_view fact_prefix = "facts.";
constexpr std::array<std::string_view, 9> names{"identity",     "facts",   "classes", "agents", "collectives", "main_collective",
                                                "data_plugins", "version", "time"};

std::string unknown_name(std::string_view name) {
    const auto near = proto::nearest(name, names);
    return fmt::format("--format: there is no {{{}}}; {}", name,
                       near.empty() ? fmt::format("there are {{{}}} and {{facts.NAME}}", fmt::join(names, "}, {"))
                                    : fmt::format("did you mean {{{}}}?", near));
}

Value find(const InventoryNode& node, std::string_view name) {
    if (name == "identity") return node.identity;
    if (name == "time") return node.time;
    const auto* facts = node.data.find("facts");
    const auto* found = !name.starts_with(fact_prefix) ? node.data.find(name)
                        : facts == nullptr             ? nullptr
                                                       : proto::find_fact(*facts, name.substr(fact_prefix.size()));
    return found == nullptr ? Value() : *found;
}

std::string text_of(const Value& value) {
    const auto* list = value.list();
    if (list == nullptr) return value.to_text();
    std::string text;
    for (const auto& element : *list) text += (text.empty() ? "" : ", ") + element.to_text();
    return text;
}

}  // namespace

proto::Result<InventoryTemplate> InventoryTemplate::read(std::string_view text) {
    if (text.size() > size_max) return fail(Errc::invalid, fmt::format("--format takes at most {} octets", size_max));
    InventoryTemplate result;
    std::string literal;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto two = text.substr(at, 2);
        if (two == "{{" || two == "}}" || two == "\\t" || two == "\\n" || two == "\\\\") {
            literal += two == "\\t" ? '\t' : two == "\\n" ? '\n' : two[0];
            ++at;
        } else if (text[at] == '{') {
            const auto end = text.find('}', at);
            if (end == std::string_view::npos)
                return fail(Errc::invalid, fmt::format("--format: the brace before '{}' is not closed; a brace itself is {{{{",
                                                       text.substr(at + 1)));
            const auto name = text.substr(at + 1, end - at - 1);
            const bool fact = name.starts_with(fact_prefix) && name.size() > fact_prefix.size();
            if (!fact && std::find(names.begin(), names.end(), name) == names.end())
                return fail(Errc::invalid, unknown_name(name));
            result.pieces_.push_back({std::move(literal), false});
            result.pieces_.push_back({std::string(name), true});
            literal.clear();
            at = end;
        } else {
            literal += text[at];
        }
    }
    result.pieces_.push_back({std::move(literal), false});
    return result;
}

std::string InventoryTemplate::line(const InventoryNode& node) const {
    std::string text;
    for (const auto& piece : pieces_) text += piece.name ? visible(text_of(find(node, piece.text))) : piece.text;
    return text + "\n";
}

}  // namespace mco::client
