#pragma once

#include <filesystem>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/error.hpp"
#include "proto/ids.hpp"
#include "security/keys.hpp"

// Bodies of requests that proxies carry and cannot read: sealed with a key that nodes and callers have, and proxies do not.
namespace mco::security {

using BodySecret = Secret<struct BodySecretTag, 32>;

struct CollectiveKey {
    proto::KeyId id{};  // from the secret, so that everybody calls it the same
    BodySecret secret;
};
CollectiveKey make_collective_key();

// The keys of one file, newest first: the first seals, each opens. While one takes the other's place both are in it. One thread.
class CollectiveKeys {
 public:
    static constexpr std::size_t keys_max = 4;

    // "MCO COLLECTIVE KEY" blocks in a file that nobody else may read.
    static proto::Result<CollectiveKeys> read(const std::filesystem::path& file);
    // In the place of what the file held; complete or not at all.
    proto::Result<void> write(const std::filesystem::path& file) const;
    // A new one in front; the oldest goes when there are too many.
    void rotate();

    const CollectiveKey* newest() const { return keys_.empty() ? nullptr : &keys_.front(); }
    const CollectiveKey* find(const proto::KeyId& id) const;
    std::size_t size() const { return keys_.size(); }

 private:
    std::vector<CollectiveKey> keys_;
};

// XChaCha20-Poly1305 with a fresh nonce in front; bound to the request and its collective.
proto::Bytes seal_body(const CollectiveKey& key, const proto::RequestId& request, std::string_view collective, proto::BytesView body);
proto::Result<proto::Bytes> open_body(const CollectiveKey& key, const proto::RequestId& request, std::string_view collective,
                                      proto::BytesView sealed);

}  // namespace mco::security
