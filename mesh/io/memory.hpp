#pragma once

#include "mesh/core/engine.hpp"
#include "proto/bytes.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"
#include "security/trust_store.hpp"

// Private to mesh/io: an engine's memory as octets for a file. Whoever can write that file can at most make this node name somebody as
// missing for a while: records are verified again when they are read, and states are hearsay.
namespace mco::mesh::io {

proto::Bytes pack_memory(const Engine::Memory& memory, proto::WallTime now);

// What cannot be verified any more is left out. `invalid`: these are not octets of pack_memory().
proto::Result<Engine::Memory> unpack_memory(security::TrustStore& trust, proto::BytesView octets, proto::WallTime now);

}  // namespace mco::mesh::io
