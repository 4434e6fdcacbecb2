#include <string>

#include "node/agents/init_scripts.hpp"
#include "node/agents/service.hpp"
#include "node/agents/systemd.hpp"
#include "node/data/sources.hpp"

namespace mco::node::data {

Outputs service(const Call& call, const std::string& name) {
    const Systemd systemd;
    const InitScripts init;
    const auto state =
        choose_manager(call, {.systemd = systemd, .init = init, .systemd_runs = [] { return Systemd().runs_here(); }})
            .state(name, {});
    if (!state) return tl::unexpected(state.error());
    return proto::Value::Map{{"status", word(*state)}};
}

}  // namespace mco::node::data
