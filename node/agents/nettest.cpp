#include "node/agents/nettest.hpp"

#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "node/agents/inputs.hpp"
#include "node/network_probe.hpp"

namespace mco::node {
namespace {

ActionReply ping_host(const std::string& host, proto::Duration patience, std::stop_token stop) {
    const auto rtt = ping(host, patience, std::move(stop));
    if (!rtt) return aborted(rtt.error().detail);
    return {.data = {{"rtt", *rtt}}};
}

// That nobody listens is an answer, as in MCollective; only a name that is none is a failure.
ActionReply connect(const Call& call, const std::string& host, proto::Duration patience, std::stop_token stop) {
    const auto port = integer_input(call, "port").value_or(0);
    if (port < 1 || port > 65'535)
        return {.status = proto::StatusCode::invalid_data,
                .message = fmt::format("port is a number from 1 to 65535, not {}", port),
                .data = {}};
    const auto made = connect_tcp(host, static_cast<std::uint16_t>(port), patience, std::move(stop));
    if (made)
        return {.data = {{"connect", true}, {"connect_status", "Connected"}, {"connect_time", made->took_s}}};
    if (made.error().code == proto::Errc::not_found) return aborted(made.error().detail);
    return {.data = {{"connect", false}, {"connect_status", made.error().detail}, {"connect_time", proto::Value()}}};
}

}  // namespace

ActionReply Nettest::run(const Call& call, std::stop_token stop) {
    const auto host = text_input(call, "fqdn");
    if (call.action == "ping") return ping_host(host, patience_, std::move(stop));
    if (call.action == "connect") return connect(call, host, patience_, std::move(stop));
    return unknown_action(call);
}

}  // namespace mco::node
