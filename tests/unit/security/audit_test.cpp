#include "security/audit.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const fs::path& file) {
    std::ifstream stream(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

AuditEvent event(std::string code = "allowed") {
    AuditEvent made;
    made.caller_name = "alice";
    made.agent = "rpcutil";
    made.action = "ping";
    made.collective = "mcollective";
    made.code = std::move(code);
    made.detail = "rpcutil.policy:2";
    return made;
}

TEST_CASE("one event is one line of JSON with everything in it") {
    const mco::test::TempDir dir;
    auto audit = Audit::open(dir / "audit.jsonl");
    REQUIRE(audit);
    CHECK((static_cast<unsigned>(fs::status(dir / "audit.jsonl").permissions()) & 0777U) == 0600);
    auto outcome = event("ok");
    outcome.kind = AuditEvent::Kind::outcome;
    outcome.duration_us = 1234;
    outcome.request.octets[0] = 0xab;
    CHECK(audit->append(event(), at(0s)));
    CHECK(audit->append(outcome, at(1us)));
    const auto lines = lines_of(dir / "audit.jsonl");
    REQUIRE(lines.size() == 2);
    CHECK(
        lines[0] ==
        R"({"seq":1,"time":"2026-01-01T00:00:00.000000Z","kind":"decision","request":"00000000000000000000000000000000",)"
        R"("caller":{"serial":"00000000000000000000000000000000","name":"alice"},"collective":"mcollective",)"
        R"("agent":"rpcutil","action":"ping",)"
        R"("arguments":"0000000000000000000000000000000000000000000000000000000000000000",)"
        R"("code":"allowed","detail":"rpcutil.policy:2"})");
    const auto second = proto::parse_json(lines[1]);
    REQUIRE(second);
    CHECK(*second->find("seq")->integer() == 2);
    CHECK(*second->find("duration_us")->integer() == 1234);
    CHECK(second->find("request")->text()->starts_with("ab00"));
}

TEST_CASE("no text of a peer can begin a line or leave its quotes") {
    const mco::test::TempDir dir;
    auto audit = Audit::open(dir / "audit.jsonl");
    REQUIRE(audit);
    auto hostile = event();
    hostile.agent = "a\"\n{\"seq\":99}\r\x1b[2J\\";
    hostile.caller_name = std::string("x\0y\xff", 4);
    CHECK(audit->append(hostile, at(0s)));
    const auto lines = lines_of(dir / "audit.jsonl");
    REQUIRE(lines.size() == 1);
    for (const char c : lines[0]) CHECK(static_cast<unsigned char>(c) >= ' ');
    const auto value = proto::parse_json(lines[0]);
    REQUIRE(value);
    CHECK(*value->find("agent")->text() == hostile.agent);
}

TEST_CASE("the sequence goes on after a restart, and past a line that was cut") {
    const mco::test::TempDir dir;
    const auto file = dir / "audit.jsonl";
    for (int i = 0; i < 3; ++i) {
        auto audit = Audit::open(file);
        REQUIRE(audit);
        CHECK(audit->append(event(), at(0s)));
    }
    { std::ofstream(file, std::ios::app) << R"({"seq":4,"time":"2026)"; }
    auto audit = Audit::open(file);
    REQUIRE(audit);
    CHECK(audit->append(event(), at(0s)));
    const auto lines = lines_of(file);
    REQUIRE(lines.size() == 5);
    CHECK(lines[4].starts_with(R"({"seq":4,)"));
    CHECK(proto::parse_json(lines[4]));
}

TEST_CASE("the sequence is found behind more than the last lines can hold of others") {
    const mco::test::TempDir dir;
    const auto file = dir.write("audit.jsonl", R"({"seq":7})"
                                               "\n" +
                                                   std::string(1000, 'x') + "\n[1]\n\n{\"seq\":-1}\n");
    fs::permissions(file, fs::perms(0600));
    auto audit = Audit::open(file);
    REQUIRE(audit);
    CHECK(audit->append(event(), at(0s)));
    CHECK(lines_of(file).back().starts_with(R"({"seq":8,)"));
}

TEST_CASE("after a rotation reopen() begins a new file and goes on counting") {
    const mco::test::TempDir dir;
    const auto file = dir / "audit.jsonl";
    auto audit = Audit::open(file);
    REQUIRE(audit);
    CHECK(audit->append(event(), at(0s)));
    fs::rename(file, dir / "audit.jsonl.1");
    CHECK(audit->append(event(), at(0s)));
    CHECK(audit->reopen());
    CHECK(audit->append(event(), at(0s)));
    CHECK(lines_of(dir / "audit.jsonl.1").size() == 2);
    REQUIRE(lines_of(file).size() == 1);
    CHECK(lines_of(file)[0].starts_with(R"({"seq":3,)"));
}

TEST_CASE("a file open to others, a link, a FIFO, a folder and a missing folder are refused") {
    const mco::test::TempDir dir;
    const auto file = dir.write("audit.jsonl", "");
    for (const unsigned mode : {0644U, 0660U, 0620U, 0602U}) {
        fs::permissions(file, static_cast<fs::perms>(mode));
        CHECK(has(Audit::open(file).error().detail, "\nchmod 640 "));
    }
    fs::permissions(file, fs::perms(0640));
    CHECK(Audit::open(file));
    fs::create_symlink(file, dir / "link");
    CHECK_FALSE(Audit::open(dir / "link"));
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    CHECK_FALSE(Audit::open(dir / "fifo"));
    CHECK_FALSE(Audit::open(dir.path()));
    CHECK(has(Audit::open(dir / "no/audit.jsonl").error().detail, "no/audit.jsonl"));
}

// A full disk as a process can have it for itself: no file may grow over `size`.
class FileLimit {
 public:
    explicit FileLimit(rlim_t size) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{size, before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileLimit() {
        setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    FileLimit(const FileLimit&) = delete;
    FileLimit& operator=(const FileLimit&) = delete;

 private:
    rlimit before_{};
    void (*handler_)(int);
};

TEST_CASE("what finds no room is an error and leaves no half line, and the next one takes its number") {
    const mco::test::TempDir dir;
    const auto file = dir / "audit.jsonl";
    auto audit = Audit::open(file);
    REQUIRE(audit);
    CHECK(audit->append(event(), at(0s)));
    const auto size = fs::file_size(file);
    for (const auto room : {size, size + 1, size + size / 2}) {
        const FileLimit limit(room);
        const auto appended = audit->append(event(), at(0s));
        REQUIRE_FALSE(appended);
        CHECK(has(appended.error().detail, file.string()));
        CHECK(fs::file_size(file) == size);
    }
    CHECK(audit->append(event(), at(0s)));
    CHECK(lines_of(file).back().starts_with(R"({"seq":2,)"));
}

TEST_CASE("a moved audit goes on writing, once") {
    const mco::test::TempDir dir;
    auto opened = Audit::open(dir / "audit.jsonl");
    REQUIRE(opened);
    Audit one = std::move(*opened);
    CHECK(one.append(event(), at(0s)));
    Audit two = std::move(one);
    CHECK(two.append(event(), at(0s)));
    CHECK(lines_of(dir / "audit.jsonl").size() == 2);
}

}  // namespace
}  // namespace mco::security::test
