#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mesh/io/socket.hpp"
#include "proto/time.hpp"
#include "security/link_gate.hpp"

// Private to mesh/io.
namespace mco::mesh::io {

// The desk at which libzmq asks whether a CURVE handshake may complete. Bound before the first server socket and closed
// after the last: without it libzmq admits everybody. Served by the reactor, so the gate needs no lock.
//
// A peer whose HELLO is under way may already knock at the fan-out socket: the acceptor is sure of the dialler half a round
// trip before the dialler is sure of the acceptor. "Not now" would cost it a whole handshake timer, so its question is kept
// until the HELLO is decided, or for a second. How many are kept is bounded; beyond, the answer is "not now".
class ZapDesk {
 public:
    struct Doorman {
        std::function<bool()> full;                                  // no room for another link
        std::function<bool(const proto::CurvePublicKey&)> greeting;  // a HELLO with that key is under way
    };
    static proto::Result<ZapDesk> open(const Context& context,
                                       security::LinkGate& gate);  // `gate` must outlive the desk
    void employ(Doorman doorman) { doorman_ = std::move(doorman); }

    void service(proto::Now now, std::size_t questions_max);
    void settle(proto::Now now);  // answers kept questions whose time has come
    std::optional<proto::Instant> next_deadline() const;
    void* handle() const { return socket_.handle(); }

    std::uint64_t refused() const { return refused_; }
    // The key last turned away at the fan-out socket; for the self-test at start.
    const proto::CurvePublicKey& last_refused_at_fanout() const { return last_refused_; }

 private:
    struct Question {
        std::vector<proto::Bytes> envelope;  // routing frames, the last of them empty
        proto::Bytes id;
        proto::CurvePublicKey key{};
        std::string address;
        proto::Instant until{};
    };
    explicit ZapDesk(security::LinkGate& gate) : gate_(&gate) {}
    void on_question(proto::Now now, const Received& received);
    void answer(const Question& question, security::LinkGate::Answer answer);

    security::LinkGate* gate_;
    Doorman doorman_;
    Socket socket_;
    std::vector<Question> kept_;
    std::uint64_t refused_ = 0;
    proto::CurvePublicKey last_refused_{};
};

inline constexpr std::string_view link_domain = "link";
inline constexpr std::string_view fanout_domain = "fanout";

}  // namespace mco::mesh::io
