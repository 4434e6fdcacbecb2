#include "bench/estate.hpp"

#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "mesh/core/rng.hpp"
#include "mesh/io/host.hpp"
#include "security/certificate.hpp"
#include "security/entropy.hpp"
#include "security/key_file.hpp"

namespace mco::bench {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using proto::fail;
using namespace std::chrono_literals;

constexpr auto validity = std::chrono::hours(24 * 30);

proto::Result<void> write_text(const fs::path& file, std::string_view text) {
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    stream << text;
    stream.close();
    if (!stream) return fail(Errc::internal, fmt::format("{} cannot be written", file.string()));
    return {};
}

}  // namespace

proto::Result<std::unique_ptr<Estate>> Estate::make(fs::path folder) {
    const auto kept = folder.empty() ? Kept::no : Kept::yes;
    if (folder.empty()) {
        std::string name = "/tmp/mco-emulate.XXXXXX";
        if (::mkdtemp(name.data()) == nullptr)
            return fail(Errc::internal, fmt::format("no folder under /tmp: {}", std::generic_category().message(errno)));
        folder = name;
    } else if (::mkdir(folder.c_str(), 0700) != 0) {
        return fail(Errc::invalid, fmt::format("--folder {}: {}\nName one that does not exist yet.", folder.string(),
                                               std::generic_category().message(errno)));
    }
    std::error_code ignored;
    folder = fs::absolute(folder, ignored);
    std::unique_ptr<Estate> estate(new Estate(std::move(folder), kept));
    if (auto furnished = estate->furnish(); !furnished) return tl::unexpected(furnished.error());
    return estate;
}

Estate::~Estate() {
    std::error_code ignored;
    if (kept_ == Kept::no) fs::remove_all(folder_, ignored);
}

proto::Result<void> Estate::furnish() {
    root_keys_ = security::make_sign_pair();
    serial_ = security::entropy::fresh<proto::Serial>();
    const auto now = mesh::io::Host::sample_clocks().wall;
    proto::CertificateBody body;
    body.authority = body.serial = body.issuer = serial_;
    body.role = proto::CertificateRole::root;
    body.name = "emulation";
    body.sign_key = root_keys_.public_key;
    body.not_before = now - 1h;
    body.not_after = now + validity;
    auto root = security::sign_certificate(root_keys_.secret, body);
    if (!root) return tl::unexpected(root.error());
    root_ = std::move(*root);

    std::error_code error;
    for (const auto* part : {"policies", "nodes"}) {
        if (!fs::create_directory(folder_ / part, error))
            return fail(Errc::internal, fmt::format("{}: {}", (folder_ / part).string(), error.message()));
    }
    // What only looks. The nodes share this machine, so nothing else may be done with them.
    for (const auto* agent : {"rpcutil", "mesh"}) {
        const auto written = write_text(policies() / fmt::format("{}.policy", agent),
                                        "policy default deny\nallow\tcert=operator\t*\t*\t*\n");
        if (!written) return written;
    }
    const auto caller = issue("operator", proto::CertificateRole::caller);
    if (auto written = write_identity(caller); !written) return written;
    return security::write_public(folder_ / "root.cert", security::armour(root_));
}

proto::Result<void> Estate::write_identity(const security::Identity& identity) const {
    if (auto written = security::write_keys(folder_ / (identity.name + ".key"), identity.keys); !written) return written;
    return security::write_public(folder_ / (identity.name + ".cert"), security::armour(identity.chain.certificates[0]));
}

security::Identity Estate::issue(const std::string& name, proto::CertificateRole role) const {
    security::Identity identity;
    identity.keys = security::make_key_set();
    identity.name = name;
    identity.role = role;
    identity.peer = security::peer_id(identity.keys.sign.public_key);
    const auto now = mesh::io::Host::sample_clocks().wall;
    proto::CertificateBody body;
    body.authority = body.issuer = serial_;
    body.serial = security::entropy::fresh<proto::Serial>();
    body.role = role;
    body.name = name;
    body.sign_key = identity.keys.sign.public_key;
    body.curve_key = identity.keys.curve.public_key;
    body.seal_key = identity.keys.seal.public_key;
    body.not_before = now - 1h;
    body.not_after = now + validity;
    auto certificate = security::sign_certificate(root_keys_.secret, body);
    if (!certificate) std::abort();  // names are ours
    identity.chain.certificates = {std::move(*certificate)};
    return identity;
}

security::TrustStore Estate::trust() const {
    auto trust = security::TrustStore::make({root_});
    if (!trust) std::abort();  // one good root
    return std::move(*trust);
}

proto::Result<Estate::Traits> Estate::write_traits(const std::string& name, std::size_t number, std::uint64_t seed,
                                                   std::size_t filler) const {
    constexpr std::array roles{"web", "db", "cache", "build"};
    constexpr std::array countries{"de", "uk", "us", "nl", "fr"};
    mesh::Rng rng(seed * 1'000'003 + number);
    const auto* role = roles[rng.next() % roles.size()];
    const auto* country = countries[rng.next() % countries.size()];
    const auto uptime = rng.next() % 400;
    const Traits traits{folder_ / "nodes" / (name + ".yaml"), folder_ / "nodes" / (name + ".classes")};
    const auto facts = fmt::format("country: {}\nrole: {}\nuptime_days: {}\nos:\n  family: Debian\n  release: \"12\"\nfiller: {}\n",
                                   country, role, uptime, std::string(filler, 'x'));
    if (auto written = write_text(traits.facts, facts); !written) return tl::unexpected(written.error());
    if (auto written = write_text(traits.classes, fmt::format("common\nrole::{}\n", role)); !written)
        return tl::unexpected(written.error());
    return traits;
}

proto::Result<void> Estate::write_client(const std::vector<mesh::Address>& entries) const {
    auto text = fmt::format("certificate = {0}/operator.cert\nsecret_keys = {0}/operator.key\ntrust = {0}/root.cert\n",
                            folder_.string());
    for (const auto& entry : entries) text += fmt::format("entry = {} {}\n", entry.endpoint, entry.key.hex());
    return write_text(client_config(), text);
}

}  // namespace mco::bench
