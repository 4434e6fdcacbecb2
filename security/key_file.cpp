#include "security/key_file.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/armour.hpp"
#include "security/entropy.hpp"
#include "security/small_file.hpp"

namespace mco::security {
namespace {

namespace fs = std::filesystem;
using proto::Errc;

constexpr std::string_view keys_title = "SECRET KEYS", signing_key_title = "SIGNING KEY",
                           protected_key_title = "PROTECTED SIGNING KEY", certificate_title = "CERTIFICATE", request_title = "SIGNING REQUEST";
constexpr std::uint8_t key_file_version = 1;  // first octet of both kinds of secret files
constexpr std::size_t secret_size = 32;
constexpr std::size_t public_file_size_max = 16 * 1024;  // a trust file of four roots, with comments
constexpr std::string_view secret_comment = "# Secret. Whoever has this file is its owner.\n";

// Wipes a buffer of secrets on every way out.
template <typename Buffer>
class Wiped {
 public:
    explicit Wiped(Buffer buffer) : held(std::move(buffer)) {}
    ~Wiped() { wipe(held); }
    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;
    Buffer held;
};

// Version octet and so many secrets of 32 octets, in one armoured block.
std::string secret_text(std::string_view title, std::initializer_list<const std::uint8_t*> secrets) {
    Wiped<proto::Bytes> octets{proto::Bytes{}};
    octets.held.reserve(1 + secrets.size() * secret_size);
    octets.held.push_back(key_file_version);
    for (const auto* secret : secrets) octets.held.insert(octets.held.end(), secret, secret + secret_size);
    Wiped<std::string> block(wrap_armour(title, octets.held));
    std::string text;
    text.reserve(secret_comment.size() + block.held.size());
    text.append(secret_comment).append(block.held);
    return text;
}

proto::Result<Armoured> only_block(std::string_view text, std::string_view title) {
    auto blocks = open_armour(text);
    if (!blocks) return tl::unexpected(std::move(blocks.error()));
    if (blocks->size() != 1 || blocks->front().title != title) {
        const auto found = blocks->empty()       ? std::string("nothing of mco's")
                           : blocks->size() == 1 ? fmt::format("an MCO {}", blocks->front().title.substr(0, 32))
                                                 : fmt::format("{} blocks", blocks->size());
        wipe(*blocks);
        return proto::fail(Errc::malformed, fmt::format("holds {} where one MCO {} was expected", found, title));
    }
    return std::move(blocks->front());
}

// The block's secrets after its version octet; exactly `count`, none of them zero.
proto::Result<Armoured> secret_block(std::string_view text, std::string_view title, std::size_t count) {
    auto block = only_block(text, title);
    if (!block) return block;
    const auto refuse = [&](Errc code, std::string why) -> tl::unexpected<proto::Error> {
        wipe(block->octets);
        return proto::fail(code, std::move(why));
    };
    if (block->octets.front() != key_file_version)
        return refuse(Errc::unsupported, "a key file of a version not known here");
    if (block->octets.size() != 1 + count * secret_size)
        return refuse(Errc::malformed, fmt::format("the MCO {} has the wrong length", title));
    for (std::size_t i = 0; i < count; ++i) {
        if (sodium_is_zero(block->octets.data() + 1 + i * secret_size, secret_size) != 0)
            return refuse(Errc::malformed, fmt::format("the MCO {} holds a key of zeros", title));
    }
    return block;
}

template <typename Secret>
Secret secret_at(const proto::Bytes& octets, std::size_t index) {
    Secret secret;
    std::copy_n(octets.begin() + static_cast<std::ptrdiff_t>(1 + index * secret_size), secret_size, secret.data());
    return secret;
}

// Adds the file's name to an error about its text.
template <typename T>
proto::Result<T> named(const fs::path& file, proto::Result<T> result, std::string_view hint) {
    if (result) return result;
    return proto::fail(result.error().code, fmt::format("{}: {}{}", file.string(), result.error().detail, hint));
}

template <typename T>
proto::Result<T> read_as(const fs::path& file, Access access, proto::Result<T> (*parse)(std::string_view),
                         std::string_view hint = "") {
    const auto size_max = access == Access::secret ? proto::limits::key_file_size_max : public_file_size_max;
    auto octets = read_small_file(file, size_max, access);
    if (!octets) return tl::unexpected(std::move(octets.error()));
    const Wiped<proto::Bytes> text(std::move(*octets));
    return named(file, parse(proto::as_text(text.held)), hint);
}

constexpr std::size_t protected_size = 1 + crypto_pwhash_SALTBYTES + crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + secret_size;

// Version, salt, nonce, and the seed in a box under Argon2id of the passphrase.
struct Stretched {
    std::array<std::uint8_t, crypto_secretbox_KEYBYTES> key{};
    ~Stretched() { sodium_memzero(key.data(), key.size()); }
};
proto::Result<void> stretch(Stretched& into, std::string_view passphrase, const std::uint8_t* salt) {
    if (crypto_pwhash(into.key.data(), into.key.size(), passphrase.data(), passphrase.size(), salt, crypto_pwhash_OPSLIMIT_MODERATE,
                      crypto_pwhash_MEMLIMIT_MODERATE, crypto_pwhash_ALG_ARGON2ID13) == 0)
        return {};
    return proto::fail(Errc::internal, "there is no memory for the passphrase: it takes 256 MiB");
}

proto::Result<proto::Bytes> protect(const SignPair& key, std::string_view passphrase) {
    proto::Bytes octets(protected_size);
    octets[0] = key_file_version;
    auto* salt = octets.data() + 1;
    auto* nonce = salt + crypto_pwhash_SALTBYTES;
    entropy::fill({salt, crypto_pwhash_SALTBYTES + crypto_secretbox_NONCEBYTES});
    Stretched stretched;
    if (auto done = stretch(stretched, passphrase, salt); !done) return tl::unexpected(std::move(done.error()));
    crypto_secretbox_easy(nonce + crypto_secretbox_NONCEBYTES, key.secret.data(), secret_size, nonce, stretched.key.data());
    return octets;
}

proto::Result<SignPair> unprotect(const proto::Bytes& octets, std::string_view passphrase) {
    if (octets.size() != protected_size || octets[0] != key_file_version)
        return proto::fail(Errc::malformed, "a protected key of a form not known here");
    const auto* salt = octets.data() + 1;
    const auto* nonce = salt + crypto_pwhash_SALTBYTES;
    Stretched stretched;
    if (auto done = stretch(stretched, passphrase, salt); !done) return tl::unexpected(std::move(done.error()));
    SignSeed seed;
    if (crypto_secretbox_open_easy(seed.data(), nonce + crypto_secretbox_NONCEBYTES, crypto_secretbox_MACBYTES + secret_size, nonce,
                                   stretched.key.data()) != 0)
        return proto::fail(Errc::unauthenticated, "the passphrase does not open it");
    return sign_pair_of(seed);
}

proto::Result<void> write_secret(const fs::path& file, std::string text) {
    const Wiped<std::string> wiped(std::move(text));
    return create_file(file, wiped.held, 0600);
}

}  // namespace

proto::Result<KeySet> parse_keys(std::string_view text) {
    auto block = secret_block(text, keys_title, 3);
    if (!block) return tl::unexpected(std::move(block.error()));
    const Wiped<proto::Bytes> octets(std::move(block->octets));
    return KeySet{sign_pair_of(secret_at<SignSeed>(octets.held, 0)),
                  curve_pair_of(secret_at<CurveSecret>(octets.held, 1)),
                  seal_pair_of(secret_at<SealSecret>(octets.held, 2))};
}

proto::Result<SignPair> parse_signing_key(std::string_view text) {
    auto block = secret_block(text, signing_key_title, 1);
    if (!block) return tl::unexpected(std::move(block.error()));
    const Wiped<proto::Bytes> octets(std::move(block->octets));
    return sign_pair_of(secret_at<SignSeed>(octets.held, 0));
}

// libsodium keeps an Ed25519 secret as seed and public key: the file needs the seed only.
proto::Result<void> write_keys(const fs::path& file, const KeySet& keys) {
    return write_secret(
        file, secret_text(keys_title, {keys.sign.secret.data(), keys.curve.secret.data(), keys.seal.secret.data()}));
}
proto::Result<void> write_signing_key(const fs::path& file, const SignPair& key, std::string_view passphrase) {
    if (!passphrase.empty()) {
        const auto octets = protect(key, passphrase);
        if (!octets) return tl::unexpected(octets.error());
        return write_secret(file, std::string(secret_comment) + wrap_armour(protected_key_title, *octets));
    }
    return write_secret(file, secret_text(signing_key_title, {key.secret.data()}));
}

proto::Result<KeySet> read_keys(const fs::path& file) { return read_as(file, Access::secret, &parse_keys); }
proto::Result<SignPair> read_signing_key(const fs::path& file, const AskPassphrase& ask) {
    auto octets = read_small_file(file, proto::limits::key_file_size_max, Access::secret);
    if (!octets) return tl::unexpected(std::move(octets.error()));
    const Wiped<proto::Bytes> text(std::move(*octets));
    auto block = only_block(proto::as_text(text.held), protected_key_title);
    if (!block) return named(file, parse_signing_key(proto::as_text(text.held)), "");
    if (!ask) return proto::fail(Errc::denied, fmt::format("{} is protected by a passphrase, and nobody is there to be asked", file.string()));
    auto given = ask(file);
    if (!given) return tl::unexpected(std::move(given.error()));
    const Wiped<std::string> passphrase(std::move(*given));
    return named(file, unprotect(block->octets, passphrase.held), "");
}

std::string armour(const proto::Certificate& certificate) {
    return wrap_armour(certificate_title, proto::pack(proto::CertificateChain{{certificate}}));
}
std::string armour_signing_request(proto::BytesView request) { return wrap_armour(request_title, request); }

proto::Result<std::vector<proto::Certificate>> parse_certificates(std::string_view text) {
    auto blocks = open_armour(text);
    if (!blocks) return tl::unexpected(std::move(blocks.error()));
    std::vector<proto::Certificate> certificates;
    for (auto& block : *blocks) {
        if (block.title != certificate_title) {
            wipe(*blocks);
            return proto::fail(Errc::malformed, "holds something else than MCO CERTIFICATE blocks");
        }
        auto chain = proto::unpack<proto::CertificateChain>(block.octets);
        if (!chain || chain->certificates.size() != 1)
            return proto::fail(Errc::malformed, fmt::format("block {} is no certificate", certificates.size() + 1));
        certificates.push_back(std::move(chain->certificates.front()));
    }
    if (certificates.empty()) return proto::fail(Errc::malformed, "no MCO CERTIFICATE in it");
    return certificates;
}

proto::Result<proto::Bytes> parse_signing_request(std::string_view text) {
    auto block = only_block(text, request_title);
    if (!block) return tl::unexpected(std::move(block.error()));
    return std::move(block->octets);
}

proto::Result<std::vector<proto::Certificate>> read_certificates(const fs::path& file) {
    return read_as(file, Access::trusted, &parse_certificates);
}
proto::Result<proto::Bytes> read_signing_request(const fs::path& file) {
    return read_as(file, Access::open, &parse_signing_request, "\nmake one on the machine itself with: mco-ca request");
}

proto::Result<void> write_public(const fs::path& file, std::string_view text) { return create_file(file, text, 0644); }

proto::Result<Identity> read_identity(const fs::path& keys, const fs::path& certificate) {
    auto secrets = read_keys(keys);
    if (!secrets) return tl::unexpected(std::move(secrets.error()));
    auto certificates = read_certificates(certificate);
    if (!certificates) return tl::unexpected(std::move(certificates.error()));
    auto body = named(certificate, read_body(certificates->front()), "");
    if (!body) return tl::unexpected(std::move(body.error()));
    if (body->sign_key != secrets->sign.public_key || body->curve_key != secrets->curve.public_key ||
        body->seal_key != secrets->seal.public_key)
        return proto::fail(
            Errc::unauthenticated,
            fmt::format("the keys in {} do not belong to the certificate \"{}\" in {}\nname the key file that "
                        "was made with it, or have a new certificate signed for these keys",
                        keys.string(), body->name, certificate.string()));
    Identity identity;
    identity.peer = peer_id(secrets->sign.public_key);
    identity.keys = std::move(*secrets);
    identity.chain.certificates = std::move(*certificates);
    identity.name = std::move(body->name);
    identity.role = body->role;
    return identity;
}

}  // namespace mco::security
