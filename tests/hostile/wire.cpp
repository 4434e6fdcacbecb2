#include "tests/hostile/wire.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <doctest/doctest.h>

namespace mco::test {
namespace {

using Clock = std::chrono::steady_clock;

bool readable(int descriptor, Clock::time_point until) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd one{descriptor, POLLIN, 0};
    return ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) == 1;
}

std::string big_endian(std::uint64_t number, int octets) {
    std::string text;
    for (int i = octets - 1; i >= 0; --i) text += static_cast<char>(number >> (8 * i));
    return text;
}

std::string command(std::string_view name, std::string_view body) {
    return static_cast<char>(name.size()) + std::string(name) + std::string(body);
}

std::string text_of(const proto::CurvePublicKey& key) { return std::string(proto::as_text(key.bytes())); }

// What libsodium is given: 24 octets of nonce from a text and a rest.
const unsigned char* octets(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string box(std::string_view plain, const std::string& nonce, const proto::CurvePublicKey& to, const security::CurveSecret& from) {
    const std::string text(plain);
    std::string sealed(text.size() + crypto_box_MACBYTES, '\0');
    REQUIRE(nonce.size() == crypto_box_NONCEBYTES);
    REQUIRE(crypto_box_easy(octets(sealed), octets(text), text.size(), octets(nonce), to.bytes().data(), from.data()) == 0);
    return sealed;
}

}  // namespace

Wire::Wire(const std::string& endpoint) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    REQUIRE(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

Wire::~Wire() { ::close(descriptor_); }

bool Wire::say(proto::BytesView all) {
    while (!all.empty()) {
        const auto put = ::send(descriptor_, all.data(), all.size(), MSG_NOSIGNAL);
        if (put <= 0) return false;
        all = all.subspan(static_cast<std::size_t>(put));
    }
    return true;
}

std::optional<proto::Bytes> Wire::hear(std::size_t size, std::chrono::milliseconds longest) {
    const auto until = Clock::now() + longest;
    proto::Bytes heard(size);
    for (std::size_t got = 0; got < size;) {
        if (!readable(descriptor_, until)) return std::nullopt;
        const auto part = ::recv(descriptor_, heard.data() + got, size - got, 0);
        if (part <= 0) return std::nullopt;
        got += static_cast<std::size_t>(part);
    }
    return heard;
}

bool Wire::closed_within(std::chrono::milliseconds longest) {
    const auto until = Clock::now() + longest;
    std::array<char, 4'096> rubbish{};
    while (readable(descriptor_, until)) {
        if (::recv(descriptor_, rubbish.data(), rubbish.size(), 0) <= 0) return true;
    }
    return false;
}

std::string greeting(std::string_view mechanism, std::uint8_t major, std::uint8_t minor) {
    std::string text = "\xff" + std::string(8, '\0') + "\x7f";
    text += static_cast<char>(major);
    text += static_cast<char>(minor);
    text += mechanism;
    text.resize(64, '\0');
    return text;
}

std::string framed(Frame kind, std::string_view body) {
    const bool large = body.size() > 255;
    std::string text(1, static_cast<char>(static_cast<unsigned>(kind) | (large ? 2U : 0U)));
    return text + big_endian(body.size(), large ? 8 : 1) + std::string(body);
}

CurveTalk::CurveTalk(Wire& wire, const proto::CurvePublicKey& server) : wire_(wire), server_(server) {}

std::string CurveTalk::boxed(std::string_view nonce_text, std::string_view plain, const proto::CurvePublicKey& to,
                             const security::CurveSecret& from) {
    const auto number = big_endian(++nonce_, 8);
    return number + box(plain, std::string(nonce_text) + number, to, from);
}

std::string CurveTalk::hello() {
    std::string body("\1\0", 2);
    body += std::string(72, '\0') + text_of(own_short_.public_key);
    body += boxed("CurveZMQHELLO---", std::string(64, '\0'), server_, own_short_.secret);
    return framed(Frame::command, command("HELLO", body));
}

std::optional<proto::Bytes> CurveTalk::hear_command() {
    const auto head = wire_.hear(2);
    if (!head || (*head)[0] != 4) return std::nullopt;
    return wire_.hear((*head)[1]);
}

bool CurveTalk::hear_welcome() {
    const auto heard = hear_command();
    const std::string name = command("WELCOME", "");
    if (!heard || heard->size() != name.size() + 160 || !proto::as_text(*heard).starts_with(name)) return false;
    const std::string body(proto::as_text(*heard).substr(name.size()));
    std::string plain(128, '\0');
    const auto nonce = "WELCOME-" + body.substr(0, 16);
    if (crypto_box_open_easy(octets(plain), octets(body) + 16, 144, octets(nonce), server_.bytes().data(), own_short_.secret.data()) != 0) return false;
    std::copy_n(plain.begin(), server_short_.octets.size(), server_short_.octets.begin());
    cookie_ = plain.substr(32);
    return true;
}

std::string CurveTalk::initiate(const std::vector<Property>& metadata) {
    std::string random(16, '\0');
    randombytes_buf(octets(random), random.size());
    std::string plain = text_of(own_.public_key) + random;
    plain += box(text_of(own_short_.public_key) + text_of(server_), "VOUCH---" + random, server_short_, own_.secret);
    for (const auto& [name, value] : metadata) plain += command(name, big_endian(value.size(), 4) + value);
    return framed(Frame::command, command("INITIATE", cookie_ + boxed("CurveZMQINITIATE", plain, server_short_, own_short_.secret)));
}

bool CurveTalk::hear_ready() {
    const auto heard = hear_command();
    return heard && proto::as_text(*heard).starts_with(command("READY", ""));
}

std::string CurveTalk::message(Frame kind, std::string_view payload) {
    const std::string plain = static_cast<char>(kind == Frame::more ? 1 : kind == Frame::command ? 2 : 0) + std::string(payload);
    return framed(Frame::last, command("MESSAGE", boxed("CurveZMQMESSAGEC", plain, server_short_, own_short_.secret)));
}

bool CurveTalk::shake_hands(const std::vector<Property>& metadata) {
    return wire_.say(greeting()) && wire_.hear(64) && wire_.say(hello()) && hear_welcome() && wire_.say(initiate(metadata)) && hear_ready();
}

}  // namespace mco::test
