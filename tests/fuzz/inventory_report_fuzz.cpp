// Reports of `mco inventory`: MCollective's scripts and templates, read and applied to a node. What is not understood is `invalid`; what a node
// says comes out visible.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "client/inventory_script.hpp"
#include "client/inventory_template.hpp"
#include "proto/bytes.hpp"
#include "proto/value.hpp"

using namespace mco;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

void require_invalid(const proto::Error& error) {
    require(error.code == proto::Errc::invalid);
}

// What a node says cannot steer a terminal. The operator's own text may.
void require_visible(std::string_view report, std::string_view text) {
    constexpr std::string_view hostile = "\x1b\xff";
    require(text.find_first_of(hostile) != text.npos || report.find_first_of(hostile) == report.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = proto::as_text(proto::BytesView(data, size));
    const client::InventoryNode node{
        .identity = "web1",
        .data = proto::Value::Map{{"facts", proto::Value::Map{{"country", "uk"}, {"load", 0.5}, {"n", 7}, {"evil", "\x1b\xff"}}},
                                  {"classes", proto::Value::List{"httpd", "common"}},
                                  {"agents", proto::Value::List{"rpcutil"}}},
        .time = "2026-11-21 06:43:44 +0000"};
    const auto script = client::InventoryScript::read(text, "script");
    if (script) {
        const auto report = script->report(std::span(&node, 1));
        if (report) require_visible(*report, text);
        else require_invalid(report.error());
    } else {
        require_invalid(script.error());
    }
    const auto lines = client::InventoryTemplate::read(text);
    if (lines) require_visible(lines->line(node), text);
    else require_invalid(lines.error());
    return 0;
}
