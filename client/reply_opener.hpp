#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "proto/messages.hpp"
#include "proto/time.hpp"
#include "security/envelope.hpp"
#include "security/keys.hpp"
#include "security/trust_store.hpp"

namespace mco::client {

// Opens the replies of nodes, many at a time on the processors there are: a reply takes about 0.04 ms, and 0.1 ms that of a node
// which is not known yet, so ten thousand would keep one processor busy for a second. Used by one thread; its own end with each
// open(). A node goes to the same thread each time, whose trust store knows its certificate from then on.
class ReplyOpener {
 public:
    static constexpr std::size_t threads_max = 8;
    static constexpr std::size_t alone_max = 32;  // so few are opened at once by the caller's own thread

    // `trust` must outlive it. `processors`: as many threads, at most threads_max.
    ReplyOpener(security::TrustStore& trust, std::size_t processors);

    struct Asked {
        const security::SealPair& reply_pair;
        const proto::RequestId& request;
        const proto::Digest& digest;
    };
    // One for each answer, in their order; empty: it has no octets, or they are no reply of that node's to this request.
    std::vector<std::optional<security::OpenedReply>> open(const Asked& asked, std::span<const proto::Answer> answers,
                                                           proto::WallTime now);

    security::TrustStore& trust() { return trust_; }

 private:
    security::TrustStore& trust_;
    std::size_t threads_;
    std::vector<security::TrustStore> stores_;  // of the threads; made when they are first needed
};

}  // namespace mco::client
