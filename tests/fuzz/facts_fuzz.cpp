// A fact source's text, whatever wrote it: each reader gives a map within the limits, or says what is wrong.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "node/facts.hpp"
#include "proto/bytes.hpp"
#include "proto/filter.hpp"

using namespace mco;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = proto::as_text(proto::BytesView(data, size));
    for (auto* parse : {node::parse_yaml_facts, node::parse_json_facts, node::parse_printed_facts}) {
        const auto facts = parse(text);
        if (!facts && facts.error().detail.empty()) std::abort();
        if (facts && facts->map() != nullptr) proto::find_fact(*facts, "a.0.b");
    }
    return 0;
}
