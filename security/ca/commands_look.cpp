// show, verify: commands that look.

#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "security/armour.hpp"
#include "security/ca/options.hpp"
#include "security/certificate.hpp"
#include "security/key_file.hpp"
#include "security/rfc3339.hpp"
#include "security/small_file.hpp"
#include "security/trust_store.hpp"

namespace mco::security::ca {
namespace {

using proto::CertificateBody;
using proto::CertificateRole;
using proto::Errc;
using proto::Value;

constexpr std::size_t shown_size_max = 64 * 1024;

std::string listed(const std::vector<std::string>& words) {
    return words.empty() ? "all" : fmt::format("{}", fmt::join(words, ", "));
}

Value list_of(const std::vector<std::string>& words) { return Value::List(words.begin(), words.end()); }

std::string keys_text(const CertificateBody& body) {
    auto text =
        fmt::format("  peer id      {}\n  sign key     {}\n", peer_id(body.sign_key).hex(), body.sign_key.hex());
    if (!body.curve_key.is_zero())
        text += fmt::format("  curve key    {}\n  seal key     {}\n", body.curve_key.hex(), body.seal_key.hex());
    return text;
}

std::string person_text(const CertificateBody& body) {
    auto text = fmt::format(
        "certificate \"{}\"\n  role         {}\n  valid        {} to {}\n  serial       {}\n  issuer       {}\n"
        "  authority    {}\n{}",
        body.name, proto::name(body.role), to_rfc3339(body.not_before), to_rfc3339(body.not_after), body.serial.hex(),
        body.issuer.hex(), body.authority.hex(), keys_text(body));
    if (body.role != CertificateRole::root) text += fmt::format("  collectives  {}\n", listed(body.collectives));
    if (body.role == CertificateRole::caller)
        text += fmt::format("  actions      {}\n  targets max  {}\n", listed(body.actions),
                            body.targets_max == 0 ? "no limit" : std::to_string(body.targets_max));
    return text;
}

std::string json_text(const CertificateBody& body) {
    Value::Map map{{"type", "certificate"},
                   {"name", body.name},
                   {"role", proto::name(body.role)},
                   {"not_before", to_rfc3339_micros(body.not_before)},
                   {"not_after", to_rfc3339_micros(body.not_after)},
                   {"serial", body.serial.hex()},
                   {"issuer", body.issuer.hex()},
                   {"authority", body.authority.hex()},
                   {"peer", peer_id(body.sign_key).hex()},
                   {"sign_key", body.sign_key.hex()},
                   {"collectives", list_of(body.collectives)},
                   {"actions", list_of(body.actions)},
                   {"targets_max", body.targets_max}};
    if (!body.curve_key.is_zero()) {
        map.emplace("curve_key", body.curve_key.hex());
        map.emplace("seal_key", body.seal_key.hex());
    }
    return proto::to_json(Value(std::move(map))) + "\n";
}

std::string show_certificate(const CertificateBody& body, const Options& options) {
    if (options.curve_key) return body.curve_key.hex() + "\n";
    return options.json ? json_text(body) : person_text(body);
}

std::string show_request(const SigningRequest& request, const Options& options) {
    if (options.curve_key) return request.curve_key.hex() + "\n";
    if (options.json)
        return proto::to_json(Value(Value::Map{{"type", "signing_request"},
                                               {"name", request.name},
                                               {"role", proto::name(request.role)},
                                               {"peer", peer_id(request.sign_key).hex()},
                                               {"sign_key", request.sign_key.hex()},
                                               {"curve_key", request.curve_key.hex()},
                                               {"seal_key", request.seal_key.hex()}})) +
               "\n";
    return fmt::format(
        "signing request of \"{}\"\n  role         {}\n  peer id      {}\n  sign key     {}\n  curve key    {}\n"
        "  seal key     {}\n",
        request.name, proto::name(request.role), peer_id(request.sign_key).hex(), request.sign_key.hex(),
        request.curve_key.hex(), request.seal_key.hex());
}

proto::Result<std::string> show_block(const Armoured& block, const Options& options) {
    if (block.title == "SIGNING REQUEST") {
        const auto request = open_signing_request(block.octets);
        if (!request) return tl::unexpected(request.error());
        return show_request(*request, options);
    }
    if (block.title != "CERTIFICATE")
        return proto::fail(Errc::denied,
                           "holds secrets; nothing of them is shown\nits certificate or signing request can be");
    auto chain = proto::unpack<proto::CertificateChain>(block.octets);
    if (!chain) return tl::unexpected(std::move(chain.error()));
    if (chain->certificates.size() != 1) return proto::fail(Errc::malformed, "a block that is not one certificate");
    const auto body = read_body(chain->certificates.front());
    if (!body) return tl::unexpected(body.error());
    if (options.curve_key && body->curve_key.is_zero())
        return proto::fail(
            Errc::invalid,
            fmt::format("\"{}\" is an authority and has no CURVE key\nname a node's certificate", body->name));
    return show_certificate(*body, options);
}

}  // namespace

proto::Result<Output> run_show(const Options& options, proto::WallTime /*now*/) {
    auto octets = read_small_file(options.file, shown_size_max, Access::open);
    if (!octets) return tl::unexpected(std::move(octets.error()));
    auto blocks = open_armour(proto::as_text(*octets));
    wipe(*octets);
    const auto refuse = [&](const proto::Error& error) {
        if (blocks) wipe(*blocks);
        return proto::fail(error.code, fmt::format("{}: {}", options.file, error.detail));
    };
    if (!blocks) return refuse(blocks.error());
    if (blocks->empty()) return refuse({Errc::invalid, "no certificate and no signing request in it"});
    Output output;
    for (const auto& block : *blocks) {
        auto text = show_block(block, options);
        if (!text) return refuse(text.error());
        output.result += *text;
        if (options.curve_key) break;  // of a chain the first is the machine's own
    }
    return output;
}

proto::Result<Output> run_verify(const Options& options, proto::WallTime now) {
    auto roots = read_certificates(options.trust);
    if (!roots) return tl::unexpected(std::move(roots.error()));
    auto trust = TrustStore::make(std::move(*roots));
    if (!trust) return proto::fail(trust.error().code, fmt::format("{}: {}", options.trust, trust.error().detail));
    auto certificates = read_certificates(options.file);
    if (!certificates) return tl::unexpected(std::move(certificates.error()));
    const auto principal = trust->verify({std::move(*certificates)}, now);
    if (!principal)
        return proto::fail(principal.error().code, fmt::format("{}: {}", options.file, principal.error().detail));
    return Output{.result = fmt::format("certificate \"{}\" ({}) holds until {}\n", principal->name,
                                        proto::name(principal->role), to_rfc3339(principal->not_after))};
}

}  // namespace mco::security::ca
