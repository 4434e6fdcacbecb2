#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "mesh/core/effect.hpp"
#include "proto/error.hpp"
#include "security/hello.hpp"
#include "security/trust_store.hpp"

namespace mco::bench {

// Everything on disk that an emulated fleet and its operator need: a throw-away authority, the operator's keys and client
// configuration, and what nodes read (facts, classes, policies). A folder of its own making goes with it; one that was
// named stays. One thread.
class Estate {
 public:
    // `folder` empty: a new one under /tmp. A folder that is there already is refused: its keys would not be ours.
    static proto::Result<std::unique_ptr<Estate>> make(std::filesystem::path folder);
    ~Estate();
    Estate(const Estate&) = delete;
    Estate& operator=(const Estate&) = delete;

    security::Identity issue(const std::string& name, proto::CertificateRole role) const;
    security::TrustStore trust() const;

    // Facts that differ from node to node and follow from its number and `seed` alone; one of them, `filler`, has so many octets.
    struct Traits {
        std::filesystem::path facts, classes;
    };
    proto::Result<Traits> write_traits(const std::string& name, std::size_t number, std::uint64_t seed,
                                       std::size_t filler) const;
    proto::Result<void> write_client(const std::vector<mesh::Address>& entries) const;
    // NAME.key and NAME.cert, as a daemon of its own reads them.
    proto::Result<void> write_identity(const security::Identity& identity) const;

    std::filesystem::path policies() const { return folder_ / "policies"; }
    std::filesystem::path folder() const { return folder_; }
    std::filesystem::path client_config() const { return folder_ / "client.cfg"; }

 private:
    enum class Kept { no, yes };
    Estate(std::filesystem::path folder, Kept kept) : folder_(std::move(folder)), kept_(kept) {}
    proto::Result<void> furnish();

    std::filesystem::path folder_;
    Kept kept_;
    security::SignPair root_keys_;
    proto::Serial serial_{};
    proto::Certificate root_;
};

}  // namespace mco::bench
