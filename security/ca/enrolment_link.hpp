#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "proto/bytes.hpp"
#include "proto/error.hpp"

// One question and one answer over TCP: a length of four octets, big endian, then the frame. What it carries protects itself.
namespace mco::security::ca {

// "host:port", "[::1]:port". Connects, asks, waits for the whole answer, at most so long altogether.
proto::Result<proto::Bytes> ask_server(std::string_view where, proto::BytesView ask, std::chrono::seconds longest);

struct Serving {
    std::string listen;  // "host:port"; port 0 takes any
    std::function<void(const std::string& where)> ready;                                           // bound: as others reach it
    std::function<proto::Bytes(proto::BytesView ask, const std::string& source)> answer;
};
// Until TERM or INT. At most 64 connections at a time, each for 5 s; a newer one takes the place of the oldest that has not asked.
proto::Result<void> serve(const Serving& serving);

}  // namespace mco::security::ca
