#pragma once

#include "node/agent.hpp"

namespace mco::node {

// Looks at files, touches them, removes them; never a folder with what is in it.
class Filemgr final : public Agent {
 public:
    static constexpr std::size_t listed_max = 4'096;             // names of one folder
    static constexpr std::size_t digest_size_max = 64U << 20U;   // of a larger file no MD5 is taken: 5 s are all there is

    std::string_view name() const override { return "filemgr"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view action) const override {
        return action == "status" ? Effect::reads : Effect::changes;
    }
};

}  // namespace mco::node
