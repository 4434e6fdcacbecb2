#pragma once

#include <functional>
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
struct PassGroups {
    std::vector<Engine::OpenedGroup> groups;
    std::size_t forged = 0;
};  // all groups, each with the gateways whose records held
struct Answer {
    proto::Refused refused;
};  // tell the sender, whose key is proved, and drop it
struct DropMalformed {};
struct DropForged {};
using Verdict = std::variant<Pass, PassRoster, PassGroups, Answer, DropMalformed, DropForged>;

// `sender` is the link's verified peer. A request to start must come from its caller over his own link; a passed-on one
// from a peer of the mesh, as everything that only peers say to each other. The rest passes: the engine drops what makes
// no sense.
//
// `known` gives the record that is held of a peer, or null. Gossip brings each record once from every relay: one of the same octets is
// shared, and its signature, which was checked when it was new, costs nothing again. Its certificate is judged anew all the same.
using KnownRecord = std::function<SharedRecord(const proto::PeerId&)>;
Verdict vet(security::TrustStore& trust, const security::Principal& sender, proto::BytesView frame,
            proto::WallTime now, const KnownRecord& known = {});

// A frame of the fan-out plane: IHave, and a request of scope local or deliver with a caller's signature and certificate.
Verdict vet_fanout(security::TrustStore& trust, proto::BytesView frame, proto::WallTime now);

}  // namespace mco::mesh::io
