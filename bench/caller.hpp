#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mesh/core/effect.hpp"
#include "mesh/io/dial_link.hpp"
#include "proto/ledger.hpp"
#include "proto/messages.hpp"
#include "security/collective_key.hpp"
#include "security/hello.hpp"
#include "security/pair_keys.hpp"
#include "security/trust_store.hpp"

namespace mco::bench {

// What a client configuration says of a caller, and nothing else of it.
struct CallerFiles {
    std::filesystem::path certificate, secret_keys, trust, collective_key, revocations;
    std::vector<mesh::Address> entries;
    static proto::Result<CallerFiles> read(const std::filesystem::path& config);
};

struct CallerRequest {
    std::string agent = "rpcutil", action = "ping", collective = "mcollective";
    proto::Value::Map arguments;
    proto::Filter filter;
    std::chrono::milliseconds timeout{10'000};

    // By so many octets, by names that nobody has beside one expression that means everybody: the same answer.
    void lengthen(std::size_t octets);
};

// One request as its caller saw it; times from the intended start.
struct Round {
    using Time = std::chrono::nanoseconds;
    bool closed = false;
    Time sent{};                // signed and handed to libzmq
    Time sign{};                // of that, making and signing
    std::optional<Time> acknowledged;
    std::vector<Time> replies;  // opened, in the order of coming
    Time last{};                // the account was closed
    Time opening{};             // spent in opening all replies
    proto::Ledger ledger;
    std::size_t unreadable = 0;
    std::size_t request_octets = 0, reply_octets = 0;  // sealed; all replies together
};

// A caller that stays: one link to one entry, as many requests as it likes, several at a time. It signs, opens and checks what the client
// does, over the same link. An entry that takes no requests names others, and the first that can be dialled is taken. One thread.
class Caller {
 public:
    static proto::Result<std::unique_ptr<Caller>> open(const CallerFiles& files);

    // Dials and waits for the link; then attach() says how long that took.
    proto::Result<void> attach(std::chrono::milliseconds patience);
    std::chrono::nanoseconds attached_in() const { return attached_in_; }
    const std::string& entry() const { return entry_; }

    // Starts a request that was due at `intended`.
    proto::Result<void> start(const CallerRequest& request, std::chrono::steady_clock::time_point intended);
    // Waits at most so long and takes what came. `descriptor` ends the wait as well.
    proto::Result<void> wait(std::chrono::milliseconds longest, int descriptor);
    std::vector<Round> take_done() { return std::exchange(done_, {}); }
    std::size_t outstanding() const { return open_.size(); }
    std::vector<Round> abandon();  // what is outstanding, as far as it came

 private:
    struct Open {
        Round round;
        std::chrono::steady_clock::time_point intended;
        proto::Digest digest{};
        proto::Bytes sealed;
        std::uint8_t attempt = 1;
        std::chrono::milliseconds timeout{};
        std::size_t taken = 0;  // octets that no credit was given for yet
    };
    Caller() = default;
    proto::Result<void> dial(const mesh::Address& entry, std::chrono::milliseconds patience);
    void inject(Open& open);
    proto::Result<void> hear(const proto::Message& message);
    void hear_up(const proto::Up& up);
    proto::Result<void> hear_redirect(const proto::Redirect& redirect);

    security::Identity self_;
    std::optional<security::TrustStore> trust_;
    security::SealPair reply_pair_ = security::make_seal_pair();  // as an mco has one for a session
    security::PairKeys reply_keys_{reply_pair_.secret, 65'536};
    security::CollectiveKeys keys_;
    std::vector<mesh::Address> entries_;
    std::string entry_;
    std::size_t redirects_ = 0;
    std::chrono::nanoseconds attached_in_{};
    mesh::io::Context context_;
    std::unique_ptr<mesh::io::DialLink> link_;
    std::map<proto::RequestId, Open> open_;
    std::vector<Round> done_;
};

}  // namespace mco::bench
