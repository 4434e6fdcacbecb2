// Lists of who is revoked: told to whoever has others, obeyed at once.

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mesh/io/host_impl.hpp"
#include "proto/codec.hpp"

namespace mco::mesh::io {

void Host::Impl::tell_revocations(proto::Now now, LinkId link) {
    auto lists = trust.revocation_lists();
    if (!lists.empty()) send(now, link, proto::encode(proto::Revocations{std::move(lists)}));
}

// Anybody may bring one, because its authority has signed it.
void Host::Impl::hear_revocations(proto::Now now, LinkId from, proto::BytesView frame) {
    auto message = proto::decode(frame);
    if (!message) {
        ++counters.malformed;
        return;
    }
    bool newer = false;
    for (const auto& list : std::get<proto::Revocations>(*message).lists) {
        const auto adopted = trust.adopt(list);
        if (adopted) {
            newer = newer || *adopted == security::TrustStore::Adopted::newer;
        } else if (adopted.error().code != proto::Errc::not_found) {  // of an authority that only the other side trusts
            ++counters.forged;
            log("dropped a revocation list: " + adopted.error().detail);
        }
    }
    if (newer) obey_revocations(now, from);
}

// The others first: a link that ends here may be the only way to somebody. The key is not banned: a certificate is revoked, and its
// owner may have another one for the same key, which HELLO tells apart.
void Host::Impl::obey_revocations(proto::Now now, LinkId from) {
    std::vector<LinkId> all, ended;
    for (const auto& [link, about] : links) {
        if (link != from) all.push_back(link);
        if (trust.revoked(about.peer)) ended.push_back(link);
    }
    for (const auto link : all) tell_revocations(now, link);
    for (const auto link : ended) {
        Hangup hangup{link, proto::Errc::denied};
        perform(now, hangup);
    }
    if (owner.revocations) owner.revocations(now);
}

}  // namespace mco::mesh::io
