#include "mesh/sim/records.hpp"

#include <utility>

#include "proto/codec.hpp"

namespace mco::mesh::sim {

SharedRecord Records::intern(const proto::PeerRecordBody& body) {
    proto::SealedRecord sealed;
    sealed.body = proto::pack(body);
    return intern(proto::pack(sealed));
}

SharedRecord Records::intern(const proto::Bytes& sealed) {
    const auto found = known_.find(proto::as_text(sealed));
    if (found != known_.end()) return found->second;
    const auto opened = proto::unpack<proto::SealedRecord>(sealed);
    auto body = opened ? proto::unpack<proto::PeerRecordBody>(opened->body) : tl::unexpected(opened.error());
    if (!body) return nullptr;
    auto record = std::make_shared<const Record>(Record{std::move(*body), sealed});
    known_.emplace(proto::as_text(record->sealed), record);
    return record;
}

}  // namespace mco::mesh::sim
