#pragma once

#include <string>
#include <variant>
#include <vector>

#include "mesh/core/engine.hpp"
#include "proto/messages.hpp"
#include "security/trust_store.hpp"

// Private to mesh/io: what must be proved about a frame before the engine sees it. The engine believes its host.
namespace mco::mesh::io {

struct Pass {};  // as it is
struct PassRoster {
    std::vector<Engine::OpenedEntry> entries;
    std::size_t forged = 0;
};  // the records that held
struct Answer {
    proto::Refused refused;
};  // tell the sender, whose key is proved, and drop it
struct DropMalformed {};
struct DropForged {};
using Verdict = std::variant<Pass, PassRoster, Answer, DropMalformed, DropForged>;

// `sender` is the link's verified peer. A request to start must come from its caller over his own link; a passed-on one
// from a peer of the mesh. Everything that is neither request nor roster passes: the engine drops what makes no sense.
Verdict vet(security::TrustStore& trust, const security::Principal& sender, proto::BytesView frame,
            proto::WallTime now);

// A frame of the fan-out plane: only a request of scope local, with signature and certificate of a caller, passes.
Verdict vet_fanout(security::TrustStore& trust, proto::BytesView frame, proto::WallTime now);

}  // namespace mco::mesh::io
