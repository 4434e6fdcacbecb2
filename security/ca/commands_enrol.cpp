// token, serve-enrolment, enrol, renew, bundle: certificates for machines that come.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "security/armour.hpp"
#include "security/ca/authority.hpp"
#include "security/ca/enrolment.hpp"
#include "security/ca/enrolment_link.hpp"
#include "security/ca/options.hpp"
#include "security/ca/validity.hpp"
#include "security/certificate.hpp"
#include "security/key_file.hpp"
#include "security/revocation.hpp"
#include "security/rfc3339.hpp"
#include "security/small_file.hpp"
#include "security/trust_store.hpp"

namespace mco::security::ca {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using namespace std::chrono_literals;

constexpr auto token_for = std::chrono::hours(1);
constexpr auto answer_within = 10s;
constexpr std::size_t token_file_max = 1'024;

// Never an argument: those are for everybody on the machine to see.
proto::Result<TokenSecret> read_token(const Options& options) {
    std::string text;
    if (options.token_file.empty()) {
        if (::isatty(STDIN_FILENO) == 1) fmt::print(stderr, "token: ");
        std::getline(std::cin, text);
    } else {
        auto octets = read_small_file(options.token_file, token_file_max, Access::secret);
        if (!octets) return tl::unexpected(std::move(octets.error()));
        text = std::string(proto::as_text(*octets));
        wipe(*octets);
    }
    auto token = parse_token(text);
    wipe(text);
    return token;
}

// What came, judged as others will: with these roots, of these keys, under this name.
proto::Result<Principal> judge(const std::string& certificate, TrustStore& trust, const KeySet& keys, std::string_view name,
                               proto::WallTime now) {
    auto chain = parse_certificates(certificate);
    if (!chain) return tl::unexpected(std::move(chain.error()));
    auto who = trust.verify({std::move(*chain)}, now);
    if (!who) return who;
    if (who->name != name || who->sign_key != keys.sign.public_key || who->curve_key != keys.curve.public_key ||
        who->seal_key != keys.seal.public_key)
        return proto::fail(Errc::unauthenticated, "the certificate that came is not for these keys and this name");
    return who;
}

}  // namespace

proto::Result<Output> run_token(const Options& options, proto::WallTime now) {
    const auto role = parse_role(options.role.empty() ? "node" : options.role);
    if (!role) return tl::unexpected(role.error());
    std::chrono::seconds length = token_for;
    if (!options.valid.empty()) {
        const auto given = parse_validity(options.valid);
        if (!given) return tl::unexpected(given.error());
        length = *given;
    }
    const auto authority = Authority::open(options.authority, passphrase_from(options));
    if (!authority) return tl::unexpected(authority.error());
    const auto token = give_ticket(*authority, options.name, *role, now + length);
    if (!token) return tl::unexpected(token.error());
    return Output{token_text(*token) + "\n", fmt::format("for the {} \"{}\", once, until {}\n", proto::name(*role), options.name, to_rfc3339(now + length))};
}

proto::Result<Output> run_serve_enrolment(const Options& options, proto::WallTime /*now*/) {
    if (!options.valid.empty()) {
        if (const auto given = parse_validity(options.valid); !given) return tl::unexpected(given.error());
    }
    auto authority = Authority::open(options.authority, passphrase_from(options));
    if (!authority) return tl::unexpected(std::move(authority.error()));
    EnrolmentDesk desk(*authority, options.valid);
    const auto clocks = [] {
        using std::chrono::duration_cast;
        return proto::Now{proto::Instant(duration_cast<proto::Duration>(std::chrono::steady_clock::now().time_since_epoch())),
                          proto::WallTime(duration_cast<proto::Duration>(std::chrono::system_clock::now().time_since_epoch()))};
    };
    const auto served = serve({.listen = options.listen,
                               .ready =
                                   [&](const std::string& where) {
                                       const auto line = fmt::format("listening on {}\n", where);
                                       fmt::print(stderr, "{}", line);
                                       if (options.ready_descriptor < 0) return;
                                       (void)!::write(options.ready_descriptor, line.data(), line.size());
                                       ::close(options.ready_descriptor);
                                   },
                               .answer =
                                   [&](proto::BytesView ask, const std::string& source) {
                                       auto answer = desk.answer(ask, source, clocks());
                                       fmt::print(stderr, "{}\n", answer.line);
                                       return std::move(answer.frame);
                                   }});
    if (!served) return tl::unexpected(served.error());
    return Output{};
}

proto::Result<Output> run_enrol(const Options& options, proto::WallTime now) {
    const auto role = parse_role(options.role.empty() ? "node" : options.role);
    if (!role) return tl::unexpected(role.error());
    if (auto checked = check_name(options.name); !checked) return tl::unexpected(std::move(checked.error()));
    if (auto made = make_private_folder(options.out); !made) return tl::unexpected(std::move(made.error()));
    const fs::path folder = options.out;
    const auto key_file = folder / fmt::format("{}.key", options.name), certificate_file = folder / fmt::format("{}.cert", options.name);
    std::error_code ignored;
    for (const auto& file : {key_file, certificate_file}) {
        if (fs::exists(fs::symlink_status(file, ignored)))
            return proto::fail(Errc::invalid, fmt::format("{} is there already and is not overwritten\nmove it away, or name another folder", file.string()));
    }
    const auto token = read_token(options);
    if (!token) return tl::unexpected(token.error());
    const auto keys = make_key_set();
    const auto answer = ask_server(options.server, ask_to_enrol(*token, make_signing_request(keys, *role, options.name)), answer_within);
    if (!answer) return tl::unexpected(answer.error());
    const auto enrolled = read_enrolled(*token, *answer);
    if (!enrolled) return proto::fail(enrolled.error().code, fmt::format("{}: {}", options.server, enrolled.error().detail));
    auto roots = parse_certificates(enrolled->trust);
    if (!roots) return tl::unexpected(std::move(roots.error()));
    auto trust = TrustStore::make(std::move(*roots));
    if (!trust) return tl::unexpected(std::move(trust.error()));
    const auto who = judge(enrolled->certificate, *trust, keys, options.name, now);
    if (!who) return tl::unexpected(who.error());
    if (auto written = write_keys(key_file, keys); !written) return tl::unexpected(std::move(written.error()));
    if (auto written = write_public(certificate_file, enrolled->certificate); !written) return tl::unexpected(std::move(written.error()));
    if (auto written = replace_file(folder / "root.cert", enrolled->trust, 0644); !written) return tl::unexpected(std::move(written.error()));
    if (!enrolled->revocations.empty()) {
        if (auto written = replace_file(folder / "revocations", enrolled->revocations, 0644); !written) return tl::unexpected(std::move(written.error()));
    }
    return Output{fmt::format("enrolled \"{}\" ({}) until {}\n  {}\n  {}\n  {}\n", options.name, proto::name(*role), to_rfc3339(who->not_after),
                              certificate_file.string(), key_file.string(), (folder / "root.cert").string()),
                  {}};
}

proto::Result<Output> run_renew(const Options& options, proto::WallTime now) {
    auto identity = read_identity(options.secret_keys, options.file);
    if (!identity) return tl::unexpected(std::move(identity.error()));
    const auto body = read_body(identity->chain.certificates.front());
    if (!body) return tl::unexpected(body.error());
    const auto due = body->not_before + (body->not_after - body->not_before) * 2 / 3;
    if (now < due) return Output{fmt::format("{} is due at {}; nothing was done\n", options.file, to_rfc3339(due)), {}};
    auto roots = read_certificates(options.trust);
    if (!roots) return tl::unexpected(std::move(roots.error()));
    auto trust = TrustStore::make(std::move(*roots));
    if (!trust) return tl::unexpected(std::move(trust.error()));
    const auto answer = ask_server(options.server, ask_to_renew(make_signing_request(identity->keys, identity->role, identity->name)), answer_within);
    if (!answer) return tl::unexpected(answer.error());
    const auto renewed = read_renewed(*answer);
    if (!renewed) return proto::fail(renewed.error().code, fmt::format("{}: {}", options.server, renewed.error().detail));
    const auto who = judge(renewed->certificate, *trust, identity->keys, identity->name, now);
    if (!who) return tl::unexpected(who.error());
    if (who->not_after <= body->not_after) return proto::fail(Errc::invalid, "the certificate that came does not hold longer than the one there is");
    if (auto written = replace_file(options.file, renewed->certificate, 0644); !written) return tl::unexpected(std::move(written.error()));
    return Output{fmt::format("renewed \"{}\" until {}: {}\n", identity->name, to_rfc3339(who->not_after), options.file),
                  "next: kill -HUP the daemon, which reads it again without dropping the mesh\n"};
}

proto::Result<Output> run_bundle(const Options& options, proto::WallTime /*now*/) {
    const auto authority = Authority::open(options.authority, passphrase_from(options));
    if (!authority) return tl::unexpected(authority.error());
    const fs::path folder = options.out;
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) return proto::fail(Errc::denied, fmt::format("cannot make {}: {}", folder.string(), failed.message()));
    const auto copy = [&](const fs::path& file, const char* as) -> proto::Result<void> {
        const auto octets = read_small_file(file, enrolment_frame_max, Access::trusted);
        if (!octets && octets.error().code == Errc::not_found) return {};
        if (!octets) return tl::unexpected(octets.error());
        return replace_file(folder / as, proto::as_text(*octets), 0644);
    };
    if (auto copied = copy(authority->root_file(), "root.cert"); !copied) return tl::unexpected(std::move(copied.error()));
    if (auto copied = copy(authority->revocations_file(), "revocations"); !copied) return tl::unexpected(std::move(copied.error()));
    return Output{fmt::format("{} holds what every machine needs of \"{}\": its root and whom it has revoked; no secrets\n", folder.string(), authority->root().name), {}};
}

}  // namespace mco::security::ca
