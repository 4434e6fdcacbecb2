#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/ids.hpp"
#include "security/keys.hpp"

namespace mco::test {

// A TCP connection on which anything can be said: ZMTP by hand, below libzmq. One thread; blocks at most as long as told.
class Wire {
 public:
    explicit Wire(const std::string& endpoint);  // tcp://127.0.0.1:PORT; fails the test if nobody listens
    ~Wire();
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    bool say(proto::BytesView octets);  // false: the other side has closed
    bool say(std::string_view text) { return say(proto::as_bytes(text)); }
    std::optional<proto::Bytes> hear(std::size_t size, std::chrono::milliseconds longest = std::chrono::seconds(5));
    // Whether the other side closes within that time; what it says meanwhile is thrown away.
    bool closed_within(std::chrono::milliseconds longest);

 private:
    int descriptor_ = -1;
};

// The first 64 octets of either side.
std::string greeting(std::string_view mechanism = "CURVE", std::uint8_t major = 3, std::uint8_t minor = 1);
enum class Frame : std::uint8_t { last = 0, more = 1, command = 4 };
std::string framed(Frame kind, std::string_view body);

// The client's side of CURVE's handshake, each word of which can be left out or said otherwise.
class CurveTalk {
 public:
    CurveTalk(Wire& wire, const proto::CurvePublicKey& server);

    std::string hello();                       // to be said behind the greetings
    bool hear_welcome();                       // false: there was none, or it does not open
    using Property = std::pair<std::string, std::string>;
    std::string initiate(const std::vector<Property>& metadata);
    bool hear_ready();
    std::string message(Frame kind, std::string_view payload);  // one frame
    bool shake_hands(const std::vector<Property>& metadata);   // all of the above

 private:
    std::string boxed(std::string_view nonce_text, std::string_view plain, const proto::CurvePublicKey& to, const security::CurveSecret& from);
    std::optional<proto::Bytes> hear_command();

    Wire& wire_;
    proto::CurvePublicKey server_;
    proto::CurvePublicKey server_short_{};
    security::CurvePair own_ = security::make_curve_pair();
    security::CurvePair own_short_ = security::make_curve_pair();
    std::string cookie_;
    std::uint64_t nonce_ = 0;
};

}  // namespace mco::test
