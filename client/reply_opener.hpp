#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "proto/messages.hpp"
#include "proto/time.hpp"
#include "security/envelope.hpp"
#include "security/keys.hpp"
#include "security/pair_keys.hpp"
#include "security/trust_store.hpp"

namespace mco::client {

// Opens the replies of nodes, many at a time on the processors there are: a reply takes about 0.04 ms, and 0.1 ms that of a node
// which is not known yet, so ten thousand would keep one processor busy for a second. A node that replied before in this session costs
// a tenth of that. Used by one thread; its own end with each open(). A node goes to the same thread each time, which knows its
// certificate and the key of the pair from then on.
class ReplyOpener {
 public:
    static constexpr std::size_t threads_max = 8;
    static constexpr std::size_t alone_max = 32;  // so few are opened at once by the caller's own thread
    static constexpr std::chrono::minutes key_life{15};

    // `trust` must outlive it. `processors`: as many threads, at most threads_max.
    ReplyOpener(security::TrustStore& trust, std::size_t processors);
    ~ReplyOpener();

    // What the next request's replies are to be sealed for. The pair is fresh and in memory only; after key_life the next request has
    // another one, and replies to requests before cannot be opened any more.
    const proto::SealPublicKey& reply_key(proto::Instant now);

    struct Asked {
        const proto::RequestId& request;
        const proto::Digest& digest;
    };
    // One for each answer, in their order; empty: it has no octets, or they are no reply of that node's to this request.
    std::vector<std::optional<security::OpenedReply>> open(const Asked& asked, std::span<const proto::Answer> answers,
                                                           proto::WallTime now);

    security::TrustStore& trust() { return trust_; }

 private:
    struct Desk;  // what one thread knows

    security::TrustStore& trust_;
    std::size_t threads_;
    security::SealPair pair_;
    std::optional<proto::Instant> pair_until_;
    std::optional<security::PairKeys> keys_;
    std::vector<std::unique_ptr<Desk>> desks_;  // of the threads; made when they are first needed
};

}  // namespace mco::client
