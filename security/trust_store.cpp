#include "security/trust_store.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/certificate.hpp"
#include "security/keys.hpp"
#include "security/rfc3339.hpp"

namespace mco::security {
namespace {

using proto::CertificateBody;
using proto::CertificateRole;
using proto::Errc;

constexpr std::size_t chain_length_max = 2;

// Linear in practice and never worse than size times size: `*` is any run of characters, everything else is itself.
bool glob_matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool contains(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

// An empty list means everything, so it is within another only if that one is empty, too.
bool within(const std::vector<std::string>& inner, const std::vector<std::string>& outer) {
    return outer.empty() || (!inner.empty() && std::all_of(inner.begin(), inner.end(),
                                                           [&](const auto& word) { return contains(outer, word); }));
}

bool narrower(const CertificateBody& inner, const CertificateBody& outer) {
    const bool targets = outer.targets_max == 0 || (inner.targets_max != 0 && inner.targets_max <= outer.targets_max);
    return targets && within(inner.collectives, outer.collectives) && within(inner.actions, outer.actions);
}

proto::Result<CertificateBody> read_root(const proto::Certificate& certificate) {
    auto body = read_body(certificate);
    if (!body) return body;
    if (body->role != CertificateRole::root)
        return proto::fail(Errc::invalid,
                           fmt::format("certificate \"{}\" is a {}'s, not an authority's\nthe trust file holds root "
                                       "certificates, such as the root.cert that mco-ca init made",
                                       body->name, proto::name(body->role)));
    if (body->issuer != body->serial || body->authority != body->serial ||
        !security::verify(body->sign_key, certificate_label, {certificate.body}, certificate.signature))
        return proto::fail(
            Errc::unauthenticated,
            fmt::format("the root certificate \"{}\" is not signed by itself; the file is damaged or forged\n"
                        "fetch it again from the authority",
                        body->name));
    return body;
}

proto::Result<void> check_link(const CertificateBody& signer, const CertificateBody& subject) {
    if (subject.role == CertificateRole::root)
        return proto::fail(
            Errc::denied,
            fmt::format("certificate \"{}\" is an authority's own and speaks for nobody else", subject.name));
    if (signer.role == CertificateRole::issuer && subject.role == CertificateRole::issuer)
        return proto::fail(Errc::denied,
                           fmt::format("certificate \"{}\": an issuer cannot make the issuer \"{}\"\nhave it "
                                       "signed by the root",
                                       subject.name, subject.name));
    if (subject.authority != signer.authority)
        return proto::fail(Errc::denied,
                           fmt::format("certificate \"{}\" names another authority than \"{}\", which signed it",
                                       subject.name, signer.name));
    if (signer.role == CertificateRole::issuer && !narrower(subject, signer))
        return proto::fail(Errc::denied,
                           fmt::format("certificate \"{}\" claims a wider scope than its issuer \"{}\" has",
                                       subject.name, signer.name));
    return {};
}

proto::Result<void> check_signature(const CertificateBody& signer, const proto::Certificate& certificate,
                                    const CertificateBody& body) {
    if (security::verify(signer.sign_key, certificate_label, {certificate.body}, certificate.signature)) return {};
    return proto::fail(
        Errc::unauthenticated,
        fmt::format("certificate \"{}\": the signature of \"{}\" does not hold; it is damaged or forged\nfetch "
                    "it again from the authority",
                    body.name, signer.name));
}

Principal principal_of(CertificateBody body, proto::WallTime not_after) {
    Principal principal;
    principal.serial = body.serial;
    principal.peer = peer_id(body.sign_key);
    principal.role = body.role;
    principal.name = std::move(body.name);
    principal.sign_key = body.sign_key;
    principal.curve_key = body.curve_key;
    principal.seal_key = body.seal_key;
    principal.not_after = not_after;
    if (body.issuer != body.authority) principal.issuer = body.issuer;
    principal.collectives = std::move(body.collectives);
    principal.actions = std::move(body.actions);
    principal.targets_max = body.targets_max;
    return principal;
}

}  // namespace

bool Principal::may_join(std::string_view collective) const {
    return collectives.empty() || contains(collectives, collective);
}

// Agent and action are compared apart, so that "a*" never reaches over the slash.
bool Principal::may_call(std::string_view agent, std::string_view action) const {
    if (actions.empty()) return true;
    return std::any_of(actions.begin(), actions.end(), [&](std::string_view pattern) {
        const auto slash = pattern.find('/');
        return slash != std::string_view::npos && glob_matches(pattern.substr(0, slash), agent) &&
               glob_matches(pattern.substr(slash + 1), action);
    });
}

proto::Result<TrustStore> TrustStore::make(std::vector<proto::Certificate> roots) {
    if (roots.empty())
        return proto::fail(Errc::invalid,
                           "no root certificate to trust\nput the authority's root.cert into the trust file");
    if (roots.size() > roots_max)
        return proto::fail(Errc::invalid, fmt::format("{} root certificates; at most {} are trusted at once",
                                                      roots.size(), roots_max));
    TrustStore store;
    for (auto& certificate : roots) {
        auto body = read_root(certificate);
        if (!body) return tl::unexpected(std::move(body.error()));
        for (const auto& other : store.roots_) {
            if (other.body.serial == body->serial)
                return proto::fail(Errc::invalid, fmt::format("the root certificate \"{}\" occurs twice", body->name));
        }
        store.roots_.push_back({std::move(certificate), std::move(*body)});
    }
    return store;
}

proto::Result<TrustStore::Known> TrustStore::examine(const proto::CertificateChain& chain) const {
    const auto& certificates = chain.certificates;
    if (certificates.empty()) return proto::fail(Errc::malformed, "a chain of no certificates");
    if (certificates.size() > chain_length_max)
        return proto::fail(Errc::malformed,
                           fmt::format("a chain of {} certificates; at most {} are read: somebody's and "
                                       "the issuer's",
                                       certificates.size(), chain_length_max));
    std::vector<CertificateBody> bodies;
    for (const auto& certificate : certificates) {
        auto body = read_body(certificate);
        if (!body) return tl::unexpected(std::move(body.error()));
        bodies.push_back(std::move(*body));
    }
    const auto& top = bodies.back();
    const auto root =
        std::find_if(roots_.begin(), roots_.end(), [&](const Root& r) { return r.body.serial == top.issuer; });
    if (root == roots_.end())
        return proto::fail(
            Errc::unauthenticated,
            fmt::format("certificate \"{}\" is signed by the authority {}, which is not trusted here\nadd "
                        "that authority's root.cert to the trust file, or have \"{}\" signed by a trusted one",
                        top.name, top.issuer.hex(), bodies.front().name));
    // From the root downwards, so that nothing is believed before what it rests on.
    const CertificateBody* signer = &root->body;
    Known known;
    known.validities.push_back({signer->name, signer->serial, signer->not_before, signer->not_after});
    auto not_after = signer->not_after;
    for (std::size_t i = certificates.size(); i-- > 0;) {
        const auto& body = bodies[i];
        if (body.issuer != signer->serial || (signer != &root->body && signer->role != CertificateRole::issuer))
            return proto::fail(Errc::denied,
                               fmt::format("certificate \"{}\" is not signed by \"{}\", which follows it in the "
                                           "chain, or that one may not sign",
                                           body.name, signer->name));
        if (auto good = check_signature(*signer, certificates[i], body); !good)
            return tl::unexpected(std::move(good.error()));
        if (auto good = check_link(*signer, body); !good) return tl::unexpected(std::move(good.error()));
        known.validities.push_back({body.name, body.serial, body.not_before, body.not_after});
        not_after = std::min(not_after, body.not_after);
        signer = &body;
    }
    known.principal = principal_of(std::move(bodies.front()), not_after);
    return known;
}

// Only what held is remembered: an attacker cannot fill the cache with rubbish, only with what a trusted root signed.
proto::Result<const TrustStore::Known*> TrustStore::look_up(const proto::CertificateChain& chain) {
    const auto key = digest(proto::pack(chain));
    if (const auto found = known_.find(key); found != known_.end()) return &found->second;
    auto known = examine(chain);
    if (!known) return tl::unexpected(std::move(known.error()));
    if (known_.size() >= known_max) {
        known_.erase(known_order_.front());
        known_order_.pop_front();
    }
    known_order_.push_back(key);
    return &known_.emplace(key, std::move(*known)).first->second;
}

void TrustStore::remember_held(const proto::Digest& octets) {
    if (!held_.insert(octets).second) return;
    held_order_.push_back(octets);
    if (held_.size() <= held_max) return;
    held_.erase(held_order_.front());
    held_order_.pop_front();
}

proto::Result<Principal> TrustStore::identify(const proto::CertificateChain& chain) {
    auto known = look_up(chain);
    if (!known) return tl::unexpected(std::move(known.error()));
    return (*known)->principal;
}

proto::Result<Principal> TrustStore::verify(const proto::CertificateChain& chain, proto::WallTime now) {
    auto known = look_up(chain);
    if (!known) return tl::unexpected(std::move(known.error()));
    for (const auto& part : (*known)->validities) {
        if (revoked(part.serial))
            return proto::fail(Errc::denied,
                               fmt::format("certificate \"{}\" (serial {}) is revoked\nask the authority for a "
                                           "new one",
                                           part.name, part.serial.hex()));
        if (now + proto::limits::clock_skew_max < part.not_before)
            return proto::fail(Errc::invalid,
                               fmt::format("certificate \"{}\" is not valid before {}, and it is {}\ncheck the "
                                           "clock of this machine",
                                           part.name, to_rfc3339(part.not_before), to_rfc3339(now)));
        if (now - proto::limits::clock_skew_max > part.not_after)
            return proto::fail(Errc::expired,
                               fmt::format("certificate \"{}\" expired at {}, and it is {}\nrenew it with: "
                                           "mco-ca sign --ca DIR REQUEST",
                                           part.name, to_rfc3339(part.not_after), to_rfc3339(now)));
    }
    return (*known)->principal;
}

}  // namespace mco::security
