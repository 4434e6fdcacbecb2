#include "security/ca/enrolment.hpp"

#include <sodium.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/value.hpp"
#include "security/ca/options.hpp"
#include "security/certificate.hpp"
#include "security/entropy.hpp"
#include "security/key_file.hpp"
#include "security/rfc3339.hpp"
#include "security/small_file.hpp"

namespace mco::security::ca {
namespace {

namespace fs = std::filesystem;
using proto::Errc;

using TicketKey = Secret<struct TicketKeyTag, 32>;
constexpr std::string_view id_label{"mco-enrol-id-v1\0", 16};
constexpr std::string_view key_label{"mco-enrol-key-v1\0", 17};
constexpr std::string_view ask_label{"mco-enrol-ask-v1\0", 17};
constexpr std::string_view answer_label{"mco-enrol-answer-v1\0", 20};
constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t ticket_size_max = 1'024;

// The first octet of a frame.
enum class Kind : std::uint8_t { enrol = 'E', renew = 'N', sealed = 'S', plain = 'P', refused = 'R' };

proto::Digest labelled(std::string_view label, proto::BytesView secret) {
    crypto_generichash_state state;
    proto::Digest digest;
    crypto_generichash_init(&state, nullptr, 0, digest.octets.size());
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(label.data()), label.size());
    crypto_generichash_update(&state, secret.data(), secret.size());
    crypto_generichash_final(&state, digest.octets.data(), digest.octets.size());
    return digest;
}

TicketId id_of(const TokenSecret& token) {
    TicketId id;
    const auto digest = labelled(id_label, {token.data(), TokenSecret::size()});
    std::copy_n(digest.octets.begin(), id.octets.size(), id.octets.begin());
    return id;
}

TicketKey key_of(const TokenSecret& token) {
    TicketKey key;
    auto digest = labelled(key_label, {token.data(), TokenSecret::size()});
    std::copy(digest.octets.begin(), digest.octets.end(), key.data());
    sodium_memzero(digest.octets.data(), digest.octets.size());
    return key;
}

proto::Bytes seal(const TicketKey& key, std::string_view label, proto::BytesView text) {
    proto::Bytes sealed(nonce_size + text.size() + tag_size);
    entropy::fill({sealed.data(), nonce_size});
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data() + nonce_size, nullptr, text.data(), text.size(),
                                               reinterpret_cast<const unsigned char*>(label.data()), label.size(), nullptr,
                                               sealed.data(), key.data());
    return sealed;
}

std::optional<proto::Bytes> open(const TicketKey& key, std::string_view label, proto::BytesView sealed) {
    if (sealed.size() < nonce_size + tag_size) return std::nullopt;
    proto::Bytes text(sealed.size() - nonce_size - tag_size);
    const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        text.data(), nullptr, nullptr, sealed.data() + nonce_size, sealed.size() - nonce_size,
        reinterpret_cast<const unsigned char*>(label.data()), label.size(), sealed.data(), key.data());
    return failed == 0 ? std::optional(std::move(text)) : std::nullopt;
}

proto::Bytes frame(Kind kind, proto::BytesView rest) {
    proto::Bytes octets(1 + rest.size());
    octets.front() = static_cast<std::uint8_t>(kind);
    std::copy(rest.begin(), rest.end(), octets.begin() + 1);
    return octets;
}

struct Ticket {
    std::string name, role;
    proto::WallTime until{};
    TicketKey key;
};
std::optional<Ticket> parse_ticket(std::string_view text) {
    const auto value = proto::parse_json(text);
    if (!value) return std::nullopt;
    const auto read = [&](std::string_view key) {
        const auto* held = value->find(key);
        return held == nullptr ? std::string() : held->to_text();
    };
    Ticket ticket{.name = read("name"), .role = read("role"), .until = {}, .key = {}};
    const auto until = parse_rfc3339(read("until"));
    const auto key = proto::from_hex(read("key"));
    if (!until || !key || key->size() != TicketKey::size()) return std::nullopt;
    ticket.until = *until;
    std::copy(key->begin(), key->end(), ticket.key.data());
    return ticket;
}

fs::path ticket_file(const Authority& authority, std::string_view folder, const TicketId& id) {
    return authority.folder() / folder / id.hex();
}

// A stranger's words, for a terminal.
std::string printable(std::string text) {
    text.resize(std::min<std::size_t>(text.size(), 200));
    std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return text;
}

proto::Result<Enrolled> read_answer(proto::BytesView text) {
    const auto value = proto::parse_json(proto::as_text(text));
    if (!value) return proto::fail(Errc::malformed, "the authority's answer cannot be read");
    const auto read = [&](std::string_view key) {
        const auto* held = value->find(key);
        return held == nullptr ? std::string() : held->to_text();
    };
    if (const auto* error = value->find("error")) return proto::fail(Errc::denied, printable(error->to_text()));
    return Enrolled{read("certificate"), read("trust"), read("revocations")};
}

std::string text_or_nothing(const fs::path& file) {
    const auto octets = read_small_file(file, enrolment_frame_max / 2, Access::trusted);
    return octets ? std::string(proto::as_text(*octets)) : std::string();
}

}  // namespace

TokenSecret make_token() {
    TokenSecret token;
    entropy::fill({token.data(), TokenSecret::size()});
    return token;
}

std::string token_text(const TokenSecret& token) { return proto::to_hex({token.data(), TokenSecret::size()}); }

proto::Result<TokenSecret> parse_token(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
    auto octets = proto::from_hex(text);
    if (!octets || octets->size() != TokenSecret::size())
        return proto::fail(Errc::invalid, "the token is not 64 hexadecimal digits\nmco-ca token prints one, on the authority's machine");
    TokenSecret token;
    std::copy(octets->begin(), octets->end(), token.data());
    sodium_memzero(octets->data(), octets->size());
    return token;
}

proto::Bytes ask_to_enrol(const TokenSecret& token, proto::BytesView signing_request) {
    auto rest = proto::copy(id_of(token).bytes());
    const auto sealed = seal(key_of(token), ask_label, signing_request);
    rest.insert(rest.end(), sealed.begin(), sealed.end());
    return frame(Kind::enrol, rest);
}

proto::Bytes ask_to_renew(proto::BytesView signing_request) { return frame(Kind::renew, signing_request); }

proto::Result<Enrolled> read_enrolled(const TokenSecret& token, proto::BytesView answer) {
    if (answer.empty()) return proto::fail(Errc::unreachable, "whoever is there closed the connection without a word");
    if (answer.front() == static_cast<std::uint8_t>(Kind::refused))
        return proto::fail(Errc::denied, fmt::format("refused: {}", printable(std::string(proto::as_text(answer.subspan(1))))));
    const auto text = answer.front() == static_cast<std::uint8_t>(Kind::sealed) ? open(key_of(token), answer_label, answer.subspan(1))
                                                                                : std::nullopt;
    if (!text) return proto::fail(Errc::unauthenticated, "whoever answered does not know the token, so it is not the authority");
    return read_answer(*text);
}

proto::Result<Enrolled> read_renewed(proto::BytesView answer) {
    if (answer.empty()) return proto::fail(Errc::unreachable, "whoever is there closed the connection without a word");
    if (answer.front() == static_cast<std::uint8_t>(Kind::refused))
        return proto::fail(Errc::denied, fmt::format("refused: {}", printable(std::string(proto::as_text(answer.subspan(1))))));
    if (answer.front() != static_cast<std::uint8_t>(Kind::plain)) return proto::fail(Errc::malformed, "whoever answered is no authority");
    return read_answer(answer.subspan(1));
}

proto::Result<TokenSecret> give_ticket(const Authority& authority, std::string_view name, proto::CertificateRole role,
                                       proto::WallTime until) {
    if (auto checked = check_name(name); !checked) return tl::unexpected(std::move(checked.error()));
    if (auto made = make_private_folder(authority.folder() / "tickets"); !made) return tl::unexpected(std::move(made.error()));
    auto token = make_token();
    const auto key = key_of(token);
    const auto text = proto::to_json(proto::Value::Map{{"name", name},
                                                       {"role", proto::name(role)},
                                                       {"until", to_rfc3339(until)},
                                                       {"key", proto::to_hex({key.data(), TicketKey::size()})}});
    if (auto written = create_file(ticket_file(authority, "tickets", id_of(token)), text + "\n", 0600); !written)
        return tl::unexpected(std::move(written.error()));
    return token;
}

bool EnrolmentDesk::locked_out(const std::string& source, proto::Instant now) {
    const auto found = failures_.find(source);
    if (found == failures_.end()) return false;
    if (now - found->second.since >= failures_within) {
        failures_.erase(found);
        return false;
    }
    return found->second.count >= failures_max;
}

// Full of addresses: those whose minute is over go; if none is, everybody new waits.
void EnrolmentDesk::note_failure(const std::string& source, proto::Instant now) {
    if (failures_.size() >= sources_max) std::erase_if(failures_, [&](const auto& one) { return now - one.second.since >= failures_within; });
    auto& failures = failures_[source];
    if (failures.count++ == 0) failures.since = now;
}

EnrolmentDesk::Answer EnrolmentDesk::answer(proto::BytesView ask, const std::string& source, proto::Now now) {
    const auto refuse = [&](std::string_view why, std::string line) {
        note_failure(source, now.mono);
        return Answer{frame(Kind::refused, proto::as_bytes(why)), fmt::format("{}: {}", source, line)};
    };
    if (locked_out(source, now.mono) || (failures_.size() >= sources_max && !failures_.contains(source)))
        return {frame(Kind::refused, proto::as_bytes("too many failures from here; wait a minute")), source + ": too many failures, refused unread"};
    const auto kind = ask.empty() ? Kind::refused : static_cast<Kind>(ask.front());
    if (kind == Kind::renew) {
        const auto issued = renew(proto::copy(ask.subspan(1)), now.wall);
        if (!issued) return refuse(issued.error().detail, issued.error().detail);
        const auto text = proto::to_json(proto::Value::Map{{"certificate", authority_.issued_text(*issued)},
                                                           {"revocations", text_or_nothing(authority_.revocations_file())}});
        return {frame(Kind::plain, proto::as_bytes(text)), fmt::format("{}: renewed {}", source, issued->body.name)};
    }
    const auto id = kind == Kind::enrol && ask.size() > 1 + TicketId::size ? TicketId::from(ask.subspan(1, TicketId::size)) : std::nullopt;
    if (!id) return refuse("this is no enrolment", "no enrolment");
    const bool used = !fs::exists(ticket_file(authority_, "tickets", *id));
    const auto octets = read_small_file(ticket_file(authority_, used ? "used" : "tickets", *id), ticket_size_max, Access::secret);
    const auto ticket = octets ? parse_ticket(proto::as_text(*octets)) : std::nullopt;
    const auto request = ticket ? open(ticket->key, ask_label, ask.subspan(1 + TicketId::size)) : std::nullopt;
    if (!request) return refuse("the token is not known here", "a token that is not known");
    const auto reply = [&](proto::Value::Map map) {
        return frame(Kind::sealed, seal(ticket->key, answer_label, proto::as_bytes(proto::to_json(map))));
    };
    const auto deny = [&](std::string why) {
        note_failure(source, now.mono);
        return Answer{reply({{"error", why}}), fmt::format("{}: {}: {}", source, ticket->name, why)};
    };
    if (used) return deny("the token was used before; ask for another one: mco-ca token");
    if (now.wall >= ticket->until) return deny(fmt::format("the token ended at {}; ask for another one: mco-ca token", to_rfc3339(ticket->until)));
    const auto who = open_signing_request(*request);
    if (!who) return deny(who.error().detail);
    if (who->name != ticket->name || proto::name(who->role) != ticket->role)
        return deny(fmt::format("the token is for the {} \"{}\", not for the {} \"{}\"", ticket->role, ticket->name, proto::name(who->role), who->name));
    const auto issued = enrol(*id, *request, now.wall);
    if (!issued) return deny(issued.error().detail);
    return {reply({{"certificate", authority_.issued_text(*issued)},
                   {"trust", text_or_nothing(authority_.root_file())},
                   {"revocations", text_or_nothing(authority_.revocations_file())}}),
            fmt::format("{}: enrolled {} ({})", source, issued->body.name, proto::name(issued->body.role))};
}

// The ticket goes first: whoever renames it has the only right to it.
proto::Result<Authority::Issued> EnrolmentDesk::enrol(const TicketId& id, const proto::Bytes& request, proto::WallTime now) {
    auto who = open_signing_request(request);
    if (!who) return tl::unexpected(std::move(who.error()));
    if (auto made = make_private_folder(authority_.folder() / "used"); !made) return tl::unexpected(std::move(made.error()));
    std::error_code failed;
    fs::rename(ticket_file(authority_, "tickets", id), ticket_file(authority_, "used", id), failed);
    if (failed) return proto::fail(Errc::denied, "the token was used before; ask for another one: mco-ca token");
    const auto period = period_of(Options{.valid = valid_}, who->role, now);
    if (!period) return tl::unexpected(period.error());
    return authority_.issue({.who = std::move(*who), .period = *period, .collectives = {}, .actions = {}, .targets_max = 0}, now);
}

// For the key that holds the name, with the scope that its certificate has, and only while that holds.
proto::Result<Authority::Issued> EnrolmentDesk::renew(const proto::Bytes& request, proto::WallTime now) {
    auto who = open_signing_request(request);
    if (!who) return tl::unexpected(std::move(who.error()));
    const auto held = authority_.held_certificate(*who);
    if (!held) return tl::unexpected(held.error());
    if (held->sign_key != who->sign_key || held->role != who->role)
        return proto::fail(Errc::denied, fmt::format("\"{}\" has another key here; enrol it anew", who->name));
    if (now > held->not_after) return proto::fail(Errc::expired, fmt::format("the certificate of \"{}\" has ended; enrol it anew", who->name));
    if (now < held->not_before + (held->not_after - held->not_before) / 2)
        return proto::fail(Errc::invalid, fmt::format("the certificate of \"{}\" holds until {}; it is too early to renew it", who->name,
                                                      to_rfc3339(held->not_after)));
    const auto revoked = authority_.is_revoked(held->serial);
    if (!revoked) return tl::unexpected(revoked.error());
    if (*revoked) return proto::fail(Errc::denied, fmt::format("\"{}\" is revoked; enrol it anew", who->name));
    const auto period = period_of(Options{.valid = valid_}, who->role, now);
    if (!period) return tl::unexpected(period.error());
    return authority_.issue({.who = std::move(*who),
                             .period = *period,
                             .collectives = held->collectives,
                             .actions = held->actions,
                             .targets_max = held->targets_max},
                            now);
}

}  // namespace mco::security::ca
