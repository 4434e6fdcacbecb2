#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mesh/io/dial_link.hpp"
#include "mesh/io/host.hpp"
#include "tests/unit/mesh_io/authority.hpp"

namespace mco::test {

using namespace std::chrono_literals;
using mesh::io::DialLink;

// A host on loopback ports of its own choice, whose agent answers everything at once.
class TestHost {
 public:
    TestHost(const Authority& authority, const std::string& name, std::vector<mesh::Address> seeds = {},
             std::vector<std::string> listen = {"tcp://127.0.0.1:*"}, proto::Bytes memory = {},
             mesh::io::Venue* venue = nullptr);

    mesh::io::Host& operator*() { return *host_; }
    mesh::io::Host* operator->() { return host_.get(); }
    mesh::Address address() const { return {host_->link_endpoints().at(0), identity_.keys.curve.public_key}; }
    const security::Identity& identity() const { return identity_; }
    std::string fanout_endpoint() const;  // as its record tells others
    std::size_t linked_members() const;
    const std::vector<std::string>& log() const { return log_; }
    bool logged(const std::string& part) const;
    std::size_t performed() const { return performed_; }
    security::TrustStore& trust() { return trust_; }
    void destroy() { host_.reset(); }

 private:
    void perform(proto::Now now, const proto::RequestId& request, const proto::Bytes& sealed);

    security::Identity identity_;
    security::TrustStore trust_;
    std::vector<std::string> log_;
    std::size_t performed_ = 0;
    std::unique_ptr<mesh::io::Host> host_;
};

// A link of a caller or of a raw peer, and all it has said.
class TestLink {
 public:
    TestLink(const Authority& authority, security::Identity identity, const mesh::Address& where,
             DialLink::Retry retry = {.keep_trying = false});

    void service();
    DialLink& operator*() { return *link_; }
    DialLink* operator->() { return link_.get(); }
    std::string why() const;  // of the last down or gone
    bool ended() const;
    std::vector<proto::Message> messages() const;
    const security::Identity& identity() const { return identity_; }
    security::TrustStore& trust() { return trust_; }

    std::vector<DialLink::Event> events;

 private:
    security::Identity identity_;
    security::TrustStore trust_;
    mesh::io::Context context_;
    std::unique_ptr<DialLink> link_;
};

// Turns everybody until the condition holds; false after `limit`.
bool pump(const std::vector<TestHost*>& hosts, const std::vector<TestLink*>& links, const std::function<bool()>& holds,
          std::chrono::milliseconds limit = 10s);

// A signed request of a caller and what is needed to open the replies.
struct TestRequest {
    security::SealPair reply_pair;
    proto::RequestId id{};
    proto::Bytes sealed;
    proto::Bytes inject;  // the frame
};
TestRequest make_request(const security::Identity& caller);

}  // namespace mco::test
