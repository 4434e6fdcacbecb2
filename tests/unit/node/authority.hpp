#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "node/agent.hpp"
#include "node/call.hpp"
#include "node/data.hpp"
#include "node/registry.hpp"
#include "proto/messages.hpp"
#include "proto/time.hpp"
#include "security/hello.hpp"
#include "security/policy.hpp"
#include "security/trust_store.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::test {

// A moment of the tests: seconds after an arbitrary start, the same on both clocks.
proto::Now at(std::chrono::microseconds since_start);

// A root with real keys, in memory. Certificates hold from an hour before at(0s) to an hour after.
class Authority {
 public:
    Authority();
    security::TrustStore trust() const;
    void revoke(security::TrustStore& trust, const proto::Serial& serial) const;
    const proto::Certificate& root() const { return certificate_; }
    security::Identity issue(std::string_view name, proto::CertificateRole role) const;
    // As `issue`, with the body changed before it is signed.
    template <typename Change>
    security::Identity issue(std::string_view name, proto::CertificateRole role, Change change) const {
        auto identity = blank(name, role);
        proto::CertificateBody body = body_for(identity);
        change(body);
        return signed_with(std::move(identity), body);
    }

 private:
    static security::Identity blank(std::string_view name, proto::CertificateRole role);
    proto::CertificateBody body_for(const security::Identity& identity) const;
    security::Identity signed_with(security::Identity identity, const proto::CertificateBody& body) const;

    security::SignPair key_;
    proto::Certificate certificate_;
    proto::Serial serial_;
};

// A request as mco makes it; every field may be changed before it is sealed.
struct Asked {
    proto::Route route;
    proto::RequestBody body;
    security::SealPair reply_pair;

    proto::Bytes sealed(const security::Identity& caller) const;
};
Asked ask(const security::Identity& caller, std::string_view agent, std::string_view action,
          proto::Value::Map arguments = {});

// An agent that does what the test says. Its DDL: actions "look" (input `word`, a string of letters, at most 5; output
// `seen`, default "nothing") and "change"; timeout 10 s.
class Probe final : public node::Agent {
 public:
    std::string_view name() const override { return "probe"; }
    node::ActionReply run(const node::Call& call, std::stop_token stop) override { return work(call, std::move(stop)); }
    Effect effect(std::string_view action) const override {
        return action == "change" ? Effect::changes : Effect::reads;
    }

    bool at_once(std::string_view) const override { return quick; }

    bool quick = false;
    std::function<node::ActionReply(const node::Call&, std::stop_token)> work = [](const node::Call&, std::stop_token) {
        return node::ActionReply{};
    };
};

// A folder with the DDLs of the probe and of the shipped agents and data sources.
class Libdir {
 public:
    Libdir();
    const std::filesystem::path& path() const { return dir_.path(); }
    void write(std::string_view agent, std::string_view json) const;
    void write_data(std::string_view source, std::string_view json) const;
    std::shared_ptr<const node::DataSources> data() const;

 private:
    TempDir dir_;
};

// Everything admission decides upon, with sound defaults: node web1 with the probe, and a policy that lets alice look.
struct House {
    House();
    Authority authority;
    security::Identity node = authority.issue("web1", proto::CertificateRole::node);
    security::Identity alice = authority.issue("alice", proto::CertificateRole::caller);
    security::TrustStore trust = authority.trust();
    Libdir libdir;
    TempDir policies;
    Probe probe;
    node::Registry registry{{&probe}};
    std::shared_ptr<node::NodeView> view = std::make_shared<node::NodeView>();
    security::Policy policy;

    security::Policy read_policy(std::string_view probe_policy) const;
};

}  // namespace mco::test
