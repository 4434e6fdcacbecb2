#pragma once

#include <memory>
#include <string>
#include <vector>

#include "node/admission.hpp"
#include "node/call.hpp"
#include "node/classes.hpp"
#include "node/config.hpp"
#include "node/facts.hpp"
#include "node/registry.hpp"
#include "proto/time.hpp"
#include "security/policy.hpp"

namespace mco::node {

FactSources fact_sources(const Config& config);

// What this node is and allows: facts, classes, agents, policies, settings. Looks at its files when asked, and makes one
// immutable view of them that calls share until something changes. One thread; agents must outlive it.
class Site {
 public:
    struct Self {
        std::string identity;
        proto::WallTime started{};
    };
    Site(Self self, const Config& config, security::Policy policy, std::vector<Agent*> agents);

    Admission::Ground ground(proto::Now now);  // holds until the next call of anything here

    // All the external agents there are now.
    void set_external(std::vector<Registry::Entry> agents);
    std::vector<std::string> built_in() const { return registry_.built_in(); }

    // A new configuration whose policies were read already.
    void change(const Config& config, security::Policy policy);

    // What there is to log since the last call, one sentence each: a fact file broke or was mended, an agent has no DDL.
    struct News {
        std::vector<std::string> worse, better;
    };
    News take_news();
    std::vector<std::string> agents() const { return registry_.names(); }

 private:
    void load_agents(const Config& config);
    void list_agents();
    void note(std::string& known, const std::string& problem, std::string_view what);
    void make_view();

    Self self_;
    security::Policy policy_;
    Registry registry_;
    Facts facts_;
    FactSources fact_sources_;  // of facts_
    Classes classes_;
    NodeView base_;  // what only change() alters
    std::shared_ptr<const NodeView> view_;
    std::string facts_problem_, classes_problem_;  // as told
    News news_;
};

}  // namespace mco::node
