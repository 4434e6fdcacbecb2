#pragma once

#include <string>

#include "mesh/io/host.hpp"
#include "node/mesh_view.hpp"
#include "proto/ids.hpp"
#include "proto/time.hpp"

namespace mco::node {

// What a host's engine sees now, for the request that asks. The host's thread.
MeshView view_of(const mesh::io::Host& host, proto::Now now, const proto::RequestId& request, const std::string& group);

}  // namespace mco::node
