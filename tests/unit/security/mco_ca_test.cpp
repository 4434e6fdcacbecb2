// mco-ca as a process, from an empty folder to certificates that hold.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "proto/value.hpp"
#include "security/key_file.hpp"
#include "security/trust_store.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

namespace fs = std::filesystem;
using mco::test::Finished;

class Desk {
 public:
    Finished operator()(std::vector<std::string> words) const {
        words.insert(words.begin(), mco::test::program("mco-ca").string());
        // A process that nobody may trace cannot look for its own leaks: the sanitizer would fail instead of it.
        return mco::test::run(
            {.argv = std::move(words), .environment = {{"ASAN_OPTIONS", "detect_leaks=0"}}, .directory = dir.path()});
    }
    std::string good(std::vector<std::string> words) const {
        const auto finished = (*this)(std::move(words));
        REQUIRE_MESSAGE(finished.status == 0, finished.err);
        return finished.out;
    }
    // Fails with status 1, nothing on standard output, one line that has `because`, and a hint at most.
    void bad(std::vector<std::string> words, std::string_view because) const {
        const auto finished = (*this)(std::move(words));
        CHECK_MESSAGE(finished.status == 1, finished.out);
        CHECK(finished.out.empty());
        CHECK(finished.err.starts_with("mco-ca: "));
        CHECK_MESSAGE(has(finished.err, because), finished.err);
    }
    std::string text(std::string_view name) const {
        std::ifstream stream(dir / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    unsigned mode(std::string_view name) const { return static_cast<unsigned>(fs::status(dir / name).permissions()); }

    mco::test::TempDir dir;
};

proto::WallTime now() {
    return proto::WallTime{
        std::chrono::duration_cast<proto::Duration>(std::chrono::system_clock::now().time_since_epoch())};
}

TEST_CASE("from an empty folder to a node whose certificate holds, its keys never leaving it") {
    const Desk desk;
    CHECK(has(desk.good({"init", "ca", "--name", "fleet"}), "ca/root.cert"));
    CHECK(desk.mode("ca") == 0700);
    CHECK(desk.mode("ca/root.key") == 0600);
    CHECK(desk.mode("ca/root.cert") == 0644);
    desk.good({"request", "--name", "web1", "--role", "node", "--out", "node"});
    CHECK(desk.mode("node") == 0700);
    CHECK(desk.mode("node/web1.key") == 0600);
    desk.good({"sign", "--ca", "ca", "node/web1.request", "--out", "node/web1.cert", "--valid", "10d"});
    CHECK(has(desk.good({"verify", "--trust", "ca/root.cert", "node/web1.cert"}),
              "certificate \"web1\" (node) holds until"));

    auto trust = TrustStore::make(*read_certificates(desk.dir / "ca/root.cert"));
    REQUIRE(trust);
    const auto identity = read_identity(desk.dir / "node/web1.key", desk.dir / "node/web1.cert");
    REQUIRE(identity);
    const auto principal = trust->verify(identity->chain, now());
    REQUIRE(principal);
    CHECK(principal->not_after - now() > 9 * 24h);
    CHECK(principal->not_after - now() <= 10 * 24h);
    CHECK(fs::exists(desk.dir / ("ca/issued/" + principal->serial.hex() + ".cert")));
}

TEST_CASE("issue makes keys and certificate in one go, and nothing secret is printed") {
    const Desk desk;
    desk.good({"init", "ca"});
    const auto said =
        desk.good({"issue", "--ca", "ca", "--name", "alice", "--role", "caller", "--out", "alice", "--collectives",
                   "mcollective,uk", "--actions", "rpcutil/*,*/status", "--targets-max", "9"});
    const auto identity = read_identity(desk.dir / "alice/alice.key", desk.dir / "alice/alice.cert");
    REQUIRE(identity);
    auto trust = TrustStore::make(*read_certificates(desk.dir / "ca/root.cert"));
    const auto principal = trust->verify(identity->chain, now());
    REQUIRE(principal);
    CHECK(principal->collectives == std::vector<std::string>{"mcollective", "uk"});
    CHECK(principal->actions == std::vector<std::string>{"rpcutil/*", "*/status"});
    CHECK(principal->targets_max == 9);
    CHECK_FALSE(has(said, "BEGIN"));
    desk.bad({"show", "alice/alice.key"}, "holds secrets");
    desk.bad({"show", "ca/root.key"}, "holds secrets");
}

TEST_CASE("sign without --out prints the certificate and nothing else") {
    const Desk desk;
    desk.good({"init", "ca"});
    desk.good({"request", "--name", "web1", "--role", "node", "--out", "node"});
    const auto finished = desk({"sign", "--ca", "ca", "node/web1.request"});
    CHECK(finished.status == 0);
    CHECK(finished.err.empty());
    CHECK(parse_certificates(finished.out)->size() == 1);
}

TEST_CASE("many requests are signed at once, and none if one of them is wrong") {
    const Desk desk;
    desk.good({"init", "ca"});
    std::vector<std::string> requests;
    for (const auto* name : {"web1", "web2", "db1"}) {
        desk.good({"request", "--name", name, "--role", "node", "--out", std::string("keys-") + name});
        requests.push_back(std::string("keys-") + name + "/" + name + ".request");
    }
    const auto sign = [&](std::vector<std::string> files, std::vector<std::string> options) {
        files.insert(files.begin(), {"sign", "--ca", "ca"});
        files.insert(files.end(), options.begin(), options.end());
        return files;
    };
    desk.bad(sign(requests, {}), "--out is missing");
    auto wrong = requests;
    wrong.push_back("nosuch.request");
    desk.bad(sign(wrong, {"--out", "certs"}), "nosuch.request");
    wrong.back() = requests.front();
    desk.bad(sign(wrong, {"--out", "certs"}), "ask for the same name, \"web1\"");
    CHECK_FALSE(fs::exists(desk.dir / "certs"));
    const auto said = desk.good(sign(requests, {"--out", "certs"}));
    for (const auto* name : {"web1", "web2", "db1"}) {
        CHECK(has(said, std::string("signed \"") + name));
        CHECK(has(desk.good({"verify", "--trust", "ca/root.cert", std::string("certs/") + name + ".cert"}), "holds until"));
    }
    desk.bad(sign(requests, {"--out", "certs"}), "is there already");
}

TEST_CASE("show says what is in a certificate or request, for people and for programs") {
    const Desk desk;
    desk.good({"init", "ca", "--name", "fleet"});
    desk.good({"request", "--name", "web1", "--role", "node", "--out", "node"});
    desk.good({"sign", "--ca", "ca", "node/web1.request", "--out", "node/web1.cert"});
    const auto keys = read_keys(desk.dir / "node/web1.key");
    REQUIRE(keys);
    const auto curve = keys->curve.public_key.hex();
    CHECK(desk.good({"show", "--curve-key", "node/web1.cert"}) == curve + "\n");
    CHECK(desk.good({"show", "--curve-key", "node/web1.request"}) == curve + "\n");
    const auto person = desk.good({"show", "node/web1.cert"});
    CHECK(has(person, "certificate \"web1\""));
    CHECK(has(person, curve));
    CHECK(has(desk.good({"show", "node/web1.request"}), "signing request of \"web1\""));
    const auto value = proto::parse_json(desk.good({"show", "--json", "node/web1.cert"}));
    REQUIRE(value);
    CHECK(*value->find("name")->text() == "web1");
    CHECK(*value->find("role")->text() == "node");
    CHECK(*value->find("curve_key")->text() == curve);
    CHECK(has(desk.good({"show", "ca/root.cert"}), "role         root"));
    desk.bad({"show", "--curve-key", "ca/root.cert"}, "has no CURVE key");
    desk.dir.write("notes.txt", "nothing");
    desk.bad({"show", "notes.txt"}, "no certificate");
    desk.bad({"show", "none.cert"}, "none.cert");
}

TEST_CASE("a name is given once: again only to the same key, or with --replace") {
    const Desk desk;
    desk.good({"init", "ca"});
    desk.good({"request", "--name", "web1", "--role", "node", "--out", "one"});
    desk.good({"request", "--name", "web1", "--role", "node", "--out", "two"});
    desk.good({"sign", "--ca", "ca", "one/web1.request", "--out", "one/web1.cert"});
    desk.good({"sign", "--ca", "ca", "one/web1.request", "--out", "one/renewed.cert"});  // the same key: a renewal
    desk.bad({"sign", "--ca", "ca", "two/web1.request", "--out", "two/web1.cert"}, "--replace");
    CHECK_FALSE(fs::exists(desk.dir / "two/web1.cert"));
    desk.bad({"issue", "--ca", "ca", "--name", "web1", "--role", "node", "--out", "three"},
             "the name \"web1\" belongs");
    CHECK_FALSE(fs::exists(desk.dir / "three/web1.key"));  // nothing half-made stays
    const auto replaced = desk({"sign", "--ca", "ca", "two/web1.request", "--out", "two/web1.cert", "--replace"});
    CHECK(replaced.status == 0);
    CHECK(has(replaced.err, "is revoked"));
    desk.bad({"sign", "--ca", "ca", "one/web1.request"}, "--replace");  // now the name is the other's
}

TEST_CASE("an issuer signs leaves that the root alone makes believable, within its own scope, and nothing else") {
    const Desk desk;
    desk.good({"init", "root"});
    CHECK(has(desk.good({"init", "berlin", "--role", "issuer", "--name", "berlin"}), "berlin/issuer.request"));
    desk.bad({"sign", "--ca", "berlin", "berlin/issuer.request"}, "put issuer.cert");
    desk.good({"sign", "--ca", "root", "berlin/issuer.request", "--out", "berlin/issuer.cert", "--collectives", "uk,de"});
    fs::copy_file(desk.dir / "root/root.cert", desk.dir / "berlin/root.cert");
    desk.good({"issue", "--ca", "berlin", "--name", "web1", "--role", "node", "--out", "web1"});
    CHECK(has(desk.good({"verify", "--trust", "root/root.cert", "web1/web1.cert"}), "holds until"));
    CHECK(has(desk.good({"show", "web1/web1.cert"}), "berlin"));
    desk.good({"issue", "--ca", "berlin", "--name", "web2", "--role", "node", "--out", "web2", "--collectives", "fr"});
    desk.bad({"verify", "--trust", "root/root.cert", "web2/web2.cert"}, "wider scope");
    desk.good({"init", "paris", "--role", "issuer", "--name", "paris"});
    desk.bad({"sign", "--ca", "berlin", "paris/issuer.request"}, "an issuer cannot make issuers");
    desk.bad({"revoke", "--ca", "berlin", "web1"}, "only the root revokes");
    desk.bad({"init", "berlin"}, "holds an authority already");
    // The root takes the whole issuer back.
    const auto serial = desk.good({"show", "--json", "berlin/issuer.cert"});
    const auto value = proto::parse_json(serial);
    REQUIRE(value);
    desk.good({"revoke", "--ca", "root", *value->find("serial")->text()});
    CHECK(has(desk.good({"crl", "--ca", "root", "--json"}), *value->find("serial")->text()));
}

TEST_CASE("a protected key is worth nothing without its passphrase") {
    const Desk desk;
    const auto secret = [&](std::string_view name, std::string_view text) {
        fs::permissions(desk.dir.write(std::string(name), text), fs::perms(0600));
    };
    secret("good", "correct horse\n");
    secret("bad", "battery staple\n");
    secret("empty", "\n");
    desk.bad({"init", "ca", "--passphrase-file", "empty"}, "the passphrase is empty");
    desk.good({"init", "ca", "--passphrase-file", "good"});
    CHECK(has(desk.text("ca/root.key"), "MCO PROTECTED SIGNING KEY"));
    desk.bad({"issue", "--ca", "ca", "--name", "web1", "--role", "node", "--out", "web1"}, "is protected by a passphrase");
    desk.bad({"issue", "--ca", "ca", "--name", "web1", "--role", "node", "--out", "web1", "--passphrase-file", "bad"}, "does not open it");
    desk.good({"issue", "--ca", "ca", "--name", "web1", "--role", "node", "--out", "web1", "--passphrase-file", "good"});
    CHECK(has(desk.good({"verify", "--trust", "ca/root.cert", "web1/web1.cert"}), "holds until"));
    fs::permissions(desk.dir / "good", fs::perms(0644));
    desk.bad({"token", "--ca", "ca", "--name", "web2", "--passphrase-file", "good"}, "chmod 600");
}

TEST_CASE("revoked certificates are on the list, each list under a higher number, and a name that is unknown is said") {
    const Desk desk;
    desk.good({"init", "ca"});
    desk.bad({"crl", "--ca", "ca"}, "has revoked nobody yet");
    desk.bad({"revoke", "--ca", "ca", "web1"}, "no certificate has the name");
    desk.good({"issue", "--ca", "ca", "--name", "web1", "--role", "node", "--out", "one"});
    CHECK(has(desk.good({"revoke", "--ca", "ca", "web1"}), "list 1 is ca/revocations"));
    CHECK(has(desk.good({"revoke", "--ca", "ca", "web1"}), "list 2 is ca/revocations"));
    CHECK(has(desk.good({"crl", "--ca", "ca", "--json"}), "\"number\":2"));
    CHECK(desk.good({"crl", "--ca", "ca"}) == desk.text("ca/revocations"));
    CHECK(has(desk.good({"bundle", "--ca", "ca", "--out", "bundle"}), "no secrets"));
    CHECK(desk.text("bundle/revocations") == desk.text("ca/revocations"));
    CHECK(desk.text("bundle/root.cert") == desk.text("ca/root.cert"));
}

TEST_CASE("a certificate of another time or authority does not verify, and says why") {
    const Desk desk;
    desk.good({"init", "ca"});
    desk.good({"init", "other"});
    desk.good({"issue", "--ca", "ca", "--name", "late", "--role", "caller", "--out", "late", "--not-before",
               "2020-01-01T00:00:00Z", "--not-after", "2020-02-01T00:00:00Z"});
    desk.bad({"verify", "--trust", "ca/root.cert", "late/late.cert"}, "\"late\" expired at 2020-02-01T00:00:00Z");
    desk.good({"issue", "--ca", "ca", "--name", "early", "--role", "node", "--out", "early", "--not-before",
               "2030-01-01T00:00:00Z", "--valid", "1d"});
    desk.bad({"verify", "--trust", "ca/root.cert", "early/early.cert"}, "not valid before 2030");
    desk.good({"issue", "--ca", "ca", "--name", "web1", "--role", "node", "--out", "web1"});
    desk.bad({"verify", "--trust", "other/root.cert", "web1/web1.cert"}, "which is not trusted here");
    desk.bad({"verify", "--trust", "web1/web1.cert", "web1/web1.cert"}, "not an authority's");
}

TEST_CASE("nothing is overwritten, and secrets go only where nobody else can look") {
    const Desk desk;
    desk.good({"init", "ca"});
    desk.bad({"init", "ca"}, "holds an authority already");
    desk.good({"issue", "--ca", "ca", "--name", "web1", "--role", "node", "--out", "node"});
    const auto before = desk.text("node/web1.key");
    desk.bad({"request", "--name", "web1", "--role", "node", "--out", "node"}, "is there already");
    CHECK(desk.text("node/web1.key") == before);
    CHECK_FALSE(fs::exists(desk.dir / "node/web1.request"));
    fs::create_directory(desk.dir / "open");
    fs::permissions(desk.dir / "open", fs::perms(0755));
    desk.bad({"issue", "--ca", "ca", "--name", "web2", "--role", "node", "--out", "open"}, "chmod 700 open");
    fs::permissions(desk.dir / "ca/root.key", fs::perms(0644));
    desk.bad({"issue", "--ca", "ca", "--name", "web2", "--role", "node", "--out", "new"}, "chmod 600 ca/root.key");
}

TEST_CASE("a changed signing request is refused") {
    const Desk desk;
    desk.good({"init", "ca"});
    desk.good({"request", "--name", "web1", "--role", "node", "--out", "node"});
    auto octets = *read_signing_request(desk.dir / "node/web1.request");
    octets.back() ^= 1;
    desk.dir.write("forged.request", armour_signing_request(octets));
    desk.bad({"sign", "--ca", "ca", "forged.request"}, "not signed by the key it asks for");
    desk.dir.write("empty.request", "");
    desk.bad({"sign", "--ca", "ca", "empty.request"}, "mco-ca request");
    CHECK(fs::is_empty(desk.dir / "ca/issued"));
}

TEST_CASE("a wrong command line gets one line that names the word, and a hint") {
    const Desk desk;
    desk.good({"init", "ca"});
    desk.bad({"nosuch"}, "\"nosuch\" is no command");
    desk.bad({"init"}, "DIR is missing");
    desk.bad({"init", "a", "b"}, "\"b\" is one word too many");
    desk.bad({"init", "x", "--nosuch"}, "--nosuch");
    desk.bad({"init", "x", "--json"}, "--json");
    desk.bad({"show", "--js", "x"}, "--js");
    desk.bad({"issue", "--name", "web1", "--role", "node", "--out", "o"}, "--ca is missing");
    desk.bad({"issue", "--ca", "ca", "--name", "Web1", "--role", "node", "--out", "o"}, "\"Web1\" is no name");
    desk.bad({"issue", "--ca", "ca", "--name", "../x", "--role", "node", "--out", "o"}, "\"../x\" is no name");
    desk.bad({"issue", "--ca", "ca", "--name", "x", "--role", "root", "--out", "o"}, "--role \"root\"");
    desk.bad({"issue", "--ca", "none", "--name", "x", "--role", "node", "--out", "o"}, "none/root.cert");
    desk.bad({"issue", "--ca", "ca", "--name", "x", "--role", "node", "--out", "o", "--valid", "1w"}, "--valid \"1w\"");
    desk.bad({"issue", "--ca", "ca", "--name", "x", "--role", "node", "--out", "o", "--valid", "20y"}, "the authority");
    desk.bad({"issue", "--ca", "ca", "--name", "x", "--role", "node", "--out", "o", "--actions", "a/b"},
             "limit a caller");
    desk.bad({"issue", "--ca", "ca", "--name", "x", "--role", "caller", "--out", "o", "--actions", "a"},
             "AGENT/ACTION");
    desk.bad({"issue", "--ca", "ca", "--name", "x", "--role", "caller", "--out", "o", "--collectives", "a,,b"},
             "--collectives");
    desk.bad({"issue", "--ca", "ca", "--name", "x", "--role", "caller", "--out", "o", "--targets-max", "0"},
             "--targets-max");
    CHECK(fs::is_empty(desk.dir / "ca/issued"));
}

TEST_CASE("help has an example of every command, and goes to standard output") {
    const Desk desk;
    const auto all = desk.good({"--help"});
    for (const std::string command : {"init", "request", "sign", "issue", "show", "verify"}) {
        CHECK(has(all, command));
        const auto help = desk.good({command, "--help"});
        CHECK(has(help, "usage: mco-ca " + command));
        CHECK(has(help, "examples:\n  mco-ca " + command));
    }
    const auto nothing = desk({});
    CHECK(nothing.status == 1);
    CHECK(nothing.out.empty());
    CHECK(has(nothing.err, "usage: "));
}

}  // namespace
}  // namespace mco::security::test
