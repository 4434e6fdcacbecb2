#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"
#include "proto/ids.hpp"
#include "proto/messages.hpp"
#include "proto/time.hpp"
#include "security/ca/authority.hpp"
#include "security/hello.hpp"
#include "security/keys.hpp"

// How a new machine gets its certificate over the network: it knows a token, so does the authority, and nobody else. Octets in,
// octets out; the sockets are in enrolment_link.hpp.
namespace mco::security::ca {

using TokenSecret = Secret<struct TokenSecretTag, 32>;
using TicketId = proto::Id<struct TicketTag, 16>;  // a digest of the token: what the authority knows it by

inline constexpr std::size_t enrolment_frame_max = 512 * 1024;  // an answer carries revocation lists
inline constexpr std::size_t enrolment_ask_max = 4 * 1024;

TokenSecret make_token();
std::string token_text(const TokenSecret& token);  // 64 hexadecimal digits
proto::Result<TokenSecret> parse_token(std::string_view text);

// ---- the machine's side
proto::Bytes ask_to_enrol(const TokenSecret& token, proto::BytesView signing_request);
proto::Bytes ask_to_renew(proto::BytesView signing_request);
struct Enrolled {
    std::string certificate, trust, revocations;  // armoured texts; trust only when enrolling, revocations may be empty
};
// Errors carry the authority's reason. What a stranger could have said in its place says so.
proto::Result<Enrolled> read_enrolled(const TokenSecret& token, proto::BytesView answer);
proto::Result<Enrolled> read_renewed(proto::BytesView answer);

// ---- the authority's side
// A ticket is a file tickets/ID in the authority's folder: name, role, end, and a key that is a digest of the token, which itself is
// nowhere. It goes before the certificate is made, so two machines with one token get one certificate. Every refusal that holds a
// ticket's key is sealed with it; a stranger is told one sentence for everything.
//
// An attacker would try: to guess (256 bits, and ten failures a minute from one address), a token again (the ticket is gone), a
// token for another name or role (bound), an old token (an hour), many connections (enrolment_link bounds them).
class EnrolmentDesk {
 public:
    static constexpr int failures_max = 10;  // of one address within `failures_within`; then it is refused unread
    static constexpr auto failures_within = std::chrono::minutes(1);
    static constexpr std::size_t sources_max = 4'096;

    // The authority must outlive it. `valid`: of the certificates it gives; empty: the role's usual.
    EnrolmentDesk(Authority& authority, std::string valid) : authority_(authority), valid_(std::move(valid)) {}

    struct Answer {
        proto::Bytes frame;
        std::string line;  // what happened, for a log
    };
    Answer answer(proto::BytesView ask, const std::string& source, proto::Now now);

 private:
    struct Failures {
        int count = 0;
        proto::Instant since{};
    };
    proto::Result<Authority::Issued> enrol(const TicketId& id, const proto::Bytes& request, proto::WallTime now);
    proto::Result<Authority::Issued> renew(const proto::Bytes& request, proto::WallTime now);
    bool locked_out(const std::string& source, proto::Instant now);
    void note_failure(const std::string& source, proto::Instant now);

    Authority& authority_;
    std::string valid_;
    std::map<std::string, Failures> failures_;
};

// Writes a ticket and returns its token. `invalid`: a bad name.
proto::Result<TokenSecret> give_ticket(const Authority& authority, std::string_view name, proto::CertificateRole role,
                                       proto::WallTime until);

}  // namespace mco::security::ca
