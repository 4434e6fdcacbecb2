#include "node/credentials.hpp"

#include <sys/stat.h>

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "security/key_file.hpp"
#include "tests/unit/node/authority.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;
using test::at;

struct Files {
    test::Authority authority;
    test::TempDir dir;
    Config config;

    Files() {
        config.collectives = {"mcollective"};
        config.certificate = dir / "web1.cert";
        config.secret_keys = dir / "web1.key";
        config.trust = dir / "root.cert";
        REQUIRE(security::write_public(config.trust, security::armour(authority.root())).has_value());
    }
    void write(const security::Identity& identity) const {
        REQUIRE(security::write_keys(config.secret_keys, identity.keys).has_value());
        REQUIRE(security::write_public(config.certificate, security::armour(identity.chain.certificates.front()))
                    .has_value());
    }
    std::string problem(proto::Now now = at(0s)) const {
        std::vector<std::string> problems;
        CHECK_FALSE(load_credentials(config, now.wall, problems).has_value());
        REQUIRE(problems.size() == 1);
        return problems.front();
    }
};

bool names(const std::string& problem, std::string_view word) { return problem.find(word) != std::string::npos; }

TEST_CASE("keys, certificate and trust that belong together make a node") {
    Files files;
    files.write(files.authority.issue("web1", proto::CertificateRole::node));
    files.config.identity = "web1";
    std::vector<std::string> problems;
    const auto credentials = load_credentials(files.config, at(0s).wall, problems);
    REQUIRE_MESSAGE(credentials.has_value(), (problems.empty() ? "" : problems.front()));
    CHECK(credentials->identity.name == "web1");
    CHECK(credentials->not_after == at(1h).wall);
}

TEST_CASE("each thing that can be wrong with credentials is named") {
    Files files;
    SUBCASE("an expired certificate") {
        files.write(files.authority.issue("web1", proto::CertificateRole::node));
        CHECK(names(files.problem(at(1h + 61s)), "web1.cert"));
    }
    SUBCASE("a certificate that is not the keys'") {
        files.write(files.authority.issue("web1", proto::CertificateRole::node));
        std::filesystem::remove(files.config.secret_keys);
        REQUIRE(security::write_keys(files.config.secret_keys, security::make_key_set()).has_value());
        CHECK(names(files.problem(), "web1"));
    }
    SUBCASE("a caller's certificate") {
        files.write(files.authority.issue("web1", proto::CertificateRole::caller));
        CHECK(names(files.problem(), "caller"));
    }
    SUBCASE("another identity than configured") {
        files.write(files.authority.issue("web1", proto::CertificateRole::node));
        files.config.identity = "web2";
        CHECK(names(files.problem(), "web2"));
    }
    SUBCASE("a collective the certificate does not allow") {
        files.write(files.authority.issue("web1", proto::CertificateRole::node,
                                          [](proto::CertificateBody& body) { body.collectives = {"mcollective"}; }));
        files.config.collectives = {"mcollective", "uk"};
        CHECK(names(files.problem(), "'uk'"));
    }
    SUBCASE("an authority we do not trust") {
        const test::Authority other;
        files.write(other.issue("web1", proto::CertificateRole::node));
        CHECK(names(files.problem(), "web1.cert"));
    }
    SUBCASE("no trust") {
        files.write(files.authority.issue("web1", proto::CertificateRole::node));
        std::filesystem::remove(files.config.trust);
        CHECK(names(files.problem(), "root.cert"));
    }
    SUBCASE("secrets that others may read") {
        files.write(files.authority.issue("web1", proto::CertificateRole::node));
        REQUIRE(::chmod(files.config.secret_keys.c_str(), 0644) == 0);
        const auto problem = files.problem();
        CHECK(names(problem, "web1.key"));
        CHECK(names(problem, "chmod"));
    }
    SUBCASE("no keys") { CHECK(names(files.problem(), "web1.key")); }
}

TEST_CASE("a node's certificate makes no proxy, and a proxy's no node") {
    Files files;
    SUBCASE("a proxy's for mcod") {
        files.write(files.authority.issue("web1", proto::CertificateRole::proxy));
        const auto problem = files.problem();
        CHECK(names(problem, "the certificate of a proxy, mcod needs a node's"));
        CHECK(names(problem, "Run mco-proxy with it, or"));
        CHECK(names(problem, "--role node"));
    }
    SUBCASE("a node's for mco-proxy") {
        files.config.program = Program::proxy;
        files.write(files.authority.issue("web1", proto::CertificateRole::node));
        const auto problem = files.problem();
        CHECK(names(problem, "the certificate of a node, mco-proxy needs a proxy's"));
        CHECK(names(problem, "Run mcod with it, or"));
        CHECK(names(problem, "--role proxy"));
    }
    SUBCASE("a proxy's for mco-proxy") {
        files.config.program = Program::proxy;
        files.write(files.authority.issue("web1", proto::CertificateRole::proxy));
        std::vector<std::string> problems;
        CHECK(load_credentials(files.config, at(0s).wall, problems).has_value());
    }
}

TEST_CASE("several things that are wrong are all named") {
    Files files;
    files.write(files.authority.issue("web1", proto::CertificateRole::caller));
    files.config.identity = "web2";
    std::vector<std::string> problems;
    CHECK_FALSE(load_credentials(files.config, at(0s).wall, problems).has_value());
    CHECK(problems.size() == 2);
}

}  // namespace
}  // namespace mco::node
