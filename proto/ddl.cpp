#include "proto/ddl.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <utility>

#include <fmt/format.h>

#include "proto/command.hpp"
#include "proto/ddl_validators.hpp"
#include "proto/expression.hpp"
#include "proto/limits.hpp"

namespace mco::proto {
namespace {

enum class Presence { required, optional };

// One JSON object and where it stands in the file. The first fault of a file is kept in `Faults`; after it the reader goes on
// with defaults, because nothing of what it makes will be used.
struct Faults {
    std::string first;
    void add(std::string text) {
        if (first.empty()) first = std::move(text);
    }
};

class Place {
 public:
    Place(const Value* value, std::string path, Faults& faults)
        : value_(value), path_(std::move(path)), faults_(&faults) {
        if (value_ != nullptr && value_->map() == nullptr) wrong("must be an object");
    }

    const Value* find(std::string_view key) const { return value_ == nullptr ? nullptr : value_->find(key); }
    std::string path_of(std::string_view key) const {
        return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
    }
    void wrong(std::string_view why) const {
        faults_->add(fmt::format("{}: {}", path_.empty() ? "the file" : path_, why));
    }
    void wrong(std::string_view key, std::string_view why) const {
        faults_->add(fmt::format("{}: {}", path_of(key), why));
    }
    Faults& faults() const { return *faults_; }

    std::string text(std::string_view key, Presence presence = Presence::required) const {
        const Value* found = present(key, presence);
        if (found == nullptr) return {};
        if (const std::string* held = found->text()) return *held;
        wrong(key, "must be text");
        return {};
    }

    bool flag(std::string_view key) const {
        const Value* found = present(key, Presence::required);
        if (found == nullptr) return false;
        if (const bool* held = found->flag()) return *held;
        wrong(key, "must be true or false");
        return false;
    }

    std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most) const {
        const Value* found = present(key, Presence::required);
        if (found == nullptr) return least;
        const std::int64_t* held = found->integer();
        if (held != nullptr && *held >= least && *held <= most) return *held;
        wrong(key, fmt::format("must be a whole number from {} to {}", least, most));
        return least;
    }

    const Value::List* list(std::string_view key, Presence presence) const {
        const Value* found = present(key, presence);
        if (found == nullptr) return nullptr;
        if (found->list() == nullptr) wrong(key, "must be a list");
        return found->list();
    }

    Place part(std::string_view key) const { return {present(key, Presence::required), path_of(key), *faults_}; }

    // Calls for each member with its name, in the order of the names.
    template <std::invocable<const std::string&, const Place&> Visit>
    void each(Visit visit) const {
        if (value_ == nullptr || value_->map() == nullptr) return;
        for (const auto& [name, member] : *value_->map()) visit(name, Place(&member, path_of(name), *faults_));
    }

 private:
    const Value* present(std::string_view key, Presence presence) const {
        const Value* found = find(key);
        if (found == nullptr && value_ != nullptr && presence == Presence::required) wrong(key, "is missing");
        return found;
    }

    const Value* value_;  // nullptr: missing, which was reported
    std::string path_;
    Faults* faults_;
};

bool is_name(std::string_view text, bool capitals) {
    return !text.empty() && text.size() <= limits::name_size_max &&
           std::all_of(text.begin(), text.end(), [capitals](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                      (capitals && c >= 'A' && c <= 'Z');
           });
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

InputType read_type(const Place& input) {
    constexpr auto types = std::to_array<std::pair<std::string_view, InputType>>({
        {"string", InputType::string},
        {"list", InputType::list},
        {"boolean", InputType::boolean},
        {"integer", InputType::integer},
        {"float", InputType::float_number},
        {"number", InputType::number},
        {"hash", InputType::hash},
        {"array", InputType::array},
    });
    const std::string written = lower(input.text("type"));
    for (const auto& [name, type] : types) {
        if (written == name) return type;
    }
    input.wrong("type", "must be string, list, boolean, integer, float, number, hash or array");
    return InputType::string;
}

std::optional<Value> read_default(const Place& place) {
    const Value* found = place.find("default");
    return found == nullptr || found->is_null() ? std::nullopt : std::optional(*found);
}

InputSchema read_input(const std::string& name, const Place& place) {
    InputSchema input{.name = name,
                      .prompt = place.text("prompt"),
                      .description = place.text("description"),
                      .type = read_type(place),
                      .optional = place.flag("optional"),
                      .default_value = read_default(place)};
    if (name.empty() || name.size() > limits::name_size_max) {
        place.wrong(fmt::format("a name has 1 to {} octets", limits::name_size_max));
    }
    if (place.find("secret") != nullptr) input.secret = place.flag("secret");
    if (input.type == InputType::string) {
        input.validation = place.text("validation");
        input.length_max = static_cast<std::size_t>(place.integer("maxlength", 0, limits::text_size_max));
        if (!is_validator_name(input.validation)) {
            const auto compiled = Expression::compile(input.validation, Expression::Anchors::text);
            if (!compiled) place.wrong("validation", compiled.error().detail);
        }
    }
    if (input.type == InputType::list) {
        const Value::List* items = place.list("list", Presence::required);
        for (std::size_t i = 0; items != nullptr && i < items->size(); ++i) {
            const Value& item = (*items)[i];
            if (item.list() != nullptr || item.map() != nullptr || item.is_null()) {
                place.wrong(fmt::format("list[{}]", i), "must be text or a number");
            }
            input.allowed.push_back(item.to_text());
        }
    }
    return input;
}

OutputSchema read_output(const std::string& name, const Place& place) {
    if (name.empty() || name.size() > limits::name_size_max) {
        place.wrong(fmt::format("a name has 1 to {} octets", limits::name_size_max));
    }
    return {.name = name,
            .description = place.text("description"),
            .display_as = place.text("display_as"),
            .default_value = read_default(place),
            .type = lower(place.text("type", Presence::optional))};
}

// {"function": "average", "args": ["total_time", {"format": "Average: %0.2f"}]}
AggregateSchema read_aggregate(const Place& place) {
    AggregateSchema aggregate{.function = place.text("function"), .output = {}, .format = {}, .labels = {}};
    const Value::List* arguments = place.list("args", Presence::required);
    if (arguments == nullptr) return aggregate;
    const std::string* output = arguments->empty() ? nullptr : arguments->front().text();
    if (output == nullptr) {
        place.wrong("args", "must begin with the name of an output");
        return aggregate;
    }
    aggregate.output = *output;
    for (std::size_t i = 1; i < arguments->size(); ++i) {
        const Place options(&(*arguments)[i], place.path_of(fmt::format("args[{}]", i)), place.faults());
        aggregate.format = options.text("format", Presence::optional);
        for (const std::string_view label : {"true", "false"}) {
            if (options.find(label) != nullptr) aggregate.labels.emplace(label, options.text(label));
        }
    }
    return aggregate;
}

DisplayMode read_display(const Place& action) {
    const std::string written = action.text("display", Presence::optional);
    if (written == "ok") return DisplayMode::ok;
    if (written == "always") return DisplayMode::always;
    if (!written.empty() && written != "failed") action.wrong("display", "must be ok, failed or always");
    return DisplayMode::failed;
}

ActionSchema read_action(const Place& place) {
    ActionSchema action{
        .name = place.text("action"), .description = place.text("description"), .display = read_display(place)};
    if (!is_name(action.name, true)) {
        place.wrong("action", fmt::format("must be 1 to {} of A-Z, a-z, 0-9 and _", limits::name_size_max));
    }
    place.part("input").each(
        [&](const std::string& name, const Place& input) { action.inputs.push_back(read_input(name, input)); });
    place.part("output").each(
        [&](const std::string& name, const Place& output) { action.outputs.push_back(read_output(name, output)); });
    const Value::List* aggregates = place.list("aggregate", Presence::optional);
    for (std::size_t i = 0; aggregates != nullptr && i < aggregates->size(); ++i) {
        action.aggregates.push_back(
            read_aggregate(Place(&(*aggregates)[i], place.path_of(fmt::format("aggregate[{}]", i)), place.faults())));
    }
    if (const Value* argv = place.find("command")) {
        auto command = read_command(*argv, place.find("output_format"), action);
        if (command) {
            action.command = std::move(*command);
        } else {
            place.wrong(command.error().detail);
        }
    }
    return action;
}

// Metadata of agents and of data sources are alike.
template <typename Schema>
Schema read_metadata(const Place& place, std::int64_t timeout_least) {
    constexpr std::int64_t most = std::chrono::seconds(limits::request_timeout_max).count();
    Schema schema;
    schema.name = place.text("name");
    schema.description = place.text("description");
    schema.author = place.text("author");
    schema.license = place.text("license");
    schema.version = place.text("version");
    schema.url = place.text("url");
    schema.provider = place.text("provider", Presence::optional);
    schema.timeout = std::chrono::seconds(place.integer("timeout", timeout_least, most));
    if constexpr (requires { schema.persistent; })
        schema.persistent = place.text("mode", Presence::optional) == "persistent";
    if (!is_name(schema.name, false)) {
        place.wrong("name", fmt::format("must be 1 to {} of a-z, 0-9 and _", limits::name_size_max));
    }
    return schema;
}

Result<Value> parse_file(std::string_view json) {
    if (json.size() > limits::schema_size_max) {
        return fail(Errc::malformed, fmt::format("the DDL is larger than {} octets", limits::schema_size_max));
    }
    return parse_json(json);
}

template <typename T>
const T* find_named(const std::vector<T>& items, std::string_view name) {
    const auto found = std::find_if(items.begin(), items.end(), [name](const T& item) { return item.name == name; });
    return found == items.end() ? nullptr : &*found;
}

}  // namespace

const InputSchema* ActionSchema::find_input(std::string_view input) const { return find_named(inputs, input); }
const OutputSchema* ActionSchema::find_output(std::string_view output) const { return find_named(outputs, output); }
const ActionSchema* AgentSchema::find_action(std::string_view action) const { return find_named(actions, action); }

const OutputSchema* DataSchema::find_output(std::string_view output) const { return find_named(outputs, output); }

Result<AgentSchema> parse_schema(std::string_view json) {
    const auto value = parse_file(json);
    if (!value) return tl::unexpected(value.error());
    return schema_of(*value);
}

Result<DataSchema> parse_data_schema(std::string_view json) {
    const auto value = parse_file(json);
    if (!value) return tl::unexpected(value.error());
    return data_schema_of(*value);
}

Result<DataSchema> data_schema_of(const Value& value) {
    Faults faults;
    const Place file(&value, "", faults);
    auto source = read_metadata<DataSchema>(file.part("metadata"), 1);
    if (const Value* query = file.find("query"); query != nullptr && !query->is_null()) {
        source.query = read_input("query", file.part("query"));
    }
    file.part("output").each([&](const std::string& name, const Place& output) {
        source.outputs.push_back(read_output(name, output));
    });
    if (source.outputs.empty()) file.wrong("output", "has no output");
    if (!faults.first.empty()) return fail(Errc::malformed, std::move(faults.first));
    return source;
}

Result<AgentSchema> schema_of(const Value& value) {
    Faults faults;
    const Place file(&value, "", faults);
    auto agent = read_metadata<AgentSchema>(file.part("metadata"), 2);
    const Value::List* actions = file.list("actions", Presence::required);
    for (std::size_t i = 0; actions != nullptr && i < actions->size(); ++i) {
        const Place place(&(*actions)[i], fmt::format("actions[{}]", i), faults);
        ActionSchema action = read_action(place);
        if (agent.find_action(action.name) != nullptr) {
            place.wrong("action", fmt::format("\"{}\" is there twice", action.name));
        }
        agent.actions.push_back(std::move(action));
    }
    if (!faults.first.empty()) return fail(Errc::malformed, std::move(faults.first));
    return agent;
}

void fill_outputs(const ActionSchema& action, Value::Map& outputs) {
    for (const OutputSchema& output : action.outputs)
        outputs.try_emplace(output.name, output.default_value.value_or(Value()));
}

}  // namespace mco::proto
