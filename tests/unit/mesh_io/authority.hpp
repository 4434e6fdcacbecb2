#pragma once

#include <string>

#include "proto/messages.hpp"
#include "security/hello.hpp"
#include "security/trust_store.hpp"

namespace mco::test {

// A root that signs whatever a test wants: each has its own key, and strangers come from another one.
class Authority {
 public:
    Authority();

    struct Wish {
        std::string name;
        proto::CertificateRole role = proto::CertificateRole::node;
        proto::Duration begins = -std::chrono::hours(1);  // from now
        proto::Duration ends = std::chrono::hours(1);
    };
    security::Identity issue(const Wish& wish) const;
    security::Identity node(const std::string& name) const { return issue({.name = name}); }
    security::Identity caller(const std::string& name) const {
        return issue({.name = name, .role = proto::CertificateRole::caller});
    }
    security::TrustStore trust() const;
    proto::Bytes revocations(std::vector<proto::Serial> serials, std::uint64_t number = 1) const;  // packed list

 private:
    security::SignPair keys_;
    proto::Certificate root_;
    proto::Serial serial_{};
};

}  // namespace mco::test
