#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/messages.hpp"
#include "security/certificate.hpp"
#include "security/hello.hpp"
#include "security/keys.hpp"

// Files of keys and certificates. Text, so that a person can tell them apart and mail the public ones; secrets alone in
// files that nobody else may read. Every error names the file, what is wrong, and the command that mends it.
namespace mco::security {

// "MCO SECRET KEYS" (three keys) or "MCO SIGNING KEY" (an authority's). Created exclusively with mode 0600; reading refuses
// a file that others may read or write, that somebody else owns, or that is no regular file.
proto::Result<void> write_keys(const std::filesystem::path& file, const KeySet& keys);
proto::Result<KeySet> read_keys(const std::filesystem::path& file);
// With a passphrase the key is in "MCO PROTECTED SIGNING KEY": sealed under Argon2id of it (256 MiB, about a second), so that a
// stolen file is worth what the passphrase is. Asked for only where there is one; the text is wiped after use.
using AskPassphrase = std::function<proto::Result<std::string>(const std::filesystem::path& file)>;
proto::Result<void> write_signing_key(const std::filesystem::path& file, const SignPair& key, std::string_view passphrase = {});
proto::Result<SignPair> read_signing_key(const std::filesystem::path& file, const AskPassphrase& ask = {});

// Armoured public objects: "-----BEGIN MCO CERTIFICATE-----", base64, "-----END ...". A chain is leaf first; a trust file
// is any number of roots. Lines outside the armour are comments.
std::string armour(const proto::Certificate& certificate);
std::string armour_signing_request(proto::BytesView request);
proto::Result<std::vector<proto::Certificate>> read_certificates(
    const std::filesystem::path& file);  // not if all may write
proto::Result<proto::Bytes> read_signing_request(const std::filesystem::path& file);

// Texts of such files. Errors name line or block, not the file.
proto::Result<std::vector<proto::Certificate>> parse_certificates(std::string_view text);
proto::Result<proto::Bytes> parse_signing_request(std::string_view text);
proto::Result<KeySet> parse_keys(std::string_view text);
proto::Result<SignPair> parse_signing_key(std::string_view text);  // not a protected one
proto::Result<void> write_public(const std::filesystem::path& file, std::string_view text);  // exclusive, 0644

// Keys and chain that belong together: every public half equals the certificate's.
proto::Result<Identity> read_identity(const std::filesystem::path& keys, const std::filesystem::path& certificate);

}  // namespace mco::security
