#include "tests/unit/node/authority.hpp"

#include <fstream>
#include <iterator>
#include <utility>

#include <doctest/doctest.h>

#include "security/certificate.hpp"
#include "security/entropy.hpp"
#include "security/revocation.hpp"
#include "security/envelope.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;

constexpr proto::WallTime start_of_time{proto::Duration(1'800'000'000'000'000)};

constexpr std::string_view probe_ddl = R"({
  "metadata": {"name": "probe", "description": "for tests", "author": "a", "license": "l", "version": "1.0", "url": "u", "timeout": 10},
  "actions": [
    {"action": "look", "description": "looks", "display": "always",
     "input": {"word": {"prompt": "p", "description": "d", "type": "string", "optional": true, "validation": "^[a-z]+$", "maxlength": 5}},
     "output": {"seen": {"description": "d", "display_as": "Seen", "default": "nothing"}}},
    {"action": "change", "description": "changes", "display": "always", "input": {}, "output": {}}
  ]
})";

std::string text_of(const std::filesystem::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

template <typename T>
T must(proto::Result<T> result) {
    REQUIRE_MESSAGE(result.has_value(), result.error().detail);
    return std::move(*result);
}

}  // namespace

proto::Now at(std::chrono::microseconds since_start) {
    return {proto::Instant(1'000s + since_start), start_of_time + since_start};
}

Authority::Authority() {
    security::entropy::start();
    key_ = security::make_sign_pair();
    serial_ = security::entropy::fresh<proto::Serial>();
    proto::CertificateBody body;
    body.authority = serial_;
    body.serial = serial_;
    body.role = proto::CertificateRole::root;
    body.name = "root";
    body.sign_key = key_.public_key;
    body.not_before = at(-2h).wall;
    body.not_after = at(2h).wall;
    body.issuer = serial_;
    certificate_ = must(security::sign_certificate(key_.secret, body));
}

void Authority::revoke(security::TrustStore& trust, const proto::Serial& serial) const {
    const auto list = must(security::seal_revocations(key_.secret, {.authority = serial_, .number = 1, .made = at(0s).wall, .serials = {serial}}));
    must(trust.adopt(list));
}

security::TrustStore Authority::trust() const { return must(security::TrustStore::make({certificate_})); }

security::Identity Authority::issue(std::string_view name, proto::CertificateRole role) const {
    return issue(name, role, [](proto::CertificateBody&) {});
}

security::Identity Authority::blank(std::string_view name, proto::CertificateRole role) {
    security::Identity identity;
    identity.keys = security::make_key_set();
    identity.peer = security::peer_id(identity.keys.sign.public_key);
    identity.name = name;
    identity.role = role;
    return identity;
}

proto::CertificateBody Authority::body_for(const security::Identity& identity) const {
    proto::CertificateBody body;
    body.authority = serial_;
    body.serial = security::entropy::fresh<proto::Serial>();
    body.role = identity.role;
    body.name = identity.name;
    body.sign_key = identity.keys.sign.public_key;
    body.curve_key = identity.keys.curve.public_key;
    body.seal_key = identity.keys.seal.public_key;
    body.not_before = at(-1h).wall;
    body.not_after = at(1h).wall;
    body.issuer = serial_;
    return body;
}

security::Identity Authority::signed_with(security::Identity identity, const proto::CertificateBody& body) const {
    identity.chain.certificates = {must(security::sign_certificate(key_.secret, body))};
    return identity;
}

proto::Bytes Asked::sealed(const security::Identity& caller) const {
    return must(security::seal_request(caller.keys.sign.secret, route, body));
}

Asked ask(const security::Identity& caller, std::string_view agent, std::string_view action,
          proto::Value::Map arguments) {
    Asked asked;
    asked.reply_pair = security::make_seal_pair();
    asked.route.collective = "mcollective";
    asked.route.request = security::entropy::fresh<proto::RequestId>();
    asked.route.created = at(0s).wall;
    asked.route.ttl_ms = 60'000;
    asked.route.timeout_ms = 10'000;
    asked.route.reply_key = asked.reply_pair.public_key;
    asked.route.caller = caller.chain;
    asked.body.agent = agent;
    asked.body.action = action;
    asked.body.arguments = std::move(arguments);
    return asked;
}

Libdir::Libdir() {
    write("probe", probe_ddl);
    for (const auto& entry : std::filesystem::directory_iterator(MCO_AGENTS_DIR)) {
        if (entry.path().extension() == ".json") write(entry.path().stem().string(), text_of(entry.path()));
    }
    for (const auto& entry : std::filesystem::directory_iterator(MCO_DATA_DIR)) {
        if (entry.path().extension() == ".json") write_data(entry.path().stem().string(), text_of(entry.path()));
    }
}

void Libdir::write(std::string_view agent, std::string_view json) const {
    dir_.write("mcollective/agent/" + std::string(agent) + ".json", json);
}

void Libdir::write_data(std::string_view source, std::string_view json) const {
    dir_.write("mcollective/data/" + std::string(source) + ".json", json);
}

std::shared_ptr<const node::DataSources> Libdir::data() const {
    std::vector<std::string> problems;
    auto sources = std::make_shared<const node::DataSources>(node::DataSources::load({path()}, problems));
    REQUIRE(problems.empty());
    return sources;
}

House::House() : policy(read_policy("policy default deny\nallow\tcert=alice\tlook\t*\t*\n")) {
    REQUIRE(registry.load({libdir.path()}, {}).empty());
    view->traits.identity = "web1";
    view->traits.main_collective = "mcollective";
    view->traits.collectives = {"mcollective", "uk"};
    view->traits.classes = {"httpd"};
    view->traits.agents = registry.names();
    view->data = libdir.data();
    view->traits.facts = proto::Value::Map{{"country", "us"}};
}

security::Policy House::read_policy(std::string_view probe_policy) const {
    policies.write("probe.policy", probe_policy);
    return must(security::Policy::read(policies.path(), {}));
}

}  // namespace mco::test
