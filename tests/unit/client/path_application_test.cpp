#include "client/path_application.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

#include "client/command.hpp"
#include "tests/support/has.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::client {
namespace {

using Words = std::vector<std::string>;

struct Place {
    test::TempDir dir;
    Environment environment{{"PATH", (dir / "one").string() + ":relative::" + (dir / "two").string()}};
    Place() {
        program("one/mco-deploy");
        program("two/mco-deploy");
        program("two/mco-umount_all");
        program("two/mco-ca");
        program("two/mco-bad name");
        std::filesystem::permissions(dir.write("two/mco-data", "no program"), std::filesystem::perms::owner_read);
        std::filesystem::create_directory(dir / "two/mco-folder");
    }
    void program(const std::string& name) {
        std::filesystem::create_directories((dir / name).parent_path());
        std::filesystem::permissions(dir.write(name, "#!/bin/sh\n"), std::filesystem::perms::owner_all);
    }
    Launch launch(Words typed) {
        const auto launch = prepare_launch(*find_path_application(environment, "deploy"), typed, environment, "/usr/bin/mco");
        REQUIRE_MESSAGE(launch, launch.error().detail);
        return *launch;
    }
};

TEST_CASE("an executable mco-NAME in the path is an application; ours and what cannot run are none") {
    Place place;
    const auto all = path_applications(place.environment);
    REQUIRE(all.size() == 2);
    CHECK(all[0].name == "deploy");
    CHECK(all[0].program == place.dir / "one/mco-deploy");
    CHECK(all[1].name == "umount_all");
    CHECK(find_path_application(place.environment, "deploy")->program == place.dir / "one/mco-deploy");
    for (const auto* name : {"ca", "data", "folder", "nosuch", "bad name", "", "../two/mco-deploy", "."})
        CHECK(!find_path_application(place.environment, name));
    CHECK(!find_path_application({}, "deploy"));
}

TEST_CASE("options for connection and filter go to every mco that it calls, the rest is its own") {
    Place place;
    auto launch = place.launch({"v1.2", "-F", "country=uk", "--force", "--level", "3", "-I", "web1", "--dm=flatfile", "--do",
                                "it's", "-T", "uk_collective", "-x", "--help", "-v", "--", "-F", "mine"});
    CHECK(launch.argv == Words{(place.dir / "one/mco-deploy").string(), "v1.2", "--force", "--level", "3", "-x", "--help", "-v", "--",
                               "-F", "mine"});
    CHECK(launch.environment["MCOLLECTIVE_EXTRA_OPTS"] ==
          "'--with-fact=country=uk' '--with-identity=web1' '--disc-method=flatfile' '--disc-option=it'\\''s' "
          "'--target=uk_collective'");
    CHECK(launch.environment["MCO"] == "/usr/bin/mco");
    place.environment["MCOLLECTIVE_EXTRA_OPTS"] = "-t 9";
    CHECK(place.launch({"--config", "/etc/x"}).environment["MCOLLECTIVE_EXTRA_OPTS"] == "-t 9 '--config=/etc/x'");
    CHECK(place.launch({"--disc", "x"}).argv.size() == 3);  // only whole names are ours
    place.environment.erase("MCOLLECTIVE_EXTRA_OPTS");
    CHECK(!place.launch({}).environment.contains("MCOLLECTIVE_EXTRA_OPTS"));
    const Words cut{"-F"};
    CHECK(has(prepare_launch(*find_path_application(place.environment, "deploy"), cut, {}, "").error().detail, "--with-fact"));
}

TEST_CASE("mco NAME becomes the program, and mco help lists it") {
    Place place;
    std::ostringstream out, err;
    Words started;
    World world{.out = out,
                .err = err,
                .environment = place.environment,
                .terminal = {},
                .libdirs = {},
                .now = [] { return proto::Now{}; },
                .open_links = {},
                .become = [&](const Launch& launch) {
                    started = launch.argv;
                    return std::string("no memory");
                }};
    CHECK(run_program(world, Words{"mco", "deploy", "now"}) == 1);
    CHECK(started == Words{(place.dir / "one/mco-deploy").string(), "now"});
    CHECK(has(err.str(), "mco deploy: " + started[0] + " cannot be started: no memory\n"));
    CHECK(run_program(world, Words{"mc-deploy"}) == 1);
    CHECK(started.size() == 1);
    CHECK(run_program(world, Words{"mco", "nosuch"}) == 1);
    CHECK(has(err.str(), "mco-NAME in " + (place.dir / "one").string()));
    CHECK(run_program(world, Words{"mco", "help"}) == 0);
    CHECK(has(out.str(), "  deploy          An application of its own: " + started[0] + "\n"));
    out.str("");
    CHECK(run_program(world, Words{"mco", "help", "deploy"}) == 0);
    CHECK(has(out.str(), "Try: mco deploy --help"));
}

}  // namespace
}  // namespace mco::client
