// What mesh/io believes about libzmq, so that an upgrade that changes a belief fails by name.

#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "tests/facts/zmq_lab.hpp"

namespace mco::facts {
namespace {

constexpr int zap_enforce_domain = 93;
// A few milliseconds on an idle machine; the first timer that could tell the same is TCP's, after 15 s.
constexpr auto at_once = 500ms;
constexpr int failed_handshake =
    ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

struct Descriptor {
    int number;
    explicit Descriptor(int given) : number(given) {}
    Descriptor(Descriptor&& other) noexcept : number(std::exchange(other.number, -1)) {}
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
};

sockaddr_in address_of(const std::string& endpoint) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    return address;
}

Descriptor tcp_connect(const std::string& endpoint) {
    Descriptor descriptor(::socket(AF_INET, SOCK_STREAM, 0));
    const auto address = address_of(endpoint);
    REQUIRE(::connect(descriptor.number, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return descriptor;
}

// A port on which something else than ZeroMQ listens.
std::pair<Descriptor, std::string> tcp_listen() {
    Descriptor descriptor(::socket(AF_INET, SOCK_STREAM, 0));
    auto address = address_of(":0");
    socklen_t size = sizeof address;
    REQUIRE(::bind(descriptor.number, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(descriptor.number, 16) == 0);
    REQUIRE(::getsockname(descriptor.number, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return {std::move(descriptor), "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port))};
}

TEST_CASE("the library is 4.3.4 or a later 4.3, with CURVE and without drafts") {
    int major = 0, minor = 0, patch = 0;
    zmq_version(&major, &minor, &patch);
    CHECK(major == 4);
    CHECK(minor == 3);
    CHECK(patch >= 4);
    CHECK(zmq_has("curve") == 1);
    CHECK(zmq_has("draft") == 0);
    // The header does not declare them and the functions are not there; the socket types exist by number, which is a trap.
    for (const char* draft : {"zmq_poller_new", "zmq_socket_monitor_versioned", "zmq_socket_get_peer_state",
                              "zmq_msg_routing_id", "zmq_disconnect_peer", "zmq_ctx_set_ext"}) {
        CHECK_MESSAGE(::dlsym(RTLD_DEFAULT, draft) == nullptr, draft);
    }
    CHECK(::dlsym(RTLD_DEFAULT, "zmq_poll") != nullptr);
}

TEST_CASE("without a ZAP handler CURVE admits everybody, and with option 93 nobody") {
    const Keys server_keys, stranger;
    for (const bool enforced : {false, true}) {
        Lab lab;
        Socket server = lab.socket(ZMQ_ROUTER);
        server.curve_server(server_keys);
        server.set(ZMQ_ZAP_DOMAIN, std::string("link"));
        if (enforced) server.set(zap_enforce_domain, 1);
        const auto endpoint = server.bind();
        Socket client = lab.socket(ZMQ_DEALER);
        client.curve_client(stranger, server_keys);
        Monitor monitor =
            lab.monitor(client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | failed_handshake | ZMQ_EVENT_DISCONNECTED);
        client.connect(endpoint);
        const auto event = lab.wait_for(monitor, 0xffff);
        REQUIRE(event);
        CHECK((event->kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) == !enforced);
    }
}

TEST_CASE("a refused handshake silences a connecting socket until it disconnects and connects") {
    Lab lab;
    lab.serve_zap();
    lab.status = "400";
    const Keys server_keys, client_keys;
    Socket server = lab.socket(ZMQ_ROUTER);
    server.curve_server(server_keys);
    const auto endpoint = server.bind();
    Socket client = lab.socket(ZMQ_DEALER);
    client.curve_client(client_keys, server_keys);
    client.set(ZMQ_RECONNECT_IVL, 1);
    Monitor monitor = lab.monitor(client, ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | failed_handshake);
    client.connect(endpoint);
    const auto refused = lab.wait_for(monitor, failed_handshake);
    REQUIRE(refused);
    CHECK(refused->kind == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    CHECK(refused->value == 400);

    lab.status = "200";
    CHECK(!lab.wait_for(monitor, 0xffff, 200ms));  // 200 reconnect intervals
    client.connect(endpoint);                      // says that all is well, and does nothing
    CHECK(!lab.wait_for(monitor, 0xffff, 200ms));
    REQUIRE(zmq_disconnect(client.get(), endpoint.c_str()) == 0);
    client.connect(endpoint);
    CHECK(lab.wait_for(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED));
}

TEST_CASE("ZAP 300 tells the client nothing, or closes the connection when the answer comes quickly") {
    Lab lab;
    lab.serve_zap();
    lab.status = "300";
    const Keys server_keys, client_keys;
    Socket server = lab.socket(ZMQ_XPUB);
    server.curve_server(server_keys);
    Monitor server_monitor = lab.monitor(server, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    const auto endpoint = server.bind();
    Socket client = lab.socket(ZMQ_SUB);
    client.curve_client(client_keys, server_keys);
    Monitor monitor = lab.monitor(client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | failed_handshake | ZMQ_EVENT_DISCONNECTED);
    client.connect(endpoint);
    const auto refused = lab.wait_for(server_monitor, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    REQUIRE(refused);
    CHECK(refused->value == 300);
    const auto told = lab.wait_for(monitor, 0xffff, 100ms);
    const bool closed =
        told && (told->kind == ZMQ_EVENT_DISCONNECTED || told->kind == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    CHECK((!told || closed));
}

TEST_CASE("a refused connection is only told as a retry, even when the retry is an hour away") {
    std::string endpoint;
    {
        const auto [listener, text] = tcp_listen();
        endpoint = text;  // nobody listens there any more when we dial
    }
    Lab lab;
    const Keys server_keys, client_keys;
    Socket client = lab.socket(ZMQ_DEALER);
    client.curve_client(client_keys, server_keys);
    client.set(ZMQ_RECONNECT_IVL, 3'600'000);
    Monitor monitor = lab.monitor(client, ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED);
    client.connect(endpoint);
    const auto event = lab.wait_for(monitor, 0xffff);
    REQUIRE(event);
    CHECK(event->kind == ZMQ_EVENT_CONNECT_RETRIED);
}

TEST_CASE("a wrong server key and a port that talks something else end the connection, and the monitor says so") {
    Lab lab;
    lab.serve_zap();
    const Keys server_keys, other_keys, client_keys;
    const int mask = failed_handshake | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    SUBCASE("a wrong server key") {
        Socket server = lab.socket(ZMQ_ROUTER);
        server.curve_server(server_keys);
        const auto endpoint = server.bind();
        Socket client = lab.socket(ZMQ_DEALER);
        client.curve_client(client_keys, other_keys);
        Monitor monitor = lab.monitor(client, mask);
        client.connect(endpoint);
        const auto event = lab.wait_for(monitor, mask);
        REQUIRE(event);
        CHECK(event->kind == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);  // it hung up on us
    }
    SUBCASE("an SSH server") {
        const auto [listener, endpoint] = tcp_listen();
        Socket client = lab.socket(ZMQ_DEALER);
        client.curve_client(client_keys, server_keys);
        Monitor monitor = lab.monitor(client, mask);
        client.connect(endpoint);
        const Descriptor accepted(::accept(listener.number, nullptr, nullptr));
        const std::string banner = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n";
        REQUIRE(::send(accepted.number, banner.data(), banner.size(), MSG_NOSIGNAL) > 0);
        const auto event = lab.wait_for(monitor, mask);
        REQUIRE(event);
        CHECK(event->kind == ZMQ_EVENT_DISCONNECTED);  // we hung up on it
    }
}

TEST_CASE("after a poll the User-Id is on the last frame of a ROUTER message, not on the first") {
    Lab lab;
    lab.serve_zap();
    const Keys server_keys, client_keys;
    Socket server = lab.socket(ZMQ_ROUTER);
    server.curve_server(server_keys);
    const auto endpoint = server.bind();
    Socket client = lab.socket(ZMQ_DEALER);
    client.curve_client(client_keys, server_keys);
    client.connect(endpoint);
    client.send({"hello"});
    REQUIRE(lab.until([&] { return (server.events() & ZMQ_POLLIN) != 0; }));
    zmq_pollitem_t item{server.get(), 0, ZMQ_POLLIN, 0};
    REQUIRE(zmq_poll(&item, 1, 0) == 1);
    const auto message = server.receive();
    REQUIRE(message);
    REQUIRE(message->frames.size() == 2);
    CHECK(message->user_ids[0] == "");
    CHECK(message->user_ids[1] == "somebody");
}

// Waits in a child process, made before this process has a context, until it is killed.
pid_t fork_peer(const std::function<void()>& live) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        live();
        for (;;) ::pause();
    }
    return child;
}

struct Pipe {
    int read_end = -1, write_end = -1;
    Pipe() {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        read_end = ends[0];
        write_end = ends[1];
    }
    ~Pipe() {
        ::close(read_end);
        ::close(write_end);
    }
};

TEST_CASE(
    "a killed peer: the monitor names its descriptor, its last words can be read, sends fail, XPUB unsubscribes "
    "without a name") {
    const Keys server_keys, client_keys;
    Pipe endpoints;
    const pid_t child = fork_peer([&] {
        std::string text(256, '\0');
        const auto size = ::read(endpoints.read_end, text.data(), text.size());
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        const auto space = text.find(' ');
        void* context = zmq_ctx_new();
        auto* dealer = new Socket(context, ZMQ_DEALER);
        dealer->curve_client(client_keys, server_keys);
        dealer->connect(text.substr(0, space));
        auto* sub = new Socket(context, ZMQ_SUB);
        sub->curve_client(client_keys, server_keys);
        sub->set(ZMQ_SUBSCRIBE, std::string("~me"));
        sub->connect(text.substr(space + 1));
        dealer->send({"first"});
        dealer->send({"second"});
    });
    {
        Lab lab;
        lab.serve_zap();
        Socket server = lab.socket(ZMQ_ROUTER);
        server.curve_server(server_keys);
        server.set(ZMQ_ROUTER_MANDATORY, 1);
        Monitor monitor = lab.monitor(server, ZMQ_EVENT_DISCONNECTED);
        Socket publisher = lab.socket(ZMQ_XPUB);
        publisher.curve_server(server_keys);
        publisher.set(ZMQ_XPUB_VERBOSE, 1);
        const std::string text = server.bind() + " " + publisher.bind();
        REQUIRE(::write(endpoints.write_end, text.data(), text.size()) == static_cast<ssize_t>(text.size()));

        const auto first = lab.wait_message(server);
        REQUIRE(first);
        CHECK(first->descriptor >= 0);
        const auto subscribed = lab.wait_message(publisher);
        REQUIRE(subscribed);
        CHECK(subscribed->frames.at(0) == std::string("\1~me"));
        CHECK(subscribed->user_ids.at(0) == "somebody");

        CHECK(server.send({first->frames[0], "are you there"}) == 0);
        const auto killed_at = Clock::now();
        REQUIRE(::kill(child, SIGKILL) == 0);
        const auto gone = lab.wait_for(monitor, ZMQ_EVENT_DISCONNECTED);
        REQUIRE(gone);
        CHECK(static_cast<int>(gone->value) == first->descriptor);
        const auto unsubscribed = lab.wait_message(publisher);
        REQUIRE(unsubscribed);
        CHECK(Clock::now() - killed_at < at_once);
        CHECK(unsubscribed->frames.at(0) == std::string("\0~me", 4));
        CHECK(unsubscribed->user_ids.at(0) == "");

        const auto last_words = lab.wait_message(server);
        REQUIRE(last_words);
        CHECK(last_words->frames.at(1) == "second");
        // Only when its end has been read, too.
        CHECK(lab.until([&] {
            CHECK(!server.receive());
            return server.send({first->frames[0], "are you there"}) == EHOSTUNREACH;
        }));
        CHECK(Clock::now() - killed_at < at_once);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
}

TEST_CASE("a killed server is told to a DEALER by its monitor at once") {
    const Keys server_keys, client_keys;
    Pipe endpoint;
    const pid_t child = fork_peer([&] {
        void* context = zmq_ctx_new();
        auto* server = new Socket(context, ZMQ_ROUTER);
        server->curve_server(server_keys);
        const auto text = server->bind();
        if (::write(endpoint.write_end, text.data(), text.size()) < 0) ::_exit(1);
    });
    std::string text(256, '\0');
    text.resize(static_cast<std::size_t>(::read(endpoint.read_end, text.data(), text.size())));
    {
        Lab lab;
        Socket client = lab.socket(ZMQ_DEALER);
        client.curve_client(client_keys, server_keys);
        Monitor monitor = lab.monitor(client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
        client.connect(text);
        REQUIRE(lab.wait_for(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED));
        const auto killed_at = Clock::now();
        REQUIRE(::kill(child, SIGKILL) == 0);
        REQUIRE(lab.wait_for(monitor, ZMQ_EVENT_DISCONNECTED));
        CHECK(Clock::now() - killed_at < at_once);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
}

TEST_CASE("a DEALER with IMMEDIATE takes nothing before the handshake is done, and everything after") {
    Lab lab;
    lab.serve_zap();
    const Keys server_keys, client_keys;
    Socket server = lab.socket(ZMQ_ROUTER);
    server.curve_server(server_keys);
    const auto endpoint = server.bind();
    Socket client = lab.socket(ZMQ_DEALER);
    client.curve_client(client_keys, server_keys);
    client.set(ZMQ_IMMEDIATE, 1);
    Monitor monitor = lab.monitor(client, ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    client.connect(endpoint);
    CHECK(client.send({"too early"}) == EAGAIN);
    REQUIRE(lab.wait_for(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED));
    client.events();  // a send alone may not look at the I/O thread's news
    CHECK(client.send({"in time"}) == 0);
    const auto message = lab.wait_message(server);
    REQUIRE(message);
    CHECK(message->frames.at(1) == "in time");
}

TEST_CASE("what a DEALER has not read when its connection ends is lost with IMMEDIATE, and kept without") {
    const Keys server_keys, client_keys;
    for (const bool immediate : {false, true}) {
        Lab lab;
        lab.serve_zap();
        Socket client = lab.socket(ZMQ_DEALER);
        client.curve_client(client_keys, server_keys);
        client.set(ZMQ_IMMEDIATE, immediate ? 1 : 0);
        client.set(ZMQ_RECONNECT_IVL, 3'600'000);
        Monitor monitor = lab.monitor(client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
        {
            Socket server = lab.socket(ZMQ_ROUTER);
            server.curve_server(server_keys);
            client.connect(server.bind());
            REQUIRE(lab.wait_for(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED));
            client.events();
            REQUIRE(client.send({"hello"}) == 0);
            const auto hello = lab.wait_message(server);
            REQUIRE(hello);
            REQUIRE(server.send({hello->frames[0], "goodbye"}) == 0);
            server.set(ZMQ_LINGER, 2'000);
        }
        REQUIRE(lab.wait_for(monitor, ZMQ_EVENT_DISCONNECTED));
        // The event precedes the news to the socket by a moment; without the news there is nothing to see.
        if (immediate) lab.until([&] { return (client.events() & ZMQ_POLLOUT) == 0; });
        CHECK(client.receive().has_value() == !immediate);
    }
}

TEST_CASE("a frame above MAXMSGSIZE ends the connection and is never delivered") {
    Lab lab;
    lab.serve_zap();
    const Keys server_keys, client_keys;
    Socket server = lab.socket(ZMQ_ROUTER);
    server.curve_server(server_keys);
    const std::int64_t most = 1000;
    REQUIRE(zmq_setsockopt(server.get(), ZMQ_MAXMSGSIZE, &most, sizeof most) == 0);
    Monitor monitor = lab.monitor(server, ZMQ_EVENT_DISCONNECTED);
    const auto endpoint = server.bind();
    Socket client = lab.socket(ZMQ_DEALER);
    client.curve_client(client_keys, server_keys);
    client.connect(endpoint);
    client.send({std::string(900, 'x')});
    REQUIRE(lab.wait_message(server));
    client.send({std::string(1001, 'x')});
    CHECK(lab.wait_for(monitor, ZMQ_EVENT_DISCONNECTED));
    CHECK(!server.receive());
}

TEST_CASE("5,000 junk connections do not freeze a socket whose monitor end is unbounded and read late") {
    Lab lab;
    lab.serve_zap();
    const Keys server_keys, client_keys;
    Socket server = lab.socket(ZMQ_ROUTER);
    server.curve_server(server_keys);
    Monitor monitor = lab.monitor(server, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_ACCEPT_FAILED);
    const auto endpoint = server.bind();
    for (int i = 0; i < 5'000; ++i) {
        const auto junk = tcp_connect(endpoint);
        ::send(junk.number, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL);
        // A bounded number at a time, so that the test needs no thousands of descriptors of its own.
        if (i % 100 == 99) lab.until([] { return false; }, 1ms);
    }
    Socket client = lab.socket(ZMQ_DEALER);
    client.curve_client(client_keys, server_keys);
    client.connect(endpoint);
    client.send({"still there?"});
    CHECK(lab.wait_message(server, 20s));
    int ended = 0;
    while (const auto event = monitor.next()) ended += event->kind == ZMQ_EVENT_DISCONNECTED ? 1 : 0;
    CHECK(ended > 1'000);
}

TEST_CASE("LINGER may be set after connect: the last words of a closed socket still arrive") {
    Lab lab;
    lab.serve_zap();
    const Keys server_keys, client_keys;
    Socket server = lab.socket(ZMQ_ROUTER);
    server.curve_server(server_keys);
    const auto endpoint = server.bind();
    {
        Socket client = lab.socket(ZMQ_DEALER);
        client.curve_client(client_keys, server_keys);
        client.connect(endpoint);
        client.send({"goodbye"});
        client.set(ZMQ_LINGER, 2'000);
    }
    const auto message = lab.wait_message(server);
    REQUIRE(message);
    CHECK(message->frames.at(1) == "goodbye");
}

}  // namespace
}  // namespace mco::facts
