// JSON from a file or an agent. A value that was read survives JSON, pretty JSON and the wire unchanged.

#include <cstdint>
#include <cstdlib>

#include "proto/codec.hpp"
#include "proto/utf8.hpp"
#include "proto/value.hpp"

using namespace mco::proto;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto value = parse_json(as_text(BytesView(data, size)));
    if (!value) {
        require(value.error().code == Errc::malformed);
        require(is_utf8(value.error().detail));
        return 0;
    }
    require(parse_json(to_json(*value)) == *value);
    require(parse_json(to_pretty_json(*value)) == *value);
    require(unpack<Value>(pack(*value)) == *value);
    require(is_utf8(value->to_text()));
    return 0;
}
