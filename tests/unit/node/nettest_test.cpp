#include "node/agents/nettest.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include <doctest/doctest.h>

#include "tests/unit/node/agent_rig.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;
using node::Nettest;
using proto::StatusCode;
using proto::Value;

// A bound port of loopback; it answers only while it listens.
struct Port {
    int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    Port() {
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    }
    ~Port() { ::close(socket); }
    int number() const { return ntohs(address.sin_port); }
};

TEST_CASE("connect tells whether somebody listens") {
    Nettest nettest;
    AgentRig rig(nettest);
    const Port port;
    const auto refused = rig.run("connect", {{"fqdn", "127.0.0.1"}, {"port", port.number()}});
    CHECK(refused.status == StatusCode::ok);
    CHECK(output(refused, "connect") == Value(false));
    CHECK(output(refused, "connect_status").to_text().find("refused") != std::string::npos);
    REQUIRE(::listen(port.socket, 4) == 0);
    const auto made = rig.run("connect", {{"fqdn", "127.0.0.1"}, {"port", port.number()}});
    CHECK(output(made, "connect") == Value(true));
    CHECK(output(made, "connect_status") == Value("Connected"));
    CHECK(*output(made, "connect_time").real() >= 0);
}

TEST_CASE("a name that is none, and a port that is none, fail") {
    Nettest nettest;
    AgentRig rig(nettest);
    const auto nowhere = rig.run("connect", {{"fqdn", "no.such.host.invalid"}, {"port", 80}});
    CHECK(nowhere.status == StatusCode::aborted);
    CHECK(nowhere.message.find("no.such.host.invalid") != std::string::npos);
    CHECK(rig.run("connect", {{"fqdn", "127.0.0.1"}, {"port", 0}}).status == StatusCode::invalid_data);
    CHECK(rig.run("connect", {{"fqdn", "127.0.0.1"}, {"port", 65'536}}).status == StatusCode::invalid_data);
    CHECK(!rig.objection("ping", {{"fqdn", "-f 127.0.0.1"}}).empty());
    CHECK(!rig.objection("ping", {}).empty());
}

TEST_CASE("ping measures the way to loopback, or says what to allow") {
    Nettest nettest;
    AgentRig rig(nettest);
    for (const auto* host : {"127.0.0.1", "::1"}) {
        const auto reply = rig.run("ping", {{"fqdn", host}});
        if (reply.status == StatusCode::ok) {
            CHECK(*output(reply, "rtt").real() > 0);
        } else {
            const bool named = reply.message.find("ping_group_range") != std::string::npos ||
                               reply.message.find(host) != std::string::npos;
            CHECK_MESSAGE(named, reply.message);
        }
    }
}

TEST_CASE("a host that says nothing is given up when the patience is over, or at once when told to stop") {
    // A listener whose queue is full does not answer.
    Nettest nettest(50ms);
    AgentRig rig(nettest);
    const Port port;
    REQUIRE(::listen(port.socket, 0) == 0);
    int waiting[4];
    for (int& one : waiting) {
        one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        [[maybe_unused]] const int begun =
            ::connect(one, reinterpret_cast<const sockaddr*>(&port.address), sizeof port.address);
    }
    const auto late = rig.run("connect", {{"fqdn", "127.0.0.1"}, {"port", port.number()}});
    CHECK(output(late, "connect") == Value(false));
    CHECK(output(late, "connect_status").to_text().find("no answer") != std::string::npos);
    std::stop_source stop;
    stop.request_stop();
    Nettest patient(1h);
    AgentRig patient_rig(patient);
    const auto stopped =
        patient_rig.run("connect", {{"fqdn", "127.0.0.1"}, {"port", port.number()}}, stop.get_token());
    CHECK(output(stopped, "connect") == Value(false));
    for (const int one : waiting) ::close(one);
}

}  // namespace
}  // namespace mco::test
