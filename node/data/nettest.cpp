#include <chrono>
#include <cstdint>
#include <string>

#include "node/data/sources.hpp"
#include "node/network_probe.hpp"
#include "proto/config_file.hpp"

namespace mco::node::data {

// "web1.example.net:80", "[::1]:80"
Outputs nettest(const Call&, const std::string& endpoint) {
    const auto colon = endpoint.rfind(':');
    const auto port = colon == std::string::npos
                          ? proto::fail(proto::Errc::invalid, "the question is HOST:PORT")
                          : proto::parse_integer(endpoint.substr(colon + 1), {1, 65'535});
    if (!port) return tl::unexpected(port.error());
    auto host = endpoint.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    constexpr auto patience = std::chrono::milliseconds(800);  // below the DDL's timeout
    return proto::Value::Map{
        {"connect", connect_tcp(host, static_cast<std::uint16_t>(*port), patience, {}).has_value()}};
}

}  // namespace mco::node::data
