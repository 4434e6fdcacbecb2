#include "node/site.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "node/data.hpp"

namespace mco::node {
namespace {

constexpr auto first_facts_within = std::chrono::seconds(10);  // at the start; slower programs are heard later

}  // namespace

FactSources fact_sources(const Config& config) {
    return {.facter = config.facter,
            .files = config.fact_files,
            .folder = config.fact_folder,
            .reread_after = config.fact_cache_time};
}

Site::Site(Self self, const Config& config, security::Policy policy, std::vector<Agent*> agents)
    : self_(std::move(self)),
      policy_(std::move(policy)),
      registry_(std::move(agents)),
      facts_(fact_sources(config)),
      fact_sources_(fact_sources(config)),
      classes_(config.classesfile) {
    load_agents(config);
    facts_.settle(first_facts_within);
}

void Site::change(const Config& config, security::Policy policy) {
    policy_ = std::move(policy);
    if (fact_sources(config) != fact_sources_) {  // programs are not asked anew for nothing
        fact_sources_ = fact_sources(config);
        facts_ = Facts(fact_sources_);
        facts_.settle(first_facts_within);
    }
    classes_ = Classes(config.classesfile);
    load_agents(config);
}

void Site::load_agents(const Config& config) {
    auto problems = registry_.load(config.libdirs, config.activation);
    for (auto& problem : problems) news_.worse.push_back(std::move(problem));
    base_.traits.identity = self_.identity;
    base_.traits.main_collective = config.main_collective;
    base_.traits.collectives = config.collectives;
    base_.traits.agents = registry_.names();
    base_.schemas = registry_.schemas();
    base_.data = std::make_shared<const DataSources>(DataSources::load(config.libdirs, news_.worse));
    base_.settings = config.settings;
    base_.agent_settings = config.agent_settings;
    base_.settings["identity"] = self_.identity;
    base_.config_file = config.file.string();
    base_.audit_file = config.audit_file.string();
    base_.started = self_.started;
    list_agents();
}

void Site::set_external(std::vector<Registry::Entry> agents) {
    registry_.set_external(std::move(agents));
    list_agents();
}

void Site::list_agents() {
    base_.traits.agents = registry_.names();
    base_.schemas = registry_.schemas();
    view_.reset();
}

Admission::Ground Site::ground(proto::Now now) {
    const bool facts_changed = facts_.refresh(now);
    const bool classes_changed = classes_.refresh();
    if (facts_changed) note(facts_problem_, facts_.problem(), "facts");
    if (classes_changed) note(classes_problem_, classes_.problem(), "classes");
    if (facts_changed || classes_changed || view_ == nullptr) make_view();
    return {.view = view_, .registry = registry_, .policy = policy_};
}

void Site::make_view() {
    auto view = std::make_shared<NodeView>(base_);
    view->traits.facts = facts_.values();
    view->traits.classes = classes_.names();
    view->facts_problem = facts_.problem();
    view_ = std::move(view);
}

void Site::note(std::string& known, const std::string& problem, std::string_view what) {
    if (problem == known) return;
    if (problem.empty()) {
        news_.better.push_back(fmt::format("{}: the files are fine again", what));
    } else {
        news_.worse.push_back(fmt::format("{}: {}; what was read before is kept", what, problem));
    }
    known = problem;
}

Site::News Site::take_news() { return std::exchange(news_, {}); }

}  // namespace mco::node
