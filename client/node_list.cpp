#include "client/node_list.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "client/node_set.hpp"
#include "proto/value.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::string_view blanks = " \t\r\n\v\f";

std::string_view trimmed(std::string_view text) {
    const auto from = std::min(text.find_first_not_of(blanks), text.size());
    text.remove_prefix(from);
    const auto last = text.find_last_not_of(blanks);
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

class Names {
 public:
    explicit Names(std::string_view where) : where_(where) {}

    Result<void> add(std::string_view name, std::string_view place) {
        if (!is_node_name(name))
            return fail(Errc::invalid,
                        fmt::format("{}: {}: '{}{}' is not the name of a node\nNames are letters, digits, '.', '-' and '_'.",
                                    where_, place, name.substr(0, 80), name.size() > 80 ? "..." : ""));
        if (!seen_.emplace(name).second) return {};
        if (names_.size() == node_set_max)
            return fail(Errc::invalid, fmt::format("{} has more than {} nodes", where_, node_set_max));
        names_.emplace_back(name);
        return {};
    }
    Result<std::vector<std::string>> take() {
        if (names_.empty())
            return fail(Errc::invalid, fmt::format("{} names no node\nAn empty list means nobody, never everybody.", where_));
        return std::move(names_);
    }

 private:
    std::string_view where_;
    std::vector<std::string> names_;
    std::unordered_set<std::string> seen_;
};

// What follows the results of mco: their account, which is no node.
bool is_account(const proto::Value& element) {
    return element.find("ledger") != nullptr && element.find("sender") == nullptr && element.find("certname") == nullptr;
}

// The name that one element of a list has.
Result<std::string> name_in(const proto::Value& element) {
    if (const auto* text = element.text()) return *text;
    for (const auto* key : {"sender", "certname"}) {
        const auto* value = element.find(key);
        if (value != nullptr && value->text() != nullptr) return *value->text();
    }
    return fail(Errc::invalid, "it is neither a name nor an object with a \"sender\" or \"certname\"");
}

// Where the JSON value at `from` ends. Elements are cut out and read one by one, because a whole fleet's results are more than
// one value may hold.
std::size_t end_of_element(std::string_view text, std::size_t from) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = from; i < text.size(); ++i) {
        const char sign = text[i];
        if (quoted) {
            if (sign == '\\') ++i;
            if (sign == '"') quoted = false;
        } else if (sign == '"') {
            quoted = true;
        } else if (sign == '{' || sign == '[') {
            ++depth;
        } else if (sign == '}' || sign == ']') {
            if (depth == 0) return i;
            if (--depth == 0) return i + 1;
        } else if (depth == 0 && (sign == ',' || sign == '\n')) {
            return i;
        }
    }
    return text.size();
}

}  // namespace

Result<std::vector<std::string>> names_of_text(std::string_view text, std::string_view where) {
    Names names(where);
    for (std::size_t line = 1; !text.empty(); ++line) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto name = trimmed(text.substr(0, std::min(text.find('#'), end)));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (name.empty()) continue;
        if (auto added = names.add(name, fmt::format("line {}", line)); !added) return tl::unexpected(added.error());
    }
    return names.take();
}

Result<std::vector<std::string>> names_of_json(std::string_view text, std::string_view where) {
    Names names(where);
    const auto wrong = [&](std::size_t number, std::string_view what) {
        return fail(Errc::invalid, fmt::format("{}: element {} of the JSON list: {}", where, number, what));
    };
    text = trimmed(text);
    const bool array = text.starts_with('[');
    std::size_t at = array ? 1 : 0;
    for (std::size_t number = 1;; ++number) {
        at = std::min(text.find_first_not_of(blanks, at), text.size());
        if (at == text.size()) {
            if (array) return wrong(number, "the list is not closed");
            break;
        }
        if (array && number == 1 && text[at] == ']') {
            ++at;
            break;
        }
        const auto end = end_of_element(text, at);
        const auto element = proto::parse_json(text.substr(at, end - at));
        if (!element) return wrong(number, element.error().detail);
        if (!is_account(*element)) {
            const auto name = name_in(*element);
            if (!name) return wrong(number, name.error().detail);
            if (auto added = names.add(*name, fmt::format("element {}", number)); !added)
                return tl::unexpected(added.error());
        }
        at = std::min(text.find_first_not_of(blanks, end), text.size());
        if (!array) continue;
        if (at == text.size()) return wrong(number, "the list is not closed");
        if (text[at] == ']') {
            ++at;
            break;
        }
        if (text[at] != ',') return wrong(number, "a comma is missing behind it");
        ++at;
    }
    if (trimmed(text.substr(std::min(at, text.size()))).empty()) return names.take();
    return fail(Errc::invalid, fmt::format("{}: there is more behind the JSON list", where));
}

Result<std::vector<std::string>> names_of(std::string_view text, std::string_view where) {
    const auto begin = trimmed(text);
    return begin.starts_with('[') || begin.starts_with('{') ? names_of_json(text, where) : names_of_text(text, where);
}

Result<std::string> read_all(std::istream& in, std::string_view where) {
    std::string text;
    char portion[64 * 1024];
    while (in.read(portion, sizeof portion), in.gcount() > 0) {
        text.append(portion, static_cast<std::size_t>(in.gcount()));
        if (text.size() > node_list_size_max)
            return fail(Errc::invalid, fmt::format("{} is larger than {} octets", where, node_list_size_max));
    }
    return text;
}

}  // namespace mco::client
