// A DDL from a file, used at once the way client and node use it: with no input, with every input as a word, with every
// input as the DDL itself. What read_inputs accepts, validate_inputs accepts.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "proto/bytes.hpp"
#include "proto/ddl.hpp"
#include "proto/utf8.hpp"

using namespace mco::proto;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

void try_words(const ActionSchema& action, std::string_view word) {
    std::map<std::string, std::string> words;
    for (const InputSchema& input : action.inputs) words.emplace(input.name, word);
    const auto inputs = read_inputs(action, words);
    if (inputs) {
        require(validate_inputs(action, *inputs).has_value());
    } else {
        require(inputs.error().code == Errc::invalid);
        require(is_utf8(inputs.error().detail));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text(BytesView(data, size));
    const auto schema = parse_schema(text);
    if (!schema) {
        require(schema.error().code == Errc::malformed);
        require(is_utf8(schema.error().detail));
        return 0;
    }
    for (const ActionSchema& action : schema->actions) {
        require(schema->find_action(action.name) == &action);
        if (const auto none = read_inputs(action, {}); !none) require(none.error().code == Errc::invalid);
        for (const std::string_view word :
             {std::string_view(), std::string_view("1"), std::string_view("-1.5e3"), std::string_view("true"),
              std::string_view("[]"), std::string_view("::1/64"), text}) {
            try_words(action, word);
        }
        Value::Map outputs;
        fill_outputs(action, outputs);
        require(outputs.size() == action.outputs.size());
    }
    return 0;
}
