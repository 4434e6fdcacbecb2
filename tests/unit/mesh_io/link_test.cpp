// A dialled link against a real host: who gets in, who does not, and what the person at the other end reads.

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <string>

#include <doctest/doctest.h>

#include "mesh/io/socket.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/entropy.hpp"
#include "tests/hostile/wire.hpp"
#include "tests/unit/mesh_io/rig.hpp"

namespace mco::test {
namespace {

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Something that listens and is no mco node. Port 0 is for the kernel to choose: nothing else is decided by it here.
class Listener {
 public:
    Listener() : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(descriptor_, 16) == 0);
        REQUIRE(::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        endpoint = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    ~Listener() {
        if (accepted_ >= 0) ::close(accepted_);
        ::close(descriptor_);
    }
    void accept_and_say(const std::string& text) {
        accepted_ = ::accept(descriptor_, nullptr, nullptr);
        REQUIRE(::send(accepted_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }
    // Everything that was said to us, until the other side closed or `longest` has passed without a word.
    std::string hear() {
        std::string heard;
        timeval longest{.tv_sec = 5};
        REQUIRE(::setsockopt(accepted_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest) == 0);
        std::string part(4'096, '\0');
        for (;;) {
            const auto size = ::recv(accepted_, part.data(), part.size(), 0);
            if (size <= 0) return heard;
            heard.append(part, 0, static_cast<std::size_t>(size));
        }
    }
    std::string endpoint;

 private:
    int descriptor_;
    int accepted_ = -1;
};

TEST_CASE("a caller with a certificate of our authority is linked, and knows to whom") {
    const Authority authority;
    TestHost host(authority, "web1");
    TestLink caller(authority, authority.caller("alice"), host.address());
    REQUIRE(pump({&host}, {&caller}, [&] { return caller->up(); }));
    CHECK(caller->peer().name == "web1");
    CHECK(!caller->peer_record().empty());
    CHECK(caller->next_deadline() == std::nullopt);
}

TEST_CASE("a certificate of another authority is refused in silence, and the dialler reads a reason") {
    const Authority authority, other;
    TestHost host(authority, "web1");
    TestLink stranger(authority, other.caller("mallory"), host.address(),
                      {.keep_trying = false, .handshake_max = 300ms});
    REQUIRE(pump({&host}, {&stranger}, [&] { return stranger.ended(); }));
    CHECK(says(stranger.why(), "did not answer our HELLO"));
    CHECK(says(stranger.why(), "does not know the authority that signed the certificate of mallory"));
    CHECK(host->counters().refused_hello == 1);
    CHECK(host.linked_members() == 0);
}

TEST_CASE("a node of another authority is not believed by its dialler") {
    const Authority authority, other;
    TestHost host(other, "web1");
    TestLink caller(authority, authority.caller("alice"), host.address(),
                    {.keep_trying = false, .handshake_max = 300ms});
    REQUIRE(pump({&host}, {&caller}, [&] { return caller.ended(); }));
    CHECK(!caller.why().empty());
    CHECK(!caller->up());
}

TEST_CASE("a certificate without its key is refused") {
    const Authority authority;
    TestHost host(authority, "web1");
    auto thief = authority.caller("mallory");
    thief.chain = authority.caller("alice").chain;
    TestLink link(authority, std::move(thief), host.address(), {.keep_trying = false, .handshake_max = 300ms});
    REQUIRE(pump({&host}, {&link}, [&] { return link.ended(); }));
    CHECK(host->counters().refused_hello == 1);
}

TEST_CASE("a certificate with its CURVE key but without its signing key is refused") {
    const Authority authority;
    TestHost host(authority, "web1");
    auto thief = authority.caller("alice");
    thief.keys.sign = security::make_sign_pair();
    TestLink link(authority, std::move(thief), host.address(), {.keep_trying = false, .handshake_max = 300ms});
    REQUIRE(pump({&host}, {&link}, [&] { return link.ended(); }));
    CHECK(host->counters().refused_hello == 1);
    CHECK(host.logged("but not its key"));
}

TEST_CASE("the holder of an expired certificate is told so at once") {
    const Authority authority;
    TestHost host(authority, "web1");
    TestLink link(
        authority,
        authority.issue({.name = "alice", .role = proto::CertificateRole::caller, .begins = -2h, .ends = -1h}),
        host.address());
    REQUIRE(pump(
        {&host}, {&link}, [&] { return link.ended(); }, 3s));
    CHECK(says(link.why(), "expired"));
}

TEST_CASE("a wrong server key is named as such") {
    const Authority authority;
    TestHost host(authority, "web1");
    const mesh::Address wrong{host.address().endpoint, security::make_curve_pair().public_key};
    TestLink link(authority, authority.caller("alice"), wrong);
    REQUIRE(pump(
        {&host}, {&link}, [&] { return link.ended(); }, 3s));
    CHECK(says(link.why(), "its key is not the one configured"));
    CHECK(says(link.why(), wrong.endpoint));
}

TEST_CASE("a port on which nobody listens is named with the reason, at once") {
    const Authority authority;
    std::string endpoint;
    { endpoint = Listener().endpoint; }
    TestLink link(authority, authority.caller("alice"), {endpoint, security::make_curve_pair().public_key});
    REQUIRE(pump(
        {}, {&link}, [&] { return link.ended(); }, 2s));
    CHECK(link.why() == "cannot reach " + endpoint + ": connection refused");
}

TEST_CASE("an ipc socket that is not there is named with the reason") {
    const Authority authority;
    TestLink link(authority, authority.caller("alice"),
                  {"ipc:///nonexistent/mcod.sock", security::make_curve_pair().public_key});
    REQUIRE(pump(
        {}, {&link}, [&] { return link.ended(); }, 2s));
    CHECK(link.why() == "cannot reach ipc:///nonexistent/mcod.sock: there is no such socket");
}

TEST_CASE("an SSH server is not a mco node") {
    const Authority authority;
    Listener listener;
    TestLink link(authority, authority.caller("alice"), {listener.endpoint, security::make_curve_pair().public_key});
    link.service();
    listener.accept_and_say("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n");
    REQUIRE(pump(
        {}, {&link}, [&] { return link.ended(); }, 2s));
    CHECK(says(link.why(), "is not a mco node"));
}

TEST_CASE("a server that says the words of the handshake without the key, or out of turn, is told nothing but CURVE's HELLO") {
    const Authority authority;
    const auto named = [](std::string_view name, std::string_view rest) { return static_cast<char>(name.size()) + std::string(name) + std::string(rest); };
    std::string word;
    SUBCASE("ERROR") { word = framed(Frame::command, named("ERROR", std::string_view("\x03" "400", 4))); }
    SUBCASE("an ERROR that is longer than it is") { word = framed(Frame::command, named("ERROR", "\xff")); }
    SUBCASE("WELCOME in a box of nobody's") { word = framed(Frame::command, named("WELCOME", std::string(160, '\x5a'))); }
    SUBCASE("READY before its time") { word = framed(Frame::command, named("READY", std::string(46, '\x5a'))); }
    SUBCASE("INITIATE, which is a client's") { word = framed(Frame::command, named("INITIATE", std::string(300, '\x5a'))); }
    SUBCASE("MESSAGE") { word = framed(Frame::last, named("MESSAGE", std::string(64, '\x5a'))); }
    SUBCASE("a mebibyte of READY") { word = framed(Frame::command, named("READY", std::string(1 << 20, '\x5a'))); }
    SUBCASE("a command of 2^63 octets") { word = std::string("\x06\x7f\xff\xff\xff\xff\xff\xff\xff\x05READY", 15); }
    Listener listener;
    TestLink link(authority, authority.caller("alice"), {listener.endpoint, security::make_curve_pair().public_key},
                  {.keep_trying = false, .handshake_max = 300ms});
    link.service();
    listener.accept_and_say(greeting("CURVE") + word);
    REQUIRE(pump(
        {}, {&link}, [&] { return link.ended(); }, 3s));
    CHECK(!link->up());
    CHECK(!link.why().empty());
    constexpr std::size_t curve_hello = 64 + 2 + 200;  // the greeting, and a command that holds a fresh key and zeros
    CHECK(listener.hear().size() <= curve_hello);
}

TEST_CASE("a server that accepts and says nothing is given up at the deadline, not before") {
    const Authority authority;
    Listener listener;
    TestLink link(authority, authority.caller("alice"), {listener.endpoint, security::make_curve_pair().public_key},
                  {.keep_trying = false, .handshake_max = 200ms});
    const auto begin = mesh::io::sample_clocks().mono;
    REQUIRE(pump(
        {}, {&link}, [&] { return link.ended(); }, 2s));
    const auto took = mesh::io::sample_clocks().mono - begin;
    CHECK(took >= 200ms);
    CHECK(took < 400ms);
    CHECK(says(link.why(), "did not finish the handshake within 200 ms"));
}

TEST_CASE("garbage on both ports leaves the host as it was") {
    const Authority authority;
    TestHost host(authority, "web1");
    for (const auto& endpoint : {host.address().endpoint, host.fanout_endpoint()}) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
        const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
        REQUIRE(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        const std::string banner = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n" + std::string(1000, '\xff');
        ::send(descriptor, banner.data(), banner.size(), MSG_NOSIGNAL);
        for (int i = 0; i < 20; ++i) host->turn(1ms);
        ::close(descriptor);
    }
    TestLink caller(authority, authority.caller("alice"), host.address());
    CHECK(pump({&host}, {&caller}, [&] { return caller->up(); }));
}

TEST_CASE("a link that was refused is tried again with a fresh socket, and comes up once the reason is gone") {
    const Authority authority;
    TestHost host(authority, "web1");
    auto identity = authority.caller("alice");
    TestLink link(authority, std::move(identity), host.address(),
                  {.first = 10ms, .most = 20ms, .keep_trying = true, .handshake_max = 200ms});
    // Refused for its certificate, as the host sees it.
    const auto serial = link.trust().verify(link.identity().chain, mesh::io::sample_clocks().wall)->serial;
    auto believing = authority.trust();
    REQUIRE(host.trust().adopt(authority.revocations({serial})));
    REQUIRE(pump({&host}, {&link}, [&] { return link->attempts() >= 3; }));
    CHECK(!link->up());
    CHECK(says(link->last_failure().detail, "revoked"));
    host.trust() = std::move(believing);
    CHECK(pump({&host}, {&link}, [&] { return link->up(); }));
}

// A CURVE client below DialLink, to say what DialLink never would.
struct RawClient {
    RawClient(const security::CurvePair& own, const mesh::Address& where) {
        auto opened = mesh::io::Socket::open(context, mesh::io::SocketKind::dealer);
        REQUIRE(opened);
        socket = std::move(*opened);
        mesh::io::become_curve_client(socket, own, where.key);
        REQUIRE(socket.connect(where.endpoint) == 0);
    }
    mesh::io::Context context;
    mesh::io::Socket socket;
};

TEST_CASE("before HELLO nothing else is read, multipart messages never are, and all of it is counted") {
    const Authority authority;
    TestHost host(authority, "web1");
    const auto keys = security::make_curve_pair();
    RawClient raw(keys, host.address());
    const auto ping = proto::encode(proto::Ping{1, 2});
    raw.socket.send({ping});
    REQUIRE(pump({&host}, {}, [&] { return host->counters().before_hello == 1; }));
    raw.socket.send({ping, ping, ping});
    REQUIRE(pump({&host}, {}, [&] { return host->counters().dropped_multipart == 1; }));
    raw.socket.send({proto::Bytes(proto::limits::hello_size_max + 1, 0)});
    REQUIRE(pump({&host}, {}, [&] { return host->counters().before_hello == 2; }));
    CHECK(host->counters().refused_hello == 0);
    // A Hello that is none: the connection is not listened to any more.
    auto hello = proto::encode(proto::Hello{});
    raw.socket.send({hello});
    REQUIRE(pump({&host}, {}, [&] { return host->counters().refused_hello == 1; }));
    raw.socket.send({hello});
    REQUIRE(pump({&host}, {}, [&] { return host->counters().before_hello == 3; }));
    CHECK(host->counters().refused_hello == 1);
}

TEST_CASE("a frame above the limit ends its link only") {
    const Authority authority;
    TestHost host(authority, "web1");
    TestLink first(authority, authority.caller("alice"), host.address());
    TestLink second(authority, authority.caller("bob"), host.address());
    REQUIRE(pump({&host}, {&first, &second}, [&] { return first->up() && second->up(); }));
    CHECK(first->send(proto::Bytes(proto::limits::frame_size_max + 4096, 0)));
    REQUIRE(pump({&host}, {&first, &second}, [&] { return first.ended(); }));
    CHECK(second->up());
}

TEST_CASE("a stranger cannot subscribe") {
    const Authority authority;
    TestHost host(authority, "web1");
    const auto keys = security::make_curve_pair();
    mesh::io::Context context;
    auto opened = mesh::io::Socket::open(context, mesh::io::SocketKind::sub);
    REQUIRE(opened);
    mesh::io::Socket socket = std::move(*opened);
    mesh::io::become_curve_client(socket, keys, host.address().key);
    socket.set(ZMQ_SUBSCRIBE, proto::BytesView());
    const auto refused = host->counters().refused_zap;
    REQUIRE(socket.connect(host.fanout_endpoint()) == 0);
    CHECK(pump({&host}, {}, [&] { return host->counters().refused_zap > refused; }));
    CHECK(host->counters().foreign_topics == 0);
}

TEST_CASE("a port in use is named, with the command that tells by whom") {
    const Authority authority;
    TestHost host(authority, "web1");
    const auto identity = authority.node("web2");
    auto trust = authority.trust();
    mesh::io::Host::Options options;
    options.link_listen = {host.address().endpoint};
    options.fanout_listen = "tcp://127.0.0.1:*";
    options.collectives = {"mcollective"};
    const auto opened = mesh::io::Host::open(options, identity, trust, {});
    REQUIRE(!opened);
    CHECK(says(opened.error().detail, "cannot listen on " + host.address().endpoint + ": the port is in use"));
    CHECK(says(opened.error().detail, "ss -ltnp"));
}

TEST_CASE("a daemon whose own certificate has expired does not start") {
    const Authority authority;
    const auto identity = authority.issue({.name = "web1", .begins = -2h, .ends = -1h});
    auto trust = authority.trust();
    mesh::io::Host::Options options;
    options.link_listen = {"tcp://127.0.0.1:*"};
    options.collectives = {"mcollective"};
    const auto opened = mesh::io::Host::open(options, identity, trust, {});
    REQUIRE(!opened);
    CHECK(says(opened.error().detail, "expired"));
}

}  // namespace
}  // namespace mco::test
