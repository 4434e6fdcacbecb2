#include "security/revocation.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/armour.hpp"
#include "security/small_file.hpp"

namespace mco::security {
namespace {

using proto::Errc;

constexpr std::string_view list_label{"mco-crl-v1\0", 11};
constexpr std::string_view title = "REVOCATION LIST";
constexpr std::size_t file_size_max = proto::limits::roots_max * 2 * proto::limits::revocation_list_size_max;

}  // namespace

proto::Result<proto::Bytes> seal_revocations(const SignSecret& root, const proto::RevocationBody& body) {
    if (body.serials.size() > proto::limits::revocations_max)
        return proto::fail(Errc::invalid, fmt::format("{} revoked certificates; a list holds {}\nMake a new issuer instead, and revoke the "
                                                      "old one: that is one entry.",
                                                      body.serials.size(), proto::limits::revocations_max));
    proto::RevocationList list{proto::pack(body), {}};
    list.signature = sign(root, list_label, {list.body});
    return proto::pack(list);
}

proto::Result<proto::RevocationBody> read_revocations(proto::BytesView packed) {
    auto list = proto::unpack<proto::RevocationList>(packed);
    if (!list) return tl::unexpected(std::move(list.error()));
    return proto::unpack<proto::RevocationBody>(list->body);
}

std::string armour_revocations(proto::BytesView list) { return wrap_armour(title, list); }

proto::Result<std::vector<proto::Bytes>> read_revocation_file(const std::filesystem::path& file) {
    std::vector<proto::Bytes> lists;
    const auto octets = read_small_file(file, file_size_max, Access::open);
    if (!octets && octets.error().code == Errc::not_found) return lists;
    if (!octets) return tl::unexpected(octets.error());
    auto blocks = open_armour(proto::as_text(*octets));
    if (!blocks) return proto::fail(blocks.error().code, fmt::format("{}: {}", file.string(), blocks.error().detail));
    for (auto& block : *blocks) {
        if (block.title != title)
            return proto::fail(Errc::invalid, fmt::format("{} holds a {}, not a revocation list\nmco-ca crl --ca DIR writes one", file.string(),
                                                          block.title));
        lists.push_back(std::move(block.octets));
    }
    return lists;
}

proto::Result<void> write_revocation_file(const std::filesystem::path& file, const TrustStore& trust) {
    std::string text;
    for (const auto& list : trust.revocation_lists()) text += armour_revocations(list);
    return replace_file(file, text, 0644);
}

proto::Result<TrustStore::Adopted> adopt_file(TrustStore& trust, const std::filesystem::path& file) {
    const auto lists = read_revocation_file(file);
    if (!lists) return tl::unexpected(lists.error());
    auto all = TrustStore::Adopted::known;
    for (const auto& list : *lists) {
        const auto adopted = trust.adopt(list);
        if (!adopted) return proto::fail(adopted.error().code, fmt::format("{}: {}", file.string(), adopted.error().detail));
        if (*adopted == TrustStore::Adopted::newer) all = *adopted;
    }
    return all;
}

// The store's side, here beside the label.
proto::Result<TrustStore::Adopted> TrustStore::adopt(proto::BytesView packed) {
    if (packed.size() > proto::limits::revocation_list_size_max + 128)
        return proto::fail(Errc::malformed, fmt::format("a revocation list of {} octets; at most {} are read", packed.size(),
                                                        proto::limits::revocation_list_size_max));
    auto list = proto::unpack<proto::RevocationList>(packed);
    if (!list) return tl::unexpected(std::move(list.error()));
    auto body = proto::unpack<proto::RevocationBody>(list->body);
    if (!body) return tl::unexpected(std::move(body.error()));
    const auto root = std::find_if(roots_.begin(), roots_.end(), [&](const Root& r) { return r.body.serial == body->authority; });
    if (root == roots_.end())
        return proto::fail(Errc::not_found, fmt::format("a revocation list of the authority {}, which is not trusted here", body->authority.hex()));
    // The number first: it costs nothing, and most lists that come are known.
    if (body->number < root->list_number || (body->number == root->list_number && std::ranges::equal(packed, root->list)))
        return Adopted::known;
    if (!security::verify(root->body.sign_key, list_label, {list->body}, list->signature))
        return proto::fail(Errc::unauthenticated, fmt::format("a revocation list that the authority \"{}\" did not sign", root->body.name));
    if (body->number == root->list_number)
        return proto::fail(Errc::denied, fmt::format("two revocation lists of the authority \"{}\" have the number {}\nthere may be a copy of "
                                                     "its folder; revoke once more to make a higher one",
                                                     root->body.name, body->number));
    root->list.assign(packed.begin(), packed.end());
    root->list_number = body->number;
    root->serials = std::move(body->serials);
    revoked_.clear();
    for (const auto& each : roots_) revoked_.insert(each.serials.begin(), each.serials.end());
    return Adopted::newer;
}

std::vector<proto::Bytes> TrustStore::revocation_lists() const {
    std::vector<proto::Bytes> lists;
    for (const auto& root : roots_) {
        if (!root.list.empty()) lists.push_back(root.list);
    }
    return lists;
}

std::uint64_t TrustStore::revocations_version() const {
    std::uint64_t sum = 0;
    for (const auto& root : roots_) sum += root.list_number;
    return sum;
}

bool TrustStore::revoked(const proto::Serial& serial) const { return revoked_.contains(serial); }

}  // namespace mco::security
