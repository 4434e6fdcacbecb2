#include "node/external/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace mco::node::external {
namespace {

using proto::Errc;
using proto::Value;

constexpr std::string_view rpc_schema = "https://choria.io/schemas/mcorpc/external/v1/rpc_request.json";
constexpr std::string_view activation_schema = "https://choria.io/schemas/mcorpc/external/v1/activation_request.json";

}  // namespace

std::string rpc_request(const Call& call) {
    const auto sender = call.caller.substr(call.caller.find('=') + 1);
    return proto::to_json(Value::Map{
        {"$schema", rpc_schema},
        {"protocol", rpc_protocol},
        {"agent", call.agent},
        {"action", call.action},
        {"requestid", call.request.hex()},
        {"senderid", sender},
        {"callerid", call.caller},
        {"collective", call.collective},
        {"ttl", std::int64_t{std::chrono::ceil<std::chrono::seconds>(call.ttl).count()}},
        {"msgtime", std::int64_t{std::chrono::floor<std::chrono::seconds>(call.time.time_since_epoch()).count()}},
        {"data", call.arguments}});
}

std::string activation_request(std::string_view agent) {
    return proto::to_json(
        Value::Map{{"$schema", activation_schema}, {"protocol", activation_protocol}, {"agent", agent}});
}

proto::Result<ActionReply> read_reply(const Value& answer) {
    if (answer.map() == nullptr) return proto::fail(Errc::malformed, "is no JSON object");
    ActionReply reply;
    if (const auto* code = answer.find("statuscode"); code != nullptr && !code->is_null()) {
        if (code->integer() == nullptr || *code->integer() < 0 || *code->integer() > 5)
            return proto::fail(Errc::malformed, "has a statuscode that is no number from 0 to 5");
        reply.status = static_cast<proto::StatusCode>(*code->integer());
    }
    if (const auto* message = answer.find("statusmsg"); message != nullptr && !message->is_null()) {
        if (message->text() == nullptr) return proto::fail(Errc::malformed, "has a statusmsg that is no text");
        if (!message->text()->empty()) reply.message = *message->text();
    }
    if (reply.status != proto::StatusCode::ok && reply.message == "OK")
        reply.message = fmt::format("failed with statuscode {} and no message", static_cast<int>(reply.status));
    if (const auto* data = answer.find("data"); data != nullptr && !data->is_null()) {
        if (data->map() == nullptr) return proto::fail(Errc::malformed, "has data that is no object");
        reply.data = *data->map();
    }
    return reply;
}

proto::Result<ActionReply> parse_reply(std::string_view json) {
    if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) return proto::fail(Errc::malformed, "is empty");
    const auto value = proto::parse_json(json);
    if (!value) return proto::fail(Errc::malformed, fmt::format("is not JSON: {}", value.error().detail));
    return read_reply(*value);
}

bool wants_activation(std::string_view json) {
    const auto value = proto::parse_json(json);
    const auto* activate = value ? value->find("activate") : nullptr;
    return activate != nullptr && activate->flag() != nullptr && *activate->flag();
}

}  // namespace mco::node::external
