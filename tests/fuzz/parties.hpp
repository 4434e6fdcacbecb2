#pragma once

#include "proto/messages.hpp"
#include "security/hello.hpp"
#include "security/trust_store.hpp"

// A root, a node, a second node and a caller whose keys and certificates never change, so that an input means the same in
// every run. The secrets are here for everybody to read and protect nothing.
namespace mco::fuzz {

// Everybody's certificate holds at this moment.
proto::WallTime now();

struct Parties {
    proto::Certificate root;
    security::Identity web1, web2, alice;
    security::SealPair reply_pair;

    Parties();
    security::TrustStore trust() const;
    proto::Bytes record(const security::Identity& owner) const;
};

}  // namespace mco::fuzz
