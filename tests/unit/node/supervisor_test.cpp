#include "node/supervisor.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/temp_dir.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;

// A service manager's ear: a datagram socket, named in the environment as systemd names its own.
class Manager {
 public:
    Manager() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        const auto path = (dir_ / "notify").string();
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        REQUIRE(path.size() < sizeof address.sun_path);
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }
    ~Manager() {
        ::unsetenv("NOTIFY_SOCKET");
        ::unsetenv("WATCHDOG_USEC");
        ::close(socket_);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    void watch(const char* microseconds) { ::setenv("WATCHDOG_USEC", microseconds, 1); }
    std::string heard() {  // "": nothing
        char text[512];
        const auto size = ::recv(socket_, text, sizeof text, 0);
        return size < 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
    }

 private:
    test::TempDir dir_;
    int socket_;
};

proto::Instant at(std::chrono::microseconds time) { return proto::Instant(time); }

TEST_CASE("without a service manager nobody is told and nothing is due") {
    Supervisor supervisor(at(0us));
    CHECK_FALSE(supervisor.listens());
    CHECK_FALSE(supervisor.next_deadline().has_value());
    supervisor.ready();
    supervisor.elapse(at(1h));
}

TEST_CASE("the service manager hears that the daemon is ready and that it stops, and how long that may take") {
    Manager manager;
    Supervisor supervisor(at(0us));
    CHECK(supervisor.listens());
    CHECK_FALSE(supervisor.next_deadline().has_value());  // no watchdog
    CHECK(manager.heard().empty());
    supervisor.ready();
    CHECK(manager.heard().starts_with("READY=1\n"));
    supervisor.stopping(30s);
    CHECK(manager.heard() == "STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000");
}

TEST_CASE("a watchdog hears twice in the time that it allows") {
    Manager manager;
    manager.watch("30000000");
    Supervisor supervisor(at(0us));
    supervisor.elapse(at(0us));
    CHECK(manager.heard() == "WATCHDOG=1");
    CHECK(supervisor.next_deadline() == at(15s));
    supervisor.elapse(at(15s - 1us));
    CHECK(manager.heard().empty());
    supervisor.elapse(at(15s));
    CHECK(manager.heard() == "WATCHDOG=1");
    CHECK(supervisor.next_deadline() == at(30s));
}

TEST_CASE("a watchdog that allows next to nothing does not make the daemon spin") {
    Manager manager;
    manager.watch("1");
    Supervisor supervisor(at(0us));
    supervisor.elapse(at(0us));
    CHECK(supervisor.next_deadline() == at(1ms));
}

}  // namespace
}  // namespace mco::node
