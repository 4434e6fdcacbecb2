#include "security/collective_key.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "security/armour.hpp"
#include "security/entropy.hpp"
#include "security/small_file.hpp"

namespace mco::security {
namespace {

using proto::Errc;

constexpr std::string_view title = "COLLECTIVE KEY";
constexpr std::string_view body_label{"mco-body-v1\0", 12};
constexpr std::string_view id_label{"mco-body-key-v1\0", 16};
constexpr std::size_t file_size_max = 4 * 1024;
constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;

proto::KeyId id_of(const BodySecret& secret) {
    crypto_generichash_state state;
    proto::KeyId id;
    crypto_generichash_init(&state, nullptr, 0, 32);
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(id_label.data()), id_label.size());
    crypto_generichash_update(&state, secret.data(), secret.size());
    std::array<std::uint8_t, 32> digest{};
    crypto_generichash_final(&state, digest.data(), digest.size());
    std::copy_n(digest.begin(), id.octets.size(), id.octets.begin());
    return id;
}

proto::Bytes context_of(const proto::RequestId& request, std::string_view collective) {
    std::string context(body_label);
    context += proto::as_text(request.bytes());
    context += collective;
    return proto::copy(proto::as_bytes(context));
}

}  // namespace

CollectiveKey make_collective_key() {
    CollectiveKey key;
    entropy::fill({key.secret.data(), BodySecret::size()});
    key.id = id_of(key.secret);
    return key;
}

proto::Result<CollectiveKeys> CollectiveKeys::read(const std::filesystem::path& file) {
    auto octets = read_small_file(file, file_size_max, Access::secret);
    if (!octets) return tl::unexpected(std::move(octets.error()));
    auto blocks = open_armour(proto::as_text(*octets));
    wipe(*octets);
    if (!blocks) return proto::fail(blocks.error().code, fmt::format("{}: {}", file.string(), blocks.error().detail));
    CollectiveKeys keys;
    std::string problem;
    if (blocks->empty() || blocks->size() > keys_max) problem = fmt::format("it holds {} keys, not 1 to {}", blocks->size(), keys_max);
    for (const auto& block : *blocks) {
        if (block.title != title) problem = fmt::format("it holds a {}, not a collective key", block.title);
        if (block.octets.size() != BodySecret::size() || sodium_is_zero(block.octets.data(), block.octets.size()) != 0)
            problem = "it holds no key of 32 octets";
        if (!problem.empty()) break;
        CollectiveKey key;
        std::copy(block.octets.begin(), block.octets.end(), key.secret.data());
        key.id = id_of(key.secret);
        keys.keys_.push_back(std::move(key));
    }
    wipe(*blocks);
    if (problem.empty()) return keys;
    return proto::fail(Errc::invalid, fmt::format("{}: {}\nmco-ca collective-key {} makes one", file.string(), problem, file.string()));
}

proto::Result<void> CollectiveKeys::write(const std::filesystem::path& file) const {
    std::string text;
    for (const auto& key : keys_) text += wrap_armour(title, {key.secret.data(), BodySecret::size()});
    auto written = replace_file(file, text, 0600);
    wipe(text);
    return written;
}

void CollectiveKeys::rotate() {
    keys_.insert(keys_.begin(), make_collective_key());
    if (keys_.size() > keys_max) keys_.pop_back();
}

const CollectiveKey* CollectiveKeys::find(const proto::KeyId& id) const {
    const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const CollectiveKey& key) { return key.id == id; });
    return found == keys_.end() ? nullptr : &*found;
}

proto::Bytes seal_body(const CollectiveKey& key, const proto::RequestId& request, std::string_view collective,
                       proto::BytesView body) {
    proto::Bytes sealed(nonce_size + body.size() + tag_size);
    entropy::fill({sealed.data(), nonce_size});
    const auto context = context_of(request, collective);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data() + nonce_size, nullptr, body.data(), body.size(), context.data(),
                                               context.size(), nullptr, sealed.data(), key.secret.data());
    return sealed;
}

proto::Result<proto::Bytes> open_body(const CollectiveKey& key, const proto::RequestId& request, std::string_view collective,
                                      proto::BytesView sealed) {
    if (sealed.size() < nonce_size + tag_size) return proto::fail(Errc::malformed, "a sealed body that is too short");
    proto::Bytes body(sealed.size() - nonce_size - tag_size);
    const auto context = context_of(request, collective);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(body.data(), nullptr, nullptr, sealed.data() + nonce_size,
                                                   sealed.size() - nonce_size, context.data(), context.size(), sealed.data(),
                                                   key.secret.data()) != 0)
        return proto::fail(Errc::unauthenticated, fmt::format("the body is not sealed with the collective key {}", key.id.hex()));
    return body;
}

}  // namespace mco::security
