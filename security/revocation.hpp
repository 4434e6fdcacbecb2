#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "proto/messages.hpp"
#include "security/keys.hpp"
#include "security/trust_store.hpp"

// Lists of certificates that their authority does not vouch for any more. TrustStore decides which one holds.
namespace mco::security {

// Signs the body's packed octets. `invalid`: more serials than limits::revocations_max.
proto::Result<proto::Bytes> seal_revocations(const SignSecret& root, const proto::RevocationBody& body);
proto::Result<proto::RevocationBody> read_revocations(proto::BytesView list);  // without judging it

// Files of lists: armoured, any number one after the other. A file that is not there is no list.
std::string armour_revocations(proto::BytesView list);
proto::Result<std::vector<proto::Bytes>> read_revocation_file(const std::filesystem::path& file);
// All that the store holds, in the place of what the file held; complete or not at all.
proto::Result<void> write_revocation_file(const std::filesystem::path& file, const TrustStore& trust);
// Whether any of them was newer. On an error nothing of the rest is adopted.
proto::Result<TrustStore::Adopted> adopt_file(TrustStore& trust, const std::filesystem::path& file);

}  // namespace mco::security
