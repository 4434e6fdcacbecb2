// A Ruby DDL from anywhere: it is read within its bounds or refused with a line, and what is read makes a schema or names what is
// missing.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "proto/bytes.hpp"
#include "proto/ddl.hpp"
#include "proto/ruby_ddl.hpp"
#include "proto/utf8.hpp"

using namespace mco::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = read_ruby_ddl(as_text(BytesView(data, size)));
    if (!read) {
        const auto& detail = read.error().detail;
        if (!is_utf8(detail) || detail.empty() || detail.front() < '0' || detail.front() > '9') std::abort();
        return 0;
    }
    if (read->map() == nullptr) std::abort();
    if (const auto schema = schema_of(*read); !schema && schema.error().detail.empty()) std::abort();
    if (const auto schema = data_schema_of(*read); !schema && schema.error().detail.empty()) std::abort();
    return 0;
}
