#include "security/ca/authority.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "security/entropy.hpp"
#include "security/key_file.hpp"
#include "security/revocation.hpp"
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

proto::Result<Authority> Authority::make(const fs::path& folder, std::string_view name, Period period,
                                         std::string_view passphrase) {
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
    if (auto written = write_signing_key(folder / "root.key", authority.key_, passphrase); !written)
        return tl::unexpected(std::move(written.error()));
    if (auto written = write_public(authority.root_file(), certificate_text(*certificate, body)); !written)
        return tl::unexpected(std::move(written.error()));
    return authority;
}

proto::Result<void> Authority::make_issuer(const fs::path& folder, std::string_view name, std::string_view passphrase) {
    if (auto checked = check_name(name); !checked) return checked;
    std::error_code ignored;
    for (const char* file : {"root.key", "issuer.key"}) {
        if (fs::exists(folder / file, ignored))
            return proto::fail(Errc::invalid, fmt::format("{} holds an authority already\nname another folder", folder.string()));
    }
    for (const auto& part : {folder, folder / "issued", folder / "names"}) {
        if (auto made = make_private_folder(part); !made) return made;
    }
    const auto key = make_sign_pair();
    if (auto written = write_signing_key(folder / "issuer.key", key, passphrase); !written) return written;
    return write_public(folder / "issuer.request",
                        fmt::format("# {} (issuer) asks for a certificate\n{}", name, armour_signing_request(make_issuer_request(key, name))));
}

proto::Result<Authority> Authority::open(const fs::path& folder, const AskPassphrase& ask) {
    Authority authority;
    authority.folder_ = folder;
    std::error_code ignored;
    const bool issuer = fs::exists(folder / "issuer.key", ignored);
    const auto certificate_file = folder / (issuer ? "issuer.cert" : "root.cert"), key_file = folder / (issuer ? "issuer.key" : "root.key");
    auto certificates = read_certificates(certificate_file);
    if (!certificates)
        return proto::fail(certificates.error().code,
                           fmt::format("{}\n{}", certificates.error().detail,
                                       issuer ? "have issuer.request signed by the root, and put issuer.cert and its root.cert here"
                                              : "--ca takes the folder that mco-ca init made"));
    auto body = read_body(certificates->front());
    if (!body) return tl::unexpected(std::move(body.error()));
    if (body->role != (issuer ? proto::CertificateRole::issuer : proto::CertificateRole::root))
        return proto::fail(Errc::invalid, fmt::format("{} is the certificate of a {}", certificate_file.string(), proto::name(body->role)));
    auto key = read_signing_key(key_file, ask);
    if (!key) return tl::unexpected(std::move(key.error()));
    if (key->public_key != body->sign_key)
        return proto::fail(Errc::invalid, fmt::format("{} and {} in {} do not belong together", key_file.filename().string(),
                                                      certificate_file.filename().string(), folder.string()));
    if (issuer) authority.issuer_text_ = certificate_text(certificates->front(), *body);
    authority.root_ = std::move(*body);
    authority.key_ = std::move(*key);
    return authority;
}

std::string Authority::issued_text(const Issued& issued) const { return certificate_text(issued.certificate, issued.body) + issuer_text_; }

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

proto::Result<Authority::Issued> Authority::issue(const Application& application, proto::WallTime now) {
    const auto& who = application.who;
    if (auto checked = check_name(who.name); !checked) return tl::unexpected(std::move(checked.error()));
    if (is_issuer() && who.role == proto::CertificateRole::issuer)
        return proto::fail(Errc::denied, "an issuer cannot make issuers\nhave the request signed where the root is");
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
    body.authority = root_.authority;
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
    // What an issuer may not give away is not asked for either: a leaf has its issuer's scope unless it is to have less.
    if (body.collectives.empty()) body.collectives = root_.collectives;
    auto certificate = sign_certificate(key_.secret, body);
    if (!certificate) return tl::unexpected(std::move(certificate.error()));
    issued.certificate = std::move(*certificate);
    if (foreign) issued.replaced = **held;
    if (auto recorded = record(issued, held->has_value()); !recorded)
        return tl::unexpected(std::move(recorded.error()));
    if (foreign && !is_issuer()) {
        if (auto revoked = revoke({issued.replaced->serial}, now); !revoked) return tl::unexpected(std::move(revoked.error()));
    }
    return issued;
}

proto::Result<proto::CertificateBody> Authority::held_certificate(const SigningRequest& who) const {
    auto held = holder(who);
    if (!held) return tl::unexpected(std::move(held.error()));
    if (!held->has_value()) return proto::fail(Errc::not_found, fmt::format("\"{}\" was never enrolled here", who.name));
    auto certificates = read_certificates(folder_ / "issued" / fmt::format("{}.cert", (*held)->serial.hex()));
    if (!certificates) return tl::unexpected(std::move(certificates.error()));
    return read_body(certificates->front());
}

proto::Result<bool> Authority::is_revoked(const proto::Serial& serial) const {
    const auto lists = read_revocation_file(revocations_file());
    if (!lists) return tl::unexpected(lists.error());
    if (lists->empty()) return false;
    const auto body = read_revocations(lists->front());
    if (!body) return tl::unexpected(body.error());
    return std::find(body->serials.begin(), body->serials.end(), serial) != body->serials.end();
}

proto::Result<proto::Serial> Authority::serial_of(const std::string& name_or_serial) const {
    if (const auto serial = proto::Serial::from_hex(name_or_serial)) return *serial;
    if (auto checked = check_name(name_or_serial); !checked) return tl::unexpected(std::move(checked.error()));
    const auto entry = folder_ / "names" / name_or_serial;
    const auto line = read_small_file(entry, serial_line_max, Access::trusted);
    const auto serial = line ? proto::Serial::from_hex(proto::as_text(*line).substr(0, 2 * proto::Serial::size)) : std::nullopt;
    if (serial) return *serial;
    return proto::fail(Errc::not_found, fmt::format("no certificate has the name \"{}\"\nls {} shows the names; a serial number does, too",
                                                    name_or_serial, (folder_ / "names").string()));
}

proto::Result<std::uint64_t> Authority::revoke(const std::vector<proto::Serial>& serials, proto::WallTime now) {
    if (is_issuer())
        return proto::fail(Errc::denied, fmt::format("\"{}\" is an issuer; only the root revokes\nmco-ca revoke --ca ROOT SERIAL", root_.name));
    auto lists = read_revocation_file(revocations_file());
    if (!lists) return tl::unexpected(std::move(lists.error()));
    proto::RevocationBody body;
    if (!lists->empty()) {
        auto read = read_revocations(lists->front());
        if (!read) return tl::unexpected(std::move(read.error()));
        body = std::move(*read);
    }
    body.authority = root_.serial;
    ++body.number;
    body.made = now;
    std::erase_if(body.serials, [&](const proto::Serial& serial) {
        const auto kept = read_certificates(folder_ / "issued" / fmt::format("{}.cert", serial.hex()));
        const auto old = kept ? read_body(kept->front()) : proto::Result<proto::CertificateBody>(proto::fail(Errc::not_found, ""));
        return old && old->not_after + std::chrono::hours(24) < now;
    });
    for (const auto& serial : serials) {
        if (std::find(body.serials.begin(), body.serials.end(), serial) == body.serials.end()) body.serials.push_back(serial);
    }
    auto list = seal_revocations(key_.secret, body);
    if (!list) return tl::unexpected(std::move(list.error()));
    if (auto written = replace_file(revocations_file(), armour_revocations(*list), 0644); !written)
        return tl::unexpected(std::move(written.error()));
    return body.number;
}

// The certificate first: a name must never point to one that is not kept.
proto::Result<void> Authority::record(const Issued& issued, bool name_is_held) const {
    const auto serial = issued.body.serial.hex();
    const auto kept = folder_ / "issued" / fmt::format("{}.cert", serial);
    if (auto written = write_public(kept, issued_text(issued)); !written) return written;
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
