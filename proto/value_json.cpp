#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "proto/limits.hpp"
#include "proto/utf8.hpp"
#include "proto/value.hpp"

namespace mco::proto {

namespace {

using nlohmann::json;

// Builds the value while nlohmann's parser reads, so that a bound is checked before the next element exists; its own tree
// would be complete, whatever its size, before we could look. The parser does not recurse, and neither do we.
class Builder {
 public:
    bool null() { return place(Value()); }
    bool boolean(bool flag) { return place(Value(flag)); }
    bool number_integer(json::number_integer_t number) { return place(Value(std::int64_t{number})); }
    bool number_unsigned(json::number_unsigned_t number) {
        if (number > static_cast<json::number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) return too_large();
        return place(Value(static_cast<std::int64_t>(number)));
    }
    bool number_float(json::number_float_t number, const std::string& written) {
        // The parser falls back to a float for integers it cannot hold; silently losing digits is worse than refusing.
        if (written.find_first_of(".eE") == std::string::npos) return too_large();
        return place(Value(number));
    }
    bool string(std::string& text) {
        if (text.size() > limits::text_size_max) {
            return refuse(fmt::format("text is longer than {} octets", limits::text_size_max));
        }
        return place(Value(std::move(text)));
    }
    bool binary(json::binary_t&) { return refuse("binary data"); }  // not in JSON; the interface wants the method

    bool start_object(std::size_t) { return open(Value::Map{}); }
    bool start_array(std::size_t) { return open(Value::List{}); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(std::string& text) {
        if (text.size() > limits::text_size_max) {
            return refuse(fmt::format("a key is longer than {} octets", limits::text_size_max));
        }
        if (open_.back().container->map()->contains(text))
            return refuse(fmt::format("key \"{}\" is there twice", text));
        open_.back().key = std::move(text);
        return true;
    }
    template <typename Exception>
    bool parse_error(std::size_t, const std::string&, const Exception& error) {
        std::string_view what = error.what();
        if (const auto bracket = what.find("] "); bracket != std::string_view::npos) what.remove_prefix(bracket + 2);
        what = what.substr(0, what.find("; last read:"));  // it quotes the input, which may be anything
        error_ = what;
        return false;
    }

    Result<Value> result(bool complete) && {
        if (!complete) {
            const std::string readable = repair_utf8(error_);
            return fail(Errc::malformed,
                        fmt::format("not valid JSON: {}", cut_utf8(readable, limits::reason_size_max / 2)));
        }
        return std::move(root_);
    }

 private:
    struct Open {
        Value* container;
        std::string key;  // of the member being read, if it is a map
    };

    bool place(Value value) { return put(std::move(value)) != nullptr; }

    bool open(Value container) {
        if (open_.size() >= limits::value_depth_max) {
            return refuse(fmt::format("nested deeper than {} levels", limits::value_depth_max));
        }
        Value* placed = put(std::move(container));
        if (placed == nullptr) return false;
        open_.push_back({placed, {}});
        return true;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    // Pointers to open containers stay valid: a container only grows while nothing inside it is open.
    Value* put(Value value) {
        if (open_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        if (++elements_ > limits::value_elements_max) {
            refuse(fmt::format("more than {} elements", limits::value_elements_max));
            return nullptr;
        }
        Open& parent = open_.back();
        if (Value::List* list = parent.container->list()) return &list->emplace_back(std::move(value));
        Value& member = (*parent.container->map())[parent.key];
        member = std::move(value);
        return &member;
    }

    bool too_large() { return refuse("an integer does not fit in 64 bits"); }

    bool refuse(std::string_view what) {
        error_ = fmt::format("{} {}", what, place_name());
        return false;
    }

    // "at os.disks[3]"; a path that is long because it is hostile is cut.
    std::string place_name() const {
        constexpr std::size_t path_size_max = limits::reason_size_max / 4;
        std::string path;
        for (const Open& level : open_) {
            if (const Value::List* list = level.container->list()) {
                path += fmt::format("[{}]", list->size());
            } else {
                path += fmt::format("{}{}", path.empty() ? "" : ".", level.key);
            }
            if (path.size() > path_size_max) return "at " + path.substr(0, path_size_max) + "...";
        }
        return path.empty() ? "at the top" : "at " + path;
    }

    Value root_;
    std::vector<Open> open_;
    std::size_t elements_ = 0;
    std::string error_ = "it ends too early";
};

json to_tree(const Value& value) {
    if (const bool* flag = value.flag()) return *flag;
    if (const std::int64_t* number = value.integer()) return *number;
    if (const double* number = value.real()) return *number;
    if (const std::string* text = value.text()) return *text;
    if (const Value::List* list = value.list()) {
        json tree = json::array();
        for (const Value& item : *list) tree.push_back(to_tree(item));
        return tree;
    }
    if (const Value::Map* map = value.map()) {
        json tree = json::object();
        for (const auto& [key, member] : *map) tree.emplace(key, to_tree(member));
        return tree;
    }
    return nullptr;
}

std::string dump(const Value& value, int indent) {
    return to_tree(value).dump(indent, ' ', false, json::error_handler_t::replace);
}

}  // namespace

Result<Value> parse_json(std::string_view text) {
    // nlohmann's parser takes a NUL for the end of its input, and would not see what follows.
    if (const auto at = text.find('\0'); at != std::string_view::npos) {
        return fail(Errc::malformed, fmt::format("not valid JSON: a NUL character at octet {}", at));
    }
    Builder builder;
    const bool complete = json::sax_parse(text.begin(), text.end(), &builder);
    return std::move(builder).result(complete);
}

std::string to_json(const Value& value) { return dump(value, -1); }

std::string to_pretty_json(const Value& value) { return dump(value, 2); }

}  // namespace mco::proto
