#include "node/external/agent_loader.hpp"

#include <poll.h>

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/node/external_place.hpp"

namespace mco::node::external {
namespace {

using test::ExternalPlace;

constexpr std::string_view willing = "#!/bin/sh\necho '{\"activate\": true}' > $2\n";

struct Loading : ExternalPlace {
    AgentLoader::Settings settings() const {
        return {.libdirs = {dir.path()},
                .plugin_folder = "/nonexistent",
                .reserved = {"rpcutil"},
                .activation = {},
                .run_as = {},
                .search_path = "/usr/bin:/bin"};
    }
};

// The next thing the loader has to say; waits for it.
AgentLoader::Found next(AgentLoader& loader) {
    pollfd waiting{loader.descriptor(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 60'000) == 1);
    auto found = loader.take();
    REQUIRE(found.size() == 1);
    return std::move(found.front());
}

std::vector<std::string> names(const AgentLoader::Found& found) {
    std::vector<std::string> names;
    for (const auto& entry : found.agents) names.emplace_back(entry.agent->name());
    return names;
}

using Names = std::vector<std::string>;

TEST_CASE("agents are loaded if they are sound and want to be; the rest is named") {
    Loading place;
    place.ddl("good");
    place.program("good", willing);
    place.ddl("unwilling");
    place.program("unwilling", "#!/bin/sh\necho '{\"activate\": false}' > $2\n");
    place.ddl("command", "", R"(,"command":["/bin/true"])");
    place.ddl("rpcutil", "", R"(,"command":["/bin/true"])");
    place.ddl("switched_off", "", R"(,"command":["/bin/true"])");
    place.ddl("ruby", R"(,"provider":"ruby")");
    std::filesystem::permissions(place.ddl("open", "", R"(,"command":["/bin/true"])"), std::filesystem::perms(0666));
    place.ddl("broken", "x");
    auto settings = place.settings();
    settings.activation.single = {{"switched_off", false}};
    AgentLoader loader(settings, place.lines);
    const auto found = next(loader);
    CHECK(names(found) == Names{"command", "good"});
    REQUIRE(found.worse.size() == 3);
    CHECK(found.worse[0].starts_with("agent broken: "));
    CHECK(found.worse[1].find("others may write to it") != std::string::npos);
    CHECK(check_external_agents(settings).size() == 3);
}

TEST_CASE("what changes on the disk is followed: new, changed, broken, vanished") {
    Loading place;
    AgentLoader loader(place.settings(), place.lines);
    CHECK(names(next(loader)).empty());

    place.ddl("one", "", R"(,"command":["/bin/true"])");
    loader.change(place.settings());
    auto found = next(loader);
    CHECK(names(found) == Names{"one"});
    const auto first = found.agents[0];

    place.ddl("one", R"(,"service":true)", R"(,"command":["/bin/false"])");
    loader.change(place.settings());
    found = next(loader);
    REQUIRE(names(found) == Names{"one"});
    CHECK(found.agents[0].agent != first.agent);
    CHECK(found.agents[0].schema->actions[0].command->argv[0] == "/bin/false");
    CHECK(first.schema->actions[0].command->argv[0] == "/bin/true");  // calls in flight keep theirs

    place.ddl("one", "broken");
    loader.change(place.settings());
    const auto broken = next(loader);
    CHECK(broken.worse.size() == 1);
    REQUIRE(names(broken) == Names{"one"});
    CHECK(broken.agents[0].agent == found.agents[0].agent);

    std::filesystem::remove(place.agents() / "one.json");
    loader.change(place.settings());
    found = next(loader);
    CHECK(names(found).empty());
    CHECK(found.better == Names{"agent one is unloaded"});
}

TEST_CASE("a DDL that was just written is left alone until it rests") {
    Loading place;
    std::filesystem::last_write_time(place.ddl("one", "", R"(,"command":["/bin/true"])"),
                                     std::filesystem::file_time_type::clock::now());
    AgentLoader loader(place.settings(), place.lines);
    CHECK(names(next(loader)).empty());
    CHECK(names(next(loader)) == Names{"one"});  // five seconds later, by itself
}

TEST_CASE("an agent that was late with its wish is asked again, one that said no is not") {
    Loading place;
    const auto asked = (place.dir.path() / "asked").string();
    const auto no = (place.dir.path() / "no").string();
    place.ddl("busy");
    place.program("busy", fmt::format("#!/bin/sh\nif [ -e {0} ]; then echo '{{\"activate\": true}}' > $2; else : > {0}; "
                                      "exec sleep 600; fi\n", asked));
    place.ddl("unwilling");
    place.program("unwilling", fmt::format("#!/bin/sh\necho x >> {}; exit 1\n", no));
    std::filesystem::last_write_time(place.ddl("young", "", R"(,"command":["/bin/true"])"),
                                     std::filesystem::file_time_type::clock::now());  // has the loader look again soon
    AgentLoader loader(place.settings(), place.lines);
    CHECK(names(next(loader)).empty());
    const auto found = next(loader);
    REQUIRE_FALSE(found.agents.empty());
    CHECK(names(found).front() == "busy");
    CHECK(std::filesystem::file_size(no) == 2);
}

TEST_CASE("who an agent runs as must be a user that the daemon may become") {
    Loading place;
    place.ddl("one", "", R"(,"command":["/bin/true"])");
    auto settings = place.settings();
    settings.run_as = {{"one", "no_such_user"}};
    AgentLoader loader(settings, place.lines);
    const auto found = next(loader);
    CHECK(names(found).empty());
    REQUIRE(found.worse.size() == 1);
    CHECK(found.worse[0] == "agent one: run_as = no_such_user: there is no such user on this machine");
}

}  // namespace
}  // namespace mco::node::external
