#include "node/agents/filemgr.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <doctest/doctest.h>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/node/agent_rig.hpp"

namespace mco::test {
namespace {

using node::Filemgr;
using proto::StatusCode;
using proto::Value;

TEST_CASE("filemgr tells what is known of a file, with its MD5") {
    const TempDir dir;
    Filemgr filemgr;
    AgentRig rig(filemgr);
    const auto file = dir.write("devon.txt", "hello\n").string();
    const auto reply = rig.run("status", {{"file", file}});
    CHECK(reply.status == StatusCode::ok);
    CHECK(output(reply, "output") == Value("present"));
    CHECK(output(reply, "present") == Value(1));
    CHECK(output(reply, "size") == Value(6));
    CHECK(output(reply, "type") == Value("file"));
    CHECK(output(reply, "md5") == Value("b1946ac92492d2347c6235b4d2611184"));
    CHECK(*output(reply, "mtime_seconds").integer() > 1'600'000'000);
}

TEST_CASE("a file that is not there fails, with the fields filled") {
    Filemgr filemgr;
    AgentRig rig(filemgr);
    const auto reply = rig.run("status", {{"file", "/nonexistent/devon.txt"}});
    CHECK(reply.status == StatusCode::aborted);
    CHECK(output(reply, "output") == Value("not present"));
    CHECK(output(reply, "present") == Value(0));
    CHECK(output(reply, "mode") == Value("0000"));
    CHECK(output(reply, "type") == Value("unknown"));
}

TEST_CASE("touch makes a file, and leaves the content of one that is there") {
    const TempDir dir;
    Filemgr filemgr;
    AgentRig rig(filemgr);
    const auto fresh = (dir / "fresh").string();
    CHECK(rig.run("touch", {{"file", fresh}}).status == StatusCode::ok);
    CHECK(std::filesystem::file_size(fresh) == 0);
    const auto old = dir.write("old", "kept");
    std::filesystem::last_write_time(old, std::filesystem::file_time_type::clock::now() - std::chrono::hours(9));
    const auto before = std::filesystem::last_write_time(old);
    CHECK(rig.run("touch", {{"file", old.string()}}).status == StatusCode::ok);
    CHECK(std::filesystem::file_size(old) == 4);
    CHECK(std::filesystem::last_write_time(old) > before);
    const auto refused = rig.run("touch", {{"file", (dir / "no/such/folder").string()}});
    CHECK(refused.status == StatusCode::aborted);
    CHECK(refused.message.find("No such file") != std::string::npos);
}

TEST_CASE("remove takes files and links, never a directory, and says when there is nothing") {
    const TempDir dir;
    Filemgr filemgr;
    AgentRig rig(filemgr);
    const auto file = dir.write("folder/file", "x");
    const auto link = dir / "link";
    std::filesystem::create_symlink(file, link);
    CHECK(rig.run("status", {{"file", link.string()}}).data.at("type") == Value("symlink"));
    CHECK(rig.run("remove", {{"file", link.string()}}).status == StatusCode::ok);
    CHECK(std::filesystem::exists(file));
    CHECK(rig.run("remove", {{"file", (dir / "folder").string()}}).status == StatusCode::aborted);
    CHECK(rig.run("remove", {{"file", file.string()}}).status == StatusCode::ok);
    CHECK(!std::filesystem::exists(file));
    CHECK(rig.run("remove", {{"file", file.string()}}).status == StatusCode::aborted);
}

TEST_CASE("a directory is listed on demand, and no further than the limit") {
    const TempDir dir;
    Filemgr filemgr;
    AgentRig rig(filemgr);
    dir.write("many/b", "");
    dir.write("many/a", "");
    const auto folder = (dir / "many").string();
    CHECK(output(rig.run("status", {{"file", folder}}), "dir_listing").is_null());
    const auto listed = rig.run("status", {{"file", folder}, {"dirlist", true}});
    CHECK(output(listed, "dir_listing") == Value(Value::List{"a", "b"}));
    for (std::size_t i = 0; i < Filemgr::listed_max; ++i) dir.write("many/" + std::to_string(i), "");
    const auto cut = rig.run("status", {{"file", folder}, {"dirlist", true}});
    CHECK(output(cut, "dir_listing").list()->size() == Filemgr::listed_max);
    CHECK(cut.message.find("only") != std::string::npos);
}

TEST_CASE("without a name the configured file is meant; a relative one is refused") {
    const TempDir dir;
    Filemgr filemgr;
    AgentRig rig(filemgr);
    rig.set("plugin.filemgr.touch_file", (dir / "touched").string());
    CHECK(rig.run("touch").status == StatusCode::ok);
    CHECK(std::filesystem::exists(dir / "touched"));
    CHECK(rig.run("touch", {{"file", "etc/passwd"}}).status == StatusCode::invalid_data);
    CHECK(rig.run("status", {{"file", Value(std::string("/etc/passwd\0.txt", 16))}}).status == StatusCode::invalid_data);
}

TEST_CASE("a FIFO is looked at and touched without being waited for") {
    const TempDir dir;
    Filemgr filemgr;
    AgentRig rig(filemgr);
    const auto fifo = (dir / "fifo").string();
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(rig.run("touch", {{"file", fifo}}).status == StatusCode::ok);
    const auto reply = rig.run("status", {{"file", fifo}});
    CHECK(output(reply, "type") == Value("unknown"));
    CHECK(output(reply, "md5") == Value(""));
}

TEST_CASE("only status leaves the machine as it is") {
    const Filemgr filemgr;
    CHECK(filemgr.effect("status") == node::Agent::Effect::reads);
    CHECK(filemgr.effect("touch") == node::Agent::Effect::changes);
    CHECK(filemgr.effect("remove") == node::Agent::Effect::changes);
}

}  // namespace
}  // namespace mco::test
