#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "mesh/io/socket.hpp"
#include "proto/time.hpp"
#include "security/link_gate.hpp"

// Private to mesh/io.
namespace mco::mesh::io {

class ZapPlace;

// The desk at which libzmq asks whether a CURVE handshake may complete: one for a context, with a place for each host.
// Bound before the first server socket and closed after the last: without it libzmq admits everybody. Served by the
// reactor, so the gates need no lock.
//
// A peer whose HELLO is under way may already knock at the fan-out socket: the acceptor is sure of the dialler half a round
// trip before the dialler is sure of the acceptor. "Not now" would cost it a whole handshake timer, so its question is kept
// until the HELLO is decided, or for a second. How many are kept is bounded; beyond, the answer is "not now".
class ZapDesk {
 public:
    static proto::Result<ZapDesk> open(const Context& context);

    bool service(proto::Now now);  // a bounded number of questions, and settle(); true: there may be more
    void settle(proto::Now now);   // answers kept questions whose time has come
    std::optional<proto::Instant> next_deadline() const;
    void* handle() const { return socket_.handle(); }
    int descriptor() const { return socket_.descriptor(); }
    bool drained() { return socket_.drained(); }

 private:
    friend class ZapPlace;
    struct Question {
        std::vector<proto::Bytes> envelope;  // routing frames, the last of them empty
        proto::Bytes id;
        proto::CurvePublicKey key{};
        std::string address;
        proto::Instant until{};
        ZapPlace* place = nullptr;  // null: nobody's domain
    };
    ZapDesk() = default;
    void on_question(proto::Now now, const Received& received);
    void answer(const Question& question, security::LinkGate::Answer answer);

    Socket socket_;
    std::unordered_map<std::string, ZapPlace*> places_;  // by their number, as text
    std::uint64_t places_so_far_ = 0;
    std::vector<Question> kept_;
};

// One host's place at the desk. The domains of its server sockets bear its number, so each question finds its gate.
class ZapPlace {
 public:
    ZapPlace(ZapDesk& desk, security::LinkGate& gate);  // both must outlive it
    ~ZapPlace();
    ZapPlace(const ZapPlace&) = delete;
    ZapPlace& operator=(const ZapPlace&) = delete;

    struct Doorman {
        std::function<bool()> full;                                  // no room for another link
        std::function<bool(const proto::CurvePublicKey&)> greeting;  // a HELLO with that key is under way
    };
    void employ(Doorman doorman) { doorman_ = std::move(doorman); }
    std::string domain(security::LinkGate::Plane plane) const;  // for become_curve_server()

    std::uint64_t refused() const { return refused_; }
    // The key last turned away at the fan-out socket; for the self-test at start.
    const proto::CurvePublicKey& last_refused_at_fanout() const { return last_refused_; }

 private:
    friend class ZapDesk;
    ZapDesk& desk_;
    security::LinkGate& gate_;
    std::string number_;
    Doorman doorman_;
    std::size_t kept_ = 0;  // questions
    std::uint64_t refused_ = 0;
    proto::CurvePublicKey last_refused_{};
};

}  // namespace mco::mesh::io
