#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "node/config.hpp"
#include "proto/time.hpp"
#include "security/collective_key.hpp"
#include "security/hello.hpp"
#include "security/trust_store.hpp"

namespace mco::node {

// Who this node is and whom it believes, as its files say. Not copyable: it holds the secrets.
struct Credentials {
    security::Identity identity;
    security::TrustStore trust;
    proto::WallTime not_after{};  // of our own certificate
    security::CollectiveKeys keys;
};

// Where the lists are kept that came over the mesh; empty: nowhere.
std::filesystem::path kept_revocations(const Config& config);

// Reads keys, certificate and trust file, and judges them as others will: keys and certificate belong together, the chain
// holds under our own roots now, it is a node's (a proxy's for a proxy), it bears the configured identity and allows the configured collectives.
// What is wrong goes to `problems`, one sentence each with the next step; empty result: there was something.
std::optional<Credentials> load_credentials(const Config& config, proto::WallTime now,
                                            std::vector<std::string>& problems);

}  // namespace mco::node
