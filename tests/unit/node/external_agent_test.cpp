#include "node/external/external_agent.hpp"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "node/descriptor.hpp"
#include "node/external/agent_files.hpp"
#include "node/external/call_files.hpp"
#include "node/external/exchange.hpp"
#include "tests/unit/node/external_place.hpp"

namespace mco::node::external {
namespace {

using proto::StatusCode;
using proto::Value;
using test::ExternalPlace;

ActionReply run(const ExternalPlace& place, std::string_view script, Value::Map arguments = {}) {
    place.ddl("echo");
    place.program("echo", script);
    return place.agent("echo")->run(place.call("echo", "act", std::move(arguments)), {});
}

TEST_CASE("one call goes by files, environment and arguments as the contract says") {
    const ExternalPlace place;
    const auto reply = run(place, R"x(#!/bin/sh
test "$1" = "$CHORIA_EXTERNAL_REQUEST" && test "$2" = "$CHORIA_EXTERNAL_REPLY" && test $# = 3 || exit 9
test -f "$2" && ! test -s "$2" || exit 8
printf '{"statuscode":0,"statusmsg":"fine","data":{"out":"%s","protocol":"%s","argument":"%s","config":"%s","pwd":"%s","facts":%s,"request":%s,"environment":"%s"}}' \
  done "$CHORIA_EXTERNAL_PROTOCOL" "$3" "$CHORIA_EXTERNAL_CONFIG" "$(pwd)" "$(cat $CHORIA_EXTERNAL_FACTS)" "$(cat $1)" \
  "$(env | sed 's/=.*//' | sort | tr '\n' ' ')" > "$2"
echo said; echo complained >&2)x",
                           {{"text", "a\"b\n$(id)"}});
    CHECK(reply.status == StatusCode::ok);
    CHECK(reply.message == "fine");
    CHECK(reply.data.at("out") == Value("done"));
    CHECK(reply.data.at("protocol") == Value("io.choria.mcorpc.external.v1.rpc_request"));
    CHECK(reply.data.at("argument") == Value("io.choria.mcorpc.external.v1.rpc_request"));
    CHECK(reply.data.at("config") == Value("/etc/mco/plugin.d/echo"));
    CHECK(reply.data.at("pwd") == Value(std::filesystem::temp_directory_path().string()));
    CHECK(reply.data.at("facts") == Value(Value::Map{{"country", "uk"}}));
    CHECK(reply.data.at("environment") ==
          Value("CHORIA_EXTERNAL_CONFIG CHORIA_EXTERNAL_FACTS CHORIA_EXTERNAL_PROTOCOL CHORIA_EXTERNAL_REPLY "
                "CHORIA_EXTERNAL_REQUEST PATH PWD "));  // PWD is the shell's own
    const auto& request = reply.data.at("request");
    CHECK(*request.find("$schema") == Value("https://choria.io/schemas/mcorpc/external/v1/rpc_request.json"));
    CHECK(*request.find("requestid") == Value("01020300000000000000000000000000"));
    CHECK(*request.find("senderid") == Value("alice"));
    CHECK(*request.find("callerid") == Value("cert=alice"));
    CHECK(*request.find("ttl") == Value(60));
    CHECK(*request.find("msgtime") == Value(1'700'000'000));
    CHECK(*request.find("data") == Value(Value::Map{{"text", "a\"b\n$(id)"}}));
    CHECK(place.said() == "info agent echo: said\nerror agent echo: complained\n");
}

TEST_CASE("the files of a call are private, and gone when it is over") {
    const ExternalPlace place;
    const auto reply =
        run(place, R"x(#!/bin/sh
printf '{"data":{"folder":"%s","modes":"%s"}}' "$(dirname $1)" "$(stat -c %a "$(dirname $1)" "$1" "$2" | tr '\n' ' ')" > "$2")x");
    CHECK(reply.data.at("modes") == Value("700 600 600 "));
    CHECK_FALSE(std::filesystem::exists(*reply.data.at("folder").text()));
}

TEST_CASE("what a killed daemon left of its calls is swept, and what a living one has is not") {
    const auto living = CallFiles::make({});
    REQUIRE(living.has_value());
    REQUIRE(living->write("request", "{}").has_value());
    auto left = (std::filesystem::temp_directory_path() / "mcod-call-XXXXXX").string();
    REQUIRE(::mkdtemp(left.data()) != nullptr);
    std::ofstream(left + "/request") << "{}";
    CallFiles::sweep();
    CHECK_FALSE(std::filesystem::exists(left));
    CHECK(living->read("request", 2) == "{}");
}

TEST_CASE("an agent's failure is what it says; a failed or unreadable one names program and reason") {
    const ExternalPlace place;
    const auto echo = (place.agents() / "echo").string();
    const auto failed = run(place, "#!/bin/sh\necho '{\"statuscode\":4,\"statusmsg\":\"no\",\"data\":{\"out\":1}}' > $2");
    CHECK(failed.status == StatusCode::invalid_data);
    CHECK(failed.message == "no");
    CHECK(failed.data == Value::Map{{"out", 1}});

    const auto message = [&](std::string_view script) {
        const auto reply = run(place, script);
        CHECK(reply.status == StatusCode::aborted);
        return reply.message;
    };
    CHECK(message("#!/bin/sh\nexit 3") == "agent echo: " + echo + " exited with status 3");
    CHECK(message("#!/bin/sh\nkill -9 $$") == "agent echo: " + echo + " was killed by signal 9 (KILL)");
    CHECK(message("#!/bin/sh\n") == "agent echo: " + echo + " exited with status 0, but its reply is empty");
    CHECK(message("#!/bin/sh\nprintf '{\"statuscode\":0,' > $2").find("its reply is not JSON: ") != std::string::npos);
    CHECK(message("#!/bin/sh\necho '{\"statuscode\":9}' > $2").find("0 to 5") != std::string::npos);
    CHECK(message("#!/bin/sh\necho '{\"data\":[1]}' > $2").find("data that is no object") != std::string::npos);
    CHECK(message("#!/bin/sh\nrm $2").find("its reply cannot be read") != std::string::npos);
    CHECK(message("#!/bin/sh\nln -sf /etc/passwd $2").find("its reply cannot be read") != std::string::npos);
    CHECK(message("#!/bin/sh\nrm $2; mkfifo $2").find("is no plain file") != std::string::npos);
    CHECK(message("#!/bin/sh\nhead -c 2000000 /dev/zero > $2").find("larger than 1048576") != std::string::npos);
    CHECK(message("#!/nonexistent\n").find("interpreter") != std::string::npos);
    const auto replaced = run(place, "#!/bin/sh\necho '{\"data\":{\"out\":2}}' > $2.new; mv $2.new $2");
    CHECK(replaced.data == Value::Map{{"out", 2}});
}

TEST_CASE("an agent past its time is stopped with its group, and the caller told") {
    const ExternalPlace place;
    const auto reply = run(place, "#!/bin/sh\necho $$; trap '' TERM; sh -c 'exec sleep 600' & wait; sleep 600");
    CHECK(reply.status == StatusCode::aborted);
    CHECK(reply.message.find("did not end within 3.5 s and was stopped") != std::string::npos);
    CHECK(place.said().find("info agent echo: ") == 0);
}

TEST_CASE("what an agent prints is bounded and cannot forge lines") {
    const ExternalPlace place;
    const auto reply = run(place, "#!/bin/sh\nyes line | head -n 1000; echo '{}' > $2");
    CHECK(reply.status == StatusCode::ok);
    const auto lines = place.lines->take();
    CHECK(lines.size() == 101);
    CHECK(lines.back().text == "agent echo: more than 100 lines, the rest is left out");
}

TEST_CASE("an agent is active only if it clearly says so within its time") {
    const ExternalPlace place;
    place.ddl("echo");
    const auto activates = [&](std::string_view script) {
        place.program("echo", script);
        return place.agent("echo")->activates({});
    };
    using Wish = ExternalAgent::Wish;
    CHECK(activates(R"(#!/bin/sh
test "$CHORIA_EXTERNAL_PROTOCOL" = io.choria.mcorpc.external.v1.activation_request || exit 1
test "$3" = io.choria.mcorpc.external.v1.rpc_request || exit 1
! test -s "$CHORIA_EXTERNAL_FACTS" || exit 1
grep -q '"agent":"echo"' $1 && grep -q v1/activation_request.json $1 || exit 1
echo '{"activate": true}' > $2)") == Wish::active);
    CHECK(activates("#!/bin/sh\necho '{\"activate\": false}' > $2") == Wish::inactive);
    CHECK(place.said() == "info agent echo does not want to be active here\n");
    CHECK(activates("#!/bin/sh\necho '{\"activate\": \"true\"}' > $2") == Wish::inactive);
    CHECK(activates("#!/bin/sh\necho '{\"activate\": tr' > $2") == Wish::inactive);
    CHECK(activates("#!/bin/sh\necho '{\"activate\": true}' > $2; exit 1") == Wish::inactive);
    CHECK(activates("#!/bin/sh\nexec sleep 600") == Wish::late);
    CHECK(place.said().find("did not end within 2 s and was stopped") != std::string::npos);
}

TEST_CASE("a command of the DDL is run with the inputs and read as it says") {
    const ExternalPlace place;
    place.ddl("cmd", "", R"(,"command":["/usr/bin/printf","%s|","{{text}}","end"])");
    const auto agent = place.agent("cmd");
    REQUIRE(agent);
    CHECK(agent->activates({}) == ExternalAgent::Wish::active);
    CHECK(agent->run(place.call("cmd", "act", {{"text", "$(id) *"}}), {}).data == Value::Map{{"out", "$(id) *|end|"}});
    CHECK(agent->run(place.call("cmd"), {}).data == Value::Map{{"out", "end|"}});
    const auto refused = agent->run(place.call("cmd", "act", {{"text", "-v"}}), {});
    CHECK(refused.status == StatusCode::invalid_data);
    CHECK(agent->run(place.call("cmd", "nosuch"), {}).status == StatusCode::unknown_action);

    place.ddl("cmd", "", R"(,"command":["/bin/sh","-c","echo half; echo why >&2; exit 5"])");
    const auto failed = place.agent("cmd")->run(place.call("cmd"), {});
    CHECK(failed.status == StatusCode::aborted);
    CHECK(failed.message == "agent cmd: /bin/sh exited with status 5");
    CHECK(failed.data == Value::Map{{"out", "half"}});
    CHECK(place.said() == "error agent cmd: why\n");

    place.ddl("cmd", "", R"(,"command":["/nonexistent"])");
    CHECK(place.agent("cmd")->run(place.call("cmd"), {}).message ==
          "agent cmd: /nonexistent: No such file or directory");
    place.ddl("cmd", "", R"(,"command":["/bin/echo","[]"],"output_format":"json")");
    CHECK(place.agent("cmd")->run(place.call("cmd"), {}).message ==
          "agent cmd: /bin/echo exited with status 0, but the JSON it printed is no object");
}

TEST_CASE("root can have an agent run as somebody else, who gets his own files") {
    if (::geteuid() != 0) return;
    const ExternalPlace place;
    std::filesystem::permissions(place.dir.path(), std::filesystem::perms(0755));
    for (const auto& folder : {place.dir.path() / "mcollective", place.agents()}) {
        std::filesystem::create_directories(folder);
        std::filesystem::permissions(folder, std::filesystem::perms(0755));
    }
    place.ddl("echo");
    const auto program = place.program("echo", "#!/bin/sh\nid -u; cat $1 > /dev/null && echo '{\"data\":{\"out\":\"'$(id -u)'\"}}' > $2");
    auto schema = read_schema(find_agent_files({place.dir.path()}).at(0));
    REQUIRE(schema);
    ExternalAgent agent({.schema = std::make_shared<const proto::AgentSchema>(std::move(*schema)),
                         .program = program,
                         .config = {},
                         .run_as = ChildProcess::User{65534, 65534},
                         .search_path = "/usr/bin:/bin",
                         .lines = place.lines});
    const auto reply = agent.run(place.call("echo"), {});
    CHECK(reply.message == "OK");
    CHECK(reply.data == Value::Map{{"out", "65534"}});
    // What it puts in the reply's place is not read with root's rights.
    place.program("echo", "#!/bin/sh\nrm $2; ln /etc/passwd $2 || ln -s /etc/passwd $2");
    CHECK(agent.run(place.call("echo"), {}).status == StatusCode::aborted);
}

TEST_CASE("files are found by the contract's rules") {
    const ExternalPlace place, other;
    place.ddl("single");
    place.program("single", "");
    place.ddl("folder/folder");
    place.program("folder/folder-linux_amd64", "");
    place.program("folder/folder-linux_arm64", "");
    place.ddl("tmp/tmp");
    place.ddl("deep/er/er");
    place.ddl("lonely");
    other.ddl("single");
    const auto files = find_agent_files({place.dir.path(), other.dir.path(), "/nonexistent"});
    REQUIRE(files.size() == 3);
    CHECK(files[0].name == "folder");
    CHECK(files[0].program.filename().string().starts_with("folder-linux_"));
    CHECK(files[1].name == "lonely");
    CHECK(files[1].program.empty());
    CHECK(read_schema(files[1]).error().detail.find("no program lonely beside it") != std::string::npos);
    CHECK(files[2].libdir == place.dir.path());
}

TEST_CASE("only root and the daemon's user may be able to change what it runs") {
    const ExternalPlace place;
    const auto ddl = place.ddl("echo");
    const auto program = place.program("echo", "");
    const auto checked = [&] { return check_owners(find_agent_files({place.dir.path()}).at(0)); };
    CHECK(checked());
    for (const auto& path : {ddl, program, place.agents(), place.dir.path()}) {
        const auto before = std::filesystem::status(path).permissions();
        std::filesystem::permissions(path, before | std::filesystem::perms::others_write);
        CHECK(checked().error().detail.starts_with(path.string() + ": others may write to it"));
        std::filesystem::permissions(path, before | std::filesystem::perms::group_write);
        CHECK_FALSE(checked());
        std::filesystem::permissions(path, before);
        CHECK(checked());
        if (::geteuid() != 0) continue;
        REQUIRE(::chown(path.c_str(), 12345, -1) == 0);
        CHECK(checked().error().detail.starts_with(path.string() + ": belongs to user 12345"));
        REQUIRE(::chown(path.c_str(), 0, -1) == 0);
    }
    const ExternalPlace elsewhere;
    const auto target = elsewhere.program("target", "");
    std::filesystem::remove(program);
    std::filesystem::create_symlink(target, program);
    CHECK(checked());
    std::filesystem::permissions(elsewhere.agents(), std::filesystem::perms(0777));
    CHECK_FALSE(checked());
}

}  // namespace
}  // namespace mco::node::external
