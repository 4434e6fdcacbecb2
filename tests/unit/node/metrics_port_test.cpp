// The loopback port of metrics, spoken to by sockets that behave and by others.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "node/metrics_port.hpp"
#include "proto/config_file.hpp"
#include "tests/support/has.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;

struct Served {
    std::unique_ptr<MetricsPort> port = *MetricsPort::open("127.0.0.1:*");
    proto::Instant now{1'000s};
    int asked = 0;

    void serve() {
        port->serve(now, [this] {
            ++asked;
            return std::string(300'000, 'm');  // more than a socket takes at once
        });
    }
    Descriptor dial() const {
        const auto url = port->url();
        const auto colon = url.rfind(':');
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(static_cast<std::uint16_t>(*proto::parse_integer(url.substr(colon + 1, url.find('/', colon) - colon - 1), {1, 65'535})));
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
        return socket;
    }
    // Everything until the port closes the connection; empty if it never does within many turns.
    std::string rest(const Descriptor& socket) {
        std::string text, part(65'536, '\0');
        for (int turn = 0; turn < 10'000; ++turn) {
            serve();
            const auto got = ::recv(socket.get(), part.data(), part.size(), MSG_DONTWAIT);
            if (got > 0) text.append(part, 0, static_cast<std::size_t>(got));
            if (got == 0) return text;
            if (got < 0 && errno == ECONNRESET) return text + "(reset)";
        }
        return "(open)";
    }
    std::string ask(std::string_view words) {
        const auto socket = dial();
        REQUIRE(::send(socket.get(), words.data(), words.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(words.size()));
        return rest(socket);
    }
};

TEST_CASE("metrics are told to loopback only") {
    for (const auto* good : {"127.0.0.1:9464", "[::1]:9464", "127.0.0.1:*"}) CHECK(MetricsPort::check(good).empty());
    for (const auto* bad : {"0.0.0.0:9464", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "localhost:1", "[::]:9464", "tcp://127.0.0.1:1", ""})
        CHECK(has(MetricsPort::check(bad), "this machine only"));
}

TEST_CASE("GET /metrics is answered whole, anything else with an error") {
    Served served;
    const auto page = served.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: 300000\r\n"));
    CHECK(page.size() > 300'000);
    CHECK(served.ask("GET /metrics?x=1 HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200"));
    CHECK(served.asked == 2);
    CHECK(served.ask("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
    CHECK(served.ask("POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
    CHECK(served.ask("GET /metrics\r\n\r\n").starts_with("HTTP/1.1 400"));
    CHECK(served.ask(std::string("\0\xff\r\n\r\n", 6)).starts_with("HTTP/1.1 400"));
    CHECK(served.ask(std::string(MetricsPort::request_size_max, 'x')).starts_with("HTTP/1.1 431"));
    CHECK(served.asked == 2);
}

TEST_CASE("who says nothing is not waited for, and too many are sent away") {
    Served served;
    std::vector<Descriptor> silent;
    for (std::size_t i = 0; i < MetricsPort::connections_max; ++i) silent.push_back(served.dial());
    served.serve();
    CHECK(served.rest(served.dial()).empty());  // the one above
    REQUIRE(served.port->next_deadline() == served.now + MetricsPort::patience);
    served.now += MetricsPort::patience;
    for (const auto& one : silent) CHECK(served.rest(one).empty());
    CHECK_FALSE(served.port->next_deadline());
    CHECK(served.ask("GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_CASE("a port that is taken is named") {
    Served served;
    const auto url = served.port->url();
    const auto second = MetricsPort::open(url.substr(7, url.rfind('/') - 7));
    REQUIRE_FALSE(second);
    CHECK(has(second.error().detail, "Address already in use\nAnother program has that port"));
}

}  // namespace
}  // namespace mco::node
