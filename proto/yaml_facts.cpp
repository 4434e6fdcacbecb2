#include "proto/yaml_facts.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>


namespace mco::proto {
namespace {

// Turns a document into a Value. Aliases make a document a graph, even a circular one: the walk counts what it visits,
// so it ends within the limits whatever the graph looks like.
class Reader {
 public:
    explicit Reader(const YamlBounds& bounds) : bounds_(bounds) {}

    Result<Value> read(const YAML::Node& node, std::size_t depth) {
        if (depth > limits::value_depth_max)
            return refuse(node, fmt::format("nested deeper than {} levels", limits::value_depth_max));
        if (++elements_ > bounds_.elements)
            return refuse(node, fmt::format("more than {} values", bounds_.elements));
        switch (node.Type()) {
            case YAML::NodeType::Undefined:
            case YAML::NodeType::Null:
                return Value("");
            case YAML::NodeType::Scalar:
                return scalar(node);
            case YAML::NodeType::Sequence:
                return sequence(node, depth);
            case YAML::NodeType::Map:
                return map(node, depth);
        }
        return refuse(node, "a kind of value that is not known");
    }

 private:
    static tl::unexpected<Error> refuse(const YAML::Node& node, std::string_view what) {
        return fail(Errc::malformed, fmt::format("line {}: {}", node.Mark().line + 1, what));
    }

    static bool plain(const YAML::Node& node) { return node.Tag() == "?" || node.Tag().empty(); }

    // What Ruby's reader makes of a plain word, since that is what filters and policies were written against.
    static std::string text_of(const YAML::Node& node) {
        std::string text = node.Scalar();
        if (!plain(node)) return text;
        if (text.size() > 1 && text[0] == ':' && text[1] != ':') return text.substr(1);
        std::string lower = text;
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        constexpr std::array<std::string_view, 3> yes{"true", "yes", "on"}, no{"false", "no", "off"};
        if (std::find(yes.begin(), yes.end(), lower) != yes.end()) return "true";
        if (std::find(no.begin(), no.end(), lower) != no.end()) return "false";
        return text;
    }

    Result<Value> scalar(const YAML::Node& node) {
        octets_ += node.Scalar().size();
        if (node.Scalar().size() > limits::text_size_max)
            return refuse(node, fmt::format("a text of more than {} octets", limits::text_size_max));
        if (octets_ > bounds_.octets)
            return refuse(node, fmt::format("aliases that make more than {} octets of text", bounds_.octets));
        return Value(text_of(node));
    }

    Result<Value> sequence(const YAML::Node& node, std::size_t depth) {
        Value::List list;
        for (const auto& element : node) {
            auto value = read(element, depth + 1);
            if (!value) return value;
            list.push_back(std::move(*value));
        }
        return Value(std::move(list));
    }

    Result<Value> map(const YAML::Node& node, std::size_t depth) {
        Value::Map own, inherited;
        for (const auto& pair : node) {
            auto value = read(pair.second, depth + 1);
            if (!value) return value;
            if (pair.first.IsNull()) {
                own.insert_or_assign("", std::move(*value));
            } else if (!pair.first.IsScalar()) {
                return refuse(pair.first, "a list or map cannot be the name of a fact");
            } else if (pair.first.Scalar() == "<<" && plain(pair.first)) {
                merge(inherited, std::move(*value));
            } else {
                own.insert_or_assign(name_of(pair.first), std::move(*value));
            }
        }
        own.merge(inherited);  // keeps what is there
        return Value(std::move(own));
    }

    // Names are left as written ("on" stays "on"), but for the colon of a Ruby symbol.
    static std::string name_of(const YAML::Node& key) {
        const std::string& text = key.Scalar();
        return plain(key) && text.size() > 1 && text[0] == ':' && text[1] != ':' ? text.substr(1) : text;
    }

    static void merge(Value::Map& into, Value value) {
        if (auto* one = value.map()) {
            into.merge(*one);
        } else if (auto* several = value.list()) {
            for (auto& element : *several) {
                if (auto* each = element.map()) into.merge(*each);
            }
        }
    }

    const YamlBounds& bounds_;
    std::size_t elements_ = 0;
    std::size_t octets_ = 0;
};

}  // namespace

Result<Value> parse_yaml_facts(std::string_view text) { return parse_yaml_facts(text, {}); }

Result<Value> parse_yaml_facts(std::string_view text, const YamlBounds& bounds) {
    try {
        const YAML::Node document = YAML::Load(std::string(text));
        if (!document.IsDefined() || document.IsNull()) return Value(Value::Map{});
        if (!document.IsMap()) return fail(Errc::malformed, "the file is not one YAML map of facts");
        return Reader(bounds).read(document, 0);
    } catch (const YAML::Exception& error) {
        return fail(Errc::malformed, fmt::format("line {}: {}", error.mark.line + 1, error.msg));
    }
}

}  // namespace mco::proto
