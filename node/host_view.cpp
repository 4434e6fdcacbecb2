#include "node/host_view.hpp"

#include "mesh/io/counters.hpp"

namespace mco::node {

MeshView view_of(const mesh::io::Host& host, proto::Now now, const proto::RequestId& request, const std::string& group) {
    const auto& engine = host.engine();
    return {.role = engine.role(),
            .gateway = engine.gateway(),
            .group = group,
            .members = engine.members().size(),
            .other_groups = engine.other_groups(),
            .links = engine.links(now),
            .request = engine.request(request),
            .counters = mesh::io::named(host.counters())};
}

}  // namespace mco::node
