#include "node/credentials.hpp"

#include <utility>

#include <fmt/format.h>

#include "security/key_file.hpp"
#include "security/revocation.hpp"

namespace mco::node {
namespace {

void check_certificate(const Config& config, const security::Principal& self, std::vector<std::string>& problems) {
    const auto file = config.certificate.string();
    const bool proxy = config.program == Program::proxy;
    const auto needed = proxy ? proto::CertificateRole::proxy : proto::CertificateRole::node;
    const auto others = proxy ? proto::CertificateRole::node : proto::CertificateRole::proxy;
    if (self.role != needed) {
        const auto other = name(proxy ? Program::mcod : Program::proxy);
        problems.push_back(fmt::format(
            "{}: this is the certificate of a {}, {} needs a {}'s\n{} a new one: mco-ca request --role {}", file,
            proto::name(self.role), name(config.program), proto::name(needed),
            self.role == others ? fmt::format("Run {} with it, or ask for", other) : "Make keys and ask for",
            proto::name(needed)));
    }
    if (!config.identity.empty() && config.identity != self.name) {
        problems.push_back(
            fmt::format("{}: the certificate is for '{}', but 'identity' says '{}'\n"
                        "Remove the line 'identity', or use the certificate of {}.",
                        file, self.name, config.identity, config.identity));
    }
    for (const auto& collective : config.collectives) {
        if (self.may_join(collective)) continue;
        problems.push_back(
            fmt::format("{}: the certificate does not allow the collective '{}'\n"
                        "Remove it from 'collectives', or have a certificate signed that allows it.",
                        file, collective));
    }
}

// Who comes from MCollective has no such files yet.
std::string with_way_out(proto::Error error) {
    if (error.code == proto::Errc::not_found)
        error.detail += "\nmco-ca makes it: 'mco-ca enrol', or 'mco-ca request' here and 'mco-ca sign' at the authority.";
    return std::move(error.detail);
}

}  // namespace

std::filesystem::path kept_revocations(const Config& config) {
    return config.state_folder.empty() ? std::filesystem::path() : config.state_folder / fmt::format("{}.revocations", name(config.program));
}

std::optional<Credentials> load_credentials(const Config& config, proto::WallTime now,
                                            std::vector<std::string>& problems) {
    const auto before = problems.size();
    auto identity = security::read_identity(config.secret_keys, config.certificate);
    if (!identity) problems.push_back(with_way_out(std::move(identity.error())));

    auto roots = security::read_certificates(config.trust);
    if (!roots) {
        problems.push_back(with_way_out(std::move(roots.error())));
        return std::nullopt;
    }
    auto trust = security::TrustStore::make(std::move(*roots));
    if (!trust) {
        problems.push_back(fmt::format("{}: {}", config.trust.string(), trust.error().detail));
        return std::nullopt;
    }
    for (const auto& file : {config.revocations, kept_revocations(config)}) {
        if (file.empty()) continue;
        const auto adopted = security::adopt_file(*trust, file);
        if (!adopted && adopted.error().code != proto::Errc::not_found) problems.push_back(adopted.error().detail);
    }
    security::CollectiveKeys keys;
    if (!config.collective_key.empty()) {
        auto read = security::CollectiveKeys::read(config.collective_key);
        if (read) {
            keys = std::move(*read);
        } else {
            problems.push_back(std::move(read.error().detail));
        }
    }
    if (!identity) return std::nullopt;

    const auto self = trust->verify(identity->chain, now);
    if (!self) {
        problems.push_back(fmt::format("{}: {}", config.certificate.string(), self.error().detail));
        return std::nullopt;
    }
    check_certificate(config, *self, problems);
    if (problems.size() != before) return std::nullopt;
    return Credentials{std::move(*identity), std::move(*trust), self->not_after, std::move(keys)};
}

}  // namespace mco::node
