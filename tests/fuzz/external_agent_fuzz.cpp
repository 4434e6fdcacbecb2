// What an external agent answers, in a file, in a line, or as the output of a command. Whatever it is, the caller gets a
// status from 0 to 5 and outputs that can be sent on.

#include <cstdint>
#include <cstdlib>

#include "node/external/exchange.hpp"
#include "proto/codec.hpp"
#include "proto/command.hpp"
#include "proto/utf8.hpp"

using namespace mco;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

proto::ActionSchema action(proto::CommandSchema::Format format) {
    proto::ActionSchema action{.name = "act"};
    for (const char* name : {"out", "number"}) action.outputs.push_back({.name = name});
    action.outputs[1].type = "number";
    action.command = proto::CommandSchema{.argv = {"/bin/true"},
                                          .format = format,
                                          .output = "out",
                                          .expressions = {{"out", "(\\S+) "}, {"number", "(?P<number>[-0-9.e]+)"}}};
    return action;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using Format = proto::CommandSchema::Format;
    const auto text = proto::as_text(proto::BytesView(data, size));
    const auto reply = node::external::parse_reply(text);
    if (reply) {
        require(static_cast<int>(reply->status) <= 5);
        require(!reply->message.empty());
        const proto::Value value(reply->data);
        require(proto::unpack<proto::Value>(proto::pack(value)) == value);
    } else {
        require(!reply.error().detail.empty() && proto::is_utf8(reply.error().detail));
    }
    (void)node::external::wants_activation(text);
    for (const auto format : {Format::text, Format::json, Format::lines, Format::expressions}) {
        const auto outputs = proto::read_command_output(action(format), text);
        if (!outputs) continue;
        const proto::Value value(*outputs);
        require(proto::unpack<proto::Value>(proto::pack(value)) == value);
    }
    return 0;
}
