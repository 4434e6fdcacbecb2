#include "security/key_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <doctest/doctest.h>

#include "security/armour.hpp"
#include "security/small_file.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

namespace fs = std::filesystem;
using proto::CertificateRole;
using proto::Errc;

std::string text_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

unsigned mode_of(const fs::path& file) { return static_cast<unsigned>(fs::status(file).permissions()); }

template <std::size_t Size, typename Tag>
bool same(const Secret<Tag, Size>& one, const Secret<Tag, Size>& two) {
    return std::equal(one.data(), one.data() + Size, two.data());
}

TEST_CASE("keys come back from their file as they went in") {
    const mco::test::TempDir dir;
    const auto keys = make_key_set();
    REQUIRE(write_keys(dir / "web1.key", keys));
    CHECK(mode_of(dir / "web1.key") == 0600);
    const auto read = read_keys(dir / "web1.key");
    REQUIRE(read);
    CHECK(read->sign.public_key == keys.sign.public_key);
    CHECK(read->curve.public_key == keys.curve.public_key);
    CHECK(read->seal.public_key == keys.seal.public_key);
    CHECK(same(read->sign.secret, keys.sign.secret));
    CHECK(same(read->curve.secret, keys.curve.secret));
    CHECK(same(read->seal.secret, keys.seal.secret));

    const auto root = make_sign_pair();
    REQUIRE(write_signing_key(dir / "root.key", root));
    CHECK(mode_of(dir / "root.key") == 0600);
    CHECK(read_signing_key(dir / "root.key")->public_key == root.public_key);
    CHECK_FALSE(read_keys(dir / "root.key"));
    CHECK_FALSE(read_signing_key(dir / "web1.key"));
}

TEST_CASE("files are made exclusively: nothing is overwritten, no link is followed") {
    const mco::test::TempDir dir;
    const auto keys = make_key_set();
    const auto file = dir.write("web1.key", "precious");
    CHECK(write_keys(file, keys).error().code == Errc::invalid);
    CHECK(text_of(file) == "precious");
    fs::create_symlink(dir / "elsewhere", dir / "link.key");
    CHECK_FALSE(write_keys(dir / "link.key", keys));
    CHECK_FALSE(fs::exists(dir / "elsewhere"));
    CHECK(write_keys(dir / "no" / "folder.key", keys).error().code == Errc::not_found);
    CHECK(write_public(dir / "a.cert", "text"));
    CHECK(mode_of(dir / "a.cert") == 0644);
    CHECK_FALSE(write_public(dir / "a.cert", "other"));
}

TEST_CASE("a secret with any bit for others is refused, with the command that mends it") {
    const mco::test::TempDir dir;
    const auto file = dir / "web1.key";
    REQUIRE(write_keys(file, make_key_set()));
    for (const unsigned mode : {0640U, 0620U, 0610U, 0604U, 0602U, 0601U, 0666U, 0644U, 0777U}) {
        fs::permissions(file, static_cast<fs::perms>(mode));
        const auto read = read_keys(file);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == Errc::denied);
        CHECK_MESSAGE(has(read.error().detail, "\nchmod 600 " + file.string()), read.error().detail);
    }
    for (const unsigned mode : {0600U, 0400U, 0700U}) {
        fs::permissions(file, static_cast<fs::perms>(mode));
        CHECK(read_keys(file));
    }
}

TEST_CASE("a secret that is a link, a FIFO, a folder, a device or absent is refused without waiting") {
    const mco::test::TempDir dir;
    REQUIRE(write_keys(dir / "web1.key", make_key_set()));
    fs::create_symlink(dir / "web1.key", dir / "link.key");
    CHECK(has(read_keys(dir / "link.key").error().detail, "symbolic link"));
    REQUIRE(::mkfifo((dir / "fifo.key").c_str(), 0600) == 0);
    CHECK(has(read_keys(dir / "fifo.key").error().detail, "no regular file"));
    CHECK_FALSE(read_keys(dir.path()));
    CHECK_FALSE(read_keys("/dev/zero"));
    CHECK(read_keys(dir / "none.key").error().code == Errc::not_found);
}

TEST_CASE("a secret of somebody else is refused" * doctest::skip(::geteuid() != 0)) {
    const mco::test::TempDir dir;
    const auto file = dir / "web1.key";
    REQUIRE(write_keys(file, make_key_set()));
    REQUIRE(::chown(file.c_str(), 1, 1) == 0);
    const auto read = read_keys(file);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::denied);
    CHECK(has(read.error().detail, "\nchown 0 " + file.string()));
}

TEST_CASE("a secret file that is too large, cut, of another version or of zeros is refused") {
    const mco::test::TempDir dir;
    const auto keys = make_key_set();
    REQUIRE(write_keys(dir / "web1.key", keys));
    const auto text = text_of(dir / "web1.key");
    CHECK(parse_keys(text));
    for (std::size_t size = 0; size + 1 < text.size(); ++size) CHECK_FALSE(parse_keys(text.substr(0, size)));
    CHECK_FALSE(parse_keys(text + text));
    auto octets = open_armour(text)->front().octets;
    REQUIRE(octets.size() == 97);
    const auto parses = [](const proto::Bytes& changed) {
        return parse_keys(wrap_armour("SECRET KEYS", changed)).has_value();
    };
    CHECK(parses(octets));
    auto changed = octets;
    changed[0] = 2;
    CHECK_FALSE(parses(changed));
    for (std::size_t key = 0; key < 3; ++key) {
        changed = octets;
        std::fill_n(changed.begin() + 1 + static_cast<std::ptrdiff_t>(key) * 32, 32, std::uint8_t{0});
        CHECK_FALSE(parses(changed));
    }
    changed = octets;
    changed.push_back(1);
    CHECK_FALSE(parses(changed));
    const auto large = dir.write("large.key", std::string(5000, '#'));
    fs::permissions(large, fs::perms(0600));
    CHECK(has(read_keys(large).error().detail, "larger than 4096 octets"));
}

TEST_CASE("the error about a key file holds nothing of its text") {
    const auto parsed = parse_keys("-----BEGIN MCO SECRET KEYS-----\nc2VjcmV0!\n-----END MCO SECRET KEYS-----\n");
    REQUIRE_FALSE(parsed);
    CHECK_FALSE(has(parsed.error().detail, "c2Vj"));
}

// ---- public files

TEST_CASE("a chain is read leaf first, with comments between") {
    const mco::test::TempDir dir;
    const Authority root;
    const auto issuer = root.issuer("berlin");
    const auto chain = issuer.identity("web1").chain;
    const auto file = dir.write("web1.cert", "a comment\n" + armour(chain.certificates[0]) + "\nanother\r\n" +
                                                 armour(chain.certificates[1]) + "the end");
    const auto read = read_certificates(file);
    REQUIRE(read);
    REQUIRE(read->size() == 2);
    CHECK((*read)[0].body == chain.certificates[0].body);
    CHECK((*read)[1].signature == chain.certificates[1].signature);
}

TEST_CASE("a trust file that everybody may write is refused") {
    const mco::test::TempDir dir;
    const Authority root;
    const auto file = dir.write("root.cert", armour(root.certificate()));
    fs::permissions(file, fs::perms(0644));
    CHECK(read_certificates(file));
    fs::permissions(file, fs::perms(0646));
    CHECK(has(read_certificates(file).error().detail, "\nchmod o-w "));
}

TEST_CASE("a file of certificates holds nothing else, and something") {
    const Authority root;
    CHECK_FALSE(parse_certificates(""));
    CHECK_FALSE(parse_certificates("words"));
    CHECK_FALSE(parse_certificates(armour(root.certificate()) + wrap_armour("SIGNING KEY", proto::Bytes(33, 1))));
    CHECK_FALSE(parse_certificates(wrap_armour("CERTIFICATE", proto::Bytes{1, 2, 3})));
    CHECK_FALSE(
        parse_certificates(wrap_armour("CERTIFICATE", proto::pack(root.issuer("berlin").identity("web1").chain))));
}

TEST_CASE("armour is strict: whole lines of base64 in their only form, matching ends") {
    const std::string begin = "-----BEGIN MCO X-----\n", end = "-----END MCO X-----\n";
    const auto opens = [](const std::string& text) { return open_armour(text).has_value(); };
    CHECK(open_armour("nothing")->empty());
    CHECK(open_armour(begin + "AQID\n" + end)->front().octets == proto::Bytes{1, 2, 3});
    CHECK(opens(begin + "AQI=\r\n" + end));
    CHECK_FALSE(opens(begin + end));
    CHECK_FALSE(opens(begin + "\n" + end));
    CHECK_FALSE(opens(begin + "AQID\n"));
    CHECK_FALSE(opens("AQID\n" + end));
    CHECK_FALSE(opens(begin + "AQID\n-----END MCO Y-----\n"));
    CHECK_FALSE(opens(begin + begin + "AQID\n" + end));
    CHECK_FALSE(opens(begin + "AQI\n" + end));   // no padding
    CHECK_FALSE(opens(begin + "AQJ=\n" + end));  // other bits in the padding
    CHECK_FALSE(opens(begin + " AQID\n" + end));
    CHECK_FALSE(opens(begin + "AQID AQID\n" + end));
    CHECK_FALSE(opens(begin + "AQID\nAQID\n" + end));  // only the last line is short
    CHECK_FALSE(opens(begin + std::string(68, 'A') + "\n" + end));
    std::string nine;
    for (int i = 0; i < 8; ++i) nine += begin + "AQID\n" + end;
    CHECK(opens(nine));
    CHECK_FALSE(opens(nine + begin + "AQID\n" + end));
    for (std::size_t size = 1; size < 200; ++size) {
        const proto::Bytes octets(size, static_cast<std::uint8_t>(size));
        CHECK(open_armour(wrap_armour("X", octets))->front().octets == octets);
    }
}

TEST_CASE("an identity is keys and the certificate that belongs to them") {
    const mco::test::TempDir dir;
    const Authority root;
    const auto web1 = root.identity("web1"), web2 = root.identity("web2");
    REQUIRE(write_keys(dir / "web1.key", web1.keys));
    REQUIRE(write_keys(dir / "web2.key", web2.keys));
    const auto certificate = dir.write("web1.cert", armour(web1.chain.certificates[0]));
    const auto read = read_identity(dir / "web1.key", certificate);
    REQUIRE(read);
    CHECK(read->name == "web1");
    CHECK(read->role == CertificateRole::node);
    CHECK(read->peer == web1.peer);
    const auto wrong = read_identity(dir / "web2.key", certificate);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().code == Errc::unauthenticated);
    CHECK(has(wrong.error().detail, (dir / "web2.key").string()));
    CHECK(has(wrong.error().detail, "\"web1\""));
    CHECK(has(read_identity(dir / "none.key", certificate).error().detail, "none.key"));
    CHECK(has(read_identity(dir / "web1.key", dir / "none.cert").error().detail, "none.cert"));
}

TEST_CASE("a folder for secrets is made private, and one that is open to others is refused") {
    const mco::test::TempDir dir;
    REQUIRE(make_private_folder(dir / "a/b"));
    CHECK(mode_of(dir / "a/b") == 0700);
    CHECK(make_private_folder(dir / "a/b"));
    fs::permissions(dir / "a/b", fs::perms(0750));
    CHECK(has(make_private_folder(dir / "a/b").error().detail, "\nchmod 700 "));
    dir.write("file", "");
    CHECK_FALSE(make_private_folder(dir / "file"));
}

}  // namespace
}  // namespace mco::security::test
