#pragma once

#include <memory>

#include "proto/messages.hpp"

namespace mco::mesh {

// A peer's verified word about itself, and the octets that prove it. Never changed: whoever holds it may share it.
struct Record {
    proto::PeerRecordBody body;
    proto::Bytes sealed;  // packed SealedRecord
};
using SharedRecord = std::shared_ptr<const Record>;

}  // namespace mco::mesh
