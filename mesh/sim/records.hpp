#pragma once

#include <string_view>
#include <unordered_map>

#include "mesh/core/record.hpp"

namespace mco::mesh::sim {

// One object for each word of a peer, whoever receives it how often: a hundred thousand engines share their records.
// Nothing is forgotten. Words that are equal in (peer, incarnation, sequence) are equal in their octets, as only their owner
// makes them.
class Records {
 public:
    SharedRecord intern(const proto::PeerRecordBody& body);
    SharedRecord intern(const proto::Bytes& sealed);  // nothing if it cannot be read
    std::size_t size() const { return known_.size(); }

 private:
    std::unordered_map<std::string_view, SharedRecord> known_;  // by the octets that the record itself holds
};

}  // namespace mco::mesh::sim
