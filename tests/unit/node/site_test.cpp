#include "node/site.hpp"

#include <doctest/doctest.h>

#include "node/agents/rpcutil.hpp"
#include "tests/unit/node/authority.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;
using proto::Value;
using test::at;

struct Place {
    test::Libdir libdir;
    test::TempDir dir;
    test::Probe probe;
    Config config;

    Place() {
        config.file = "/etc/mco/mcod.conf";
        config.collectives = {"mcollective"};
        config.main_collective = "mcollective";
        config.libdirs = {libdir.path()};
        config.fact_files = {dir.write("facts.yaml", "country: us\n")};
        config.classesfile = dir.write("classes.txt", "httpd\n");
        config.settings = {{"identity", ""}, {"loglevel", "info"}};
    }
    security::Policy policy() const { return *security::Policy::read(dir / "policies", {}); }
    Site site() { return {{.identity = "web1", .started = at(0s).wall}, config, policy(), {&probe}}; }
};

TEST_CASE("the view holds what the node is, and is shared until something changes") {
    Place place;
    auto site = place.site();
    const auto first = site.ground(at(0s)).view;
    CHECK(first->traits.identity == "web1");
    CHECK(first->traits.facts == Value::Map{{"country", "us"}});
    CHECK(first->traits.classes == std::vector<std::string>{"httpd"});
    CHECK(first->traits.agents == std::vector<std::string>{"probe"});
    CHECK(first->settings.at("identity") == "web1");
    CHECK(site.ground(at(1s)).view == first);

    place.dir.write("classes.txt", "mysql\n");
    const auto second = site.ground(at(2s)).view;
    CHECK(second != first);
    CHECK(second->traits.classes == std::vector<std::string>{"mysql"});
    CHECK(first->traits.classes == std::vector<std::string>{"httpd"});  // calls in flight keep what they were given
}

TEST_CASE("facts that break are told once, and once when they are mended") {
    Place place;
    auto site = place.site();
    site.ground(at(0s));
    CHECK(site.take_news().worse.empty());
    place.dir.write("facts.yaml", "country: [\n");
    CHECK_FALSE(site.ground(at(1s)).view->facts_problem.empty());
    site.ground(at(2s));
    CHECK(site.take_news().worse.size() == 1);
    CHECK(site.take_news().worse.empty());
    place.dir.write("facts.yaml", "country: uk\n");
    CHECK(site.ground(at(3s)).view->facts_problem.empty());
    const auto news = site.take_news();
    CHECK(news.worse.empty());
    CHECK(news.better.size() == 1);
}

TEST_CASE("a new configuration changes agents, settings and collectives at once") {
    Place place;
    auto site = place.site();
    site.ground(at(0s));
    place.config.activation.single["probe"] = false;
    place.config.settings["loglevel"] = "debug";
    site.change(place.config, place.policy());
    const auto ground = site.ground(at(1s));
    CHECK(ground.registry.find("probe") == nullptr);
    CHECK(ground.view->traits.agents.empty());
    CHECK(ground.view->settings.at("loglevel") == "debug");
    CHECK(ground.view->traits.facts == Value::Map{{"country", "us"}});
}

}  // namespace
}  // namespace mco::node
