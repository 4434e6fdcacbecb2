#include "security/ca/authority.hpp"

#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "security/entropy.hpp"
#include "security/key_file.hpp"
#include "security/rfc3339.hpp"
#include "security/small_file.hpp"

namespace mco::security::ca {
namespace {

namespace fs = std::filesystem;
using proto::Errc;

constexpr std::size_t serial_line_max = 64;

}  // namespace

std::string certificate_text(const proto::Certificate& certificate, const proto::CertificateBody& body) {
    return fmt::format("# {} ({}), valid from {} to {}\n{}", body.name, proto::name(body.role),
                       to_rfc3339(body.not_before), to_rfc3339(body.not_after), armour(certificate));
}

proto::Result<Authority> Authority::make(const fs::path& folder, std::string_view name, Period period) {
    if (auto checked = check_name(name); !checked) return tl::unexpected(std::move(checked.error()));
    std::error_code ignored;
    if (fs::exists(folder / "root.key", ignored) || fs::exists(folder / "root.cert", ignored))
        return proto::fail(Errc::invalid,
                           fmt::format("{} holds an authority already\nname another folder", folder.string()));
    for (const auto& part : {folder, folder / "issued", folder / "names"}) {
        if (auto made = make_private_folder(part); !made) return tl::unexpected(std::move(made.error()));
    }
    Authority authority;
    authority.folder_ = folder;
    authority.key_ = make_sign_pair();
    auto& body = authority.root_;
    body.serial = body.issuer = body.authority = entropy::fresh<proto::Serial>();
    body.role = proto::CertificateRole::root;
    body.name = std::string(name);
    body.sign_key = authority.key_.public_key;
    body.not_before = period.not_before;
    body.not_after = period.not_after;
    auto certificate = sign_certificate(authority.key_.secret, body);
    if (!certificate) return tl::unexpected(std::move(certificate.error()));
    if (auto written = write_signing_key(folder / "root.key", authority.key_); !written)
        return tl::unexpected(std::move(written.error()));
    if (auto written = write_public(authority.root_file(), certificate_text(*certificate, body)); !written)
        return tl::unexpected(std::move(written.error()));
    return authority;
}

proto::Result<Authority> Authority::open(const fs::path& folder) {
    Authority authority;
    authority.folder_ = folder;
    auto certificates = read_certificates(authority.root_file());
    if (!certificates)
        return proto::fail(certificates.error().code,
                           fmt::format("{}\n--ca takes the folder that mco-ca init made", certificates.error().detail));
    auto body = read_body(certificates->front());
    if (!body) return tl::unexpected(std::move(body.error()));
    auto key = read_signing_key(folder / "root.key");
    if (!key) return tl::unexpected(std::move(key.error()));
    if (key->public_key != body->sign_key)
        return proto::fail(Errc::invalid,
                           fmt::format("root.key and root.cert in {} do not belong together", folder.string()));
    authority.root_ = std::move(*body);
    authority.key_ = std::move(*key);
    return authority;
}

proto::Result<std::optional<Authority::Holder>> Authority::holder(const SigningRequest& who) const {
    const auto entry = folder_ / "names" / who.name;
    const auto line = read_small_file(entry, serial_line_max, Access::trusted);
    if (!line && line.error().code == Errc::not_found) return std::optional<Holder>();
    if (!line) return tl::unexpected(line.error());
    auto text = proto::as_text(*line);
    if (text.ends_with('\n')) text.remove_suffix(1);
    const auto serial = proto::Serial::from_hex(text);
    if (!serial) return proto::fail(Errc::invalid, fmt::format("{} holds no serial number", entry.string()));
    auto certificates = read_certificates(folder_ / "issued" / fmt::format("{}.cert", serial->hex()));
    if (!certificates) return tl::unexpected(std::move(certificates.error()));
    const auto body = read_body(certificates->front());
    if (!body) return tl::unexpected(body.error());
    return Holder{*serial, body->not_after, body->sign_key == who.sign_key};
}

proto::Result<Authority::Issued> Authority::issue(const Application& application) {
    const auto& who = application.who;
    if (auto checked = check_name(who.name); !checked) return tl::unexpected(std::move(checked.error()));
    if (application.period.not_after > root_.not_after)
        return proto::fail(
            Errc::invalid,
            fmt::format("it would hold until {}, but the authority \"{}\" itself only until {}\n"
                        "give a shorter --valid",
                        to_rfc3339(application.period.not_after), root_.name, to_rfc3339(root_.not_after)));
    auto held = holder(who);
    if (!held) return tl::unexpected(std::move(held.error()));
    const bool foreign = held->has_value() && !(*held)->same_key;
    if (foreign && application.names == Application::Names::once)
        return proto::fail(Errc::invalid,
                           fmt::format("the name \"{}\" belongs to the certificate {}, valid until {}\nchoose "
                                       "another name, or give it to the new key with --replace",
                                       who.name, (*held)->serial.hex(), to_rfc3339((*held)->not_after)));
    Issued issued;
    auto& body = issued.body;
    body.authority = root_.serial;
    body.serial = entropy::fresh<proto::Serial>();
    body.role = who.role;
    body.name = who.name;
    body.sign_key = who.sign_key;
    body.curve_key = who.curve_key;
    body.seal_key = who.seal_key;
    body.not_before = application.period.not_before;
    body.not_after = application.period.not_after;
    body.issuer = root_.serial;
    body.collectives = application.collectives;
    body.actions = application.actions;
    body.targets_max = application.targets_max;
    auto certificate = sign_certificate(key_.secret, body);
    if (!certificate) return tl::unexpected(std::move(certificate.error()));
    issued.certificate = std::move(*certificate);
    if (foreign) issued.replaced = **held;
    if (auto recorded = record(issued, held->has_value()); !recorded)
        return tl::unexpected(std::move(recorded.error()));
    return issued;
}

// The certificate first: a name must never point to one that is not kept.
proto::Result<void> Authority::record(const Issued& issued, bool name_is_held) const {
    const auto serial = issued.body.serial.hex();
    const auto kept = folder_ / "issued" / fmt::format("{}.cert", serial);
    if (auto written = write_public(kept, certificate_text(issued.certificate, issued.body)); !written) return written;
    const auto entry = folder_ / "names" / issued.body.name;
    if (!name_is_held) return create_file(entry, serial + "\n", 0600);
    const auto fresh = folder_ / "names" / fmt::format(".{}", serial);  // no name begins with a dot
    if (auto written = create_file(fresh, serial + "\n", 0600); !written) return written;
    std::error_code failed;
    fs::rename(fresh, entry, failed);
    if (!failed) return {};
    return proto::fail(Errc::denied, fmt::format("cannot write {}: {}", entry.string(), failed.message()));
}

}  // namespace mco::security::ca
