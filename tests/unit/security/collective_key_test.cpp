#include "security/collective_key.hpp"

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "security/armour.hpp"
#include "security/entropy.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a sealed body opens with its key, for its request and collective, and with one bit changed not at all") {
    const auto key = make_collective_key(), other = make_collective_key();
    const auto request = entropy::fresh<proto::RequestId>();
    const auto body = proto::copy(proto::as_bytes("restart nginx"));
    const auto sealed = seal_body(key, request, "mcollective", body);
    CHECK(open_body(key, request, "mcollective", sealed) == body);
    CHECK(seal_body(key, request, "mcollective", body) != sealed);  // a fresh nonce each time
    CHECK_FALSE(open_body(other, request, "mcollective", sealed));
    CHECK_FALSE(open_body(key, entropy::fresh<proto::RequestId>(), "mcollective", sealed));
    CHECK_FALSE(open_body(key, request, "uk", sealed));
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        auto changed = sealed;
        flip(changed, bit);
        REQUIRE_FALSE(open_body(key, request, "mcollective", changed));
    }
    for (std::size_t size = 0; size < sealed.size(); ++size)
        REQUIRE_FALSE(open_body(key, request, "mcollective", proto::BytesView(sealed).first(size)));
    CHECK(open_body(key, request, "mcollective", seal_body(key, request, "mcollective", {}))->empty());
}

TEST_CASE("a rotated file holds the new key in front and the old ones behind it, four at most") {
    const mco::test::TempDir dir;
    const auto file = dir / "collective.key";
    CollectiveKeys keys;
    keys.rotate();
    const auto first = keys.newest()->id;
    REQUIRE(keys.write(file));
    CHECK((static_cast<unsigned>(fs::status(file).permissions()) & 0777U) == 0600);
    auto read = CollectiveKeys::read(file);
    REQUIRE(read);
    CHECK(read->newest()->id == first);
    read->rotate();
    CHECK(read->newest()->id != first);
    CHECK(read->find(first) != nullptr);
    REQUIRE(read->write(file));
    CHECK(CollectiveKeys::read(file)->size() == 2);
    for (int i = 0; i < 4; ++i) read->rotate();
    CHECK(read->size() == CollectiveKeys::keys_max);
    CHECK(read->find(first) == nullptr);
}

TEST_CASE("a file that others may read, that holds something else or no key is refused by name") {
    const mco::test::TempDir dir;
    CollectiveKeys keys;
    keys.rotate();
    const auto file = dir / "collective.key";
    REQUIRE(keys.write(file));
    fs::permissions(file, fs::perms(0640));
    CHECK(has(CollectiveKeys::read(file).error().detail, "chmod 600"));
    const auto write = [&](std::string_view text) {
        const auto other = dir.write("other.key", text);
        fs::permissions(other, fs::perms(0600));
        return CollectiveKeys::read(other).error().detail;
    };
    CHECK(has(write(""), "0 keys"));
    CHECK(has(write(wrap_armour("CERTIFICATE", proto::Bytes(32, 1))), "holds a CERTIFICATE"));
    CHECK(has(write(wrap_armour("COLLECTIVE KEY", proto::Bytes(32, 0))), "no key of 32 octets"));
    CHECK(has(write(wrap_armour("COLLECTIVE KEY", proto::Bytes(31, 1))), "no key of 32 octets"));
    CHECK_FALSE(CollectiveKeys::read(dir / "absent"));
}

}  // namespace
}  // namespace mco::security::test
