#include "security/audit.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "security/audit_trail.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

namespace fs = std::filesystem;

proto::Now moment(std::chrono::microseconds since) { return {proto::Instant(since), at(since)}; }

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

// A node and where it writes.
struct Desk {
    Authority authority;
    Identity web1 = authority.identity("web1");
    TrustStore trust = authority.trust();
    mco::test::TempDir dir;
    fs::path file = dir / "audit.jsonl";

    Audit open() const {
        auto audit = Audit::open(file, web1);
        REQUIRE_MESSAGE(audit, audit.error().detail);
        return std::move(*audit);
    }
    // `count` events, closed.
    void write(int count) const {
        auto audit = open();
        for (int i = 0; i < count; ++i) {
            REQUIRE(audit.append(event(), moment(std::chrono::seconds(i))));
            audit.settle(moment(std::chrono::seconds(i)));
        }
        audit.close(moment(std::chrono::seconds(count)));
    }
    TrailReport check(std::vector<fs::path> files) {
        const auto report = check_trail(files, trust);
        REQUIRE_MESSAGE(report, report.error().detail);
        return *report;
    }
    TrailReport check() { return check({file}); }
};

std::string text_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}
void put_text(const fs::path& file, std::string_view text) {
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    stream << text;
}

TEST_CASE("one event is one line of JSON with everything in it, behind the line that says whose trail it is") {
    Desk desk;
    auto audit = desk.open();
    CHECK((static_cast<unsigned>(fs::status(desk.file).permissions()) & 0777U) == 0600);
    auto outcome = event("ok");
    outcome.kind = AuditEvent::Kind::outcome;
    outcome.duration_us = 1234;
    outcome.request.octets[0] = 0xab;
    auto decision = event();
    decision.inputs = proto::Value::Map{{"fact", "country"}};
    CHECK(audit.append(decision, moment(0s)));
    CHECK(audit.append(outcome, moment(1us)));
    const auto lines = lines_of(desk.file);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].starts_with(
        R"({"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","time":)"
        R"("2026-01-01T00:00:00.000000Z","kind":"opened","node":"web1","chain":")"));
    CHECK(lines[1] == R"({"seq":2,"prev":")" + digest(proto::as_bytes(lines[0])).hex() +
                          R"(","time":"2026-01-01T00:00:00.000000Z","kind":"decision",)"
                          R"("request":"00000000000000000000000000000000",)"
                          R"("caller":{"serial":"00000000000000000000000000000000","name":"alice"},)"
                          R"("collective":"mcollective","agent":"rpcutil","action":"ping",)"
                          R"("arguments":"0000000000000000000000000000000000000000000000000000000000000000",)"
                          R"("inputs":{"fact":"country"},"code":"allowed","detail":"rpcutil.policy:2"})");
    const auto second = proto::parse_json(lines[2]);
    REQUIRE(second);
    CHECK(*second->find("seq")->integer() == 3);
    CHECK(*second->find("duration_us")->integer() == 1234);
    CHECK(second->find("request")->text()->starts_with("ab00"));
    CHECK(second->find("inputs") == nullptr);
}

TEST_CASE("no text of a peer can begin a line, leave its quotes or fill the disk") {
    Desk desk;
    auto audit = desk.open();
    auto hostile = event();
    hostile.agent = "a\"\n{\"seq\":99}\r\x1b[2J\\";
    hostile.caller_name = std::string("x\0y\xff", 4);
    hostile.detail = std::string(100'000, 'x');
    hostile.inputs = proto::Value::Map{{"text", std::string(100'000, 'x')}};
    CHECK(audit.append(hostile, moment(0s)));
    const auto lines = lines_of(desk.file);
    REQUIRE(lines.size() == 2);
    CHECK(lines[1].size() < 2'000);
    for (const char c : lines[1]) CHECK(static_cast<unsigned char>(c) >= ' ');
    const auto value = proto::parse_json(lines[1]);
    REQUIRE(value);
    CHECK(*value->find("agent")->text() == hostile.agent);
    CHECK(*value->find("inputs_size")->integer() > 100'000);
}

TEST_CASE("a checkpoint is signed after a hundred lines, after a minute, and at the end") {
    Desk desk;
    auto audit = desk.open();
    CHECK(!audit.next_deadline());
    for (int i = 0; i < 99; ++i) REQUIRE(audit.append(event(), moment(1s)));
    audit.settle(moment(1s));
    CHECK(desk.check().checkpoints == 0);
    REQUIRE(audit.append(event(), moment(1s)));
    audit.settle(moment(1s));
    CHECK(desk.check().checkpoints == 1);
    CHECK(!audit.next_deadline());
    REQUIRE(audit.append(event(), moment(10s)));
    CHECK(*audit.next_deadline() == moment(70s).mono);
    audit.settle(moment(70s - 1us));
    CHECK(desk.check().checkpoints == 1);
    audit.settle(moment(70s));
    CHECK(desk.check().checkpoints == 2);
    audit.close(moment(71s));
    const auto report = desk.check();
    CHECK(report.checkpoints == 3);
    CHECK(report.node == "web1");
    CHECK(report.last == 105);
    CHECK(report.findings.empty());
    CHECK(report.notes.empty());
}

TEST_CASE("the chain goes on after a restart, past a line that was cut, and past a crash before anything was signed") {
    Desk desk;
    for (int i = 0; i < 3; ++i) {
        auto audit = desk.open();
        CHECK(audit.append(event(), moment(0s)));
        audit.settle(moment(0s));
    }
    { std::ofstream(desk.file, std::ios::app) << R"({"seq":7,"prev":"2026)"; }
    desk.write(1);
    const auto report = desk.check();
    CHECK_MESSAGE(report.findings.empty(), report.findings.front());
    CHECK(report.last == 9);
}

TEST_CASE("the sequence goes on behind lines of others, which a check finds") {
    Desk desk;
    put_text(desk.file, R"({"seq":7})" "\n" + std::string(1000, 'x') + "\n[1]\n\n{\"seq\":-1}\n");
    fs::permissions(desk.file, fs::perms(0600));
    desk.write(1);
    CHECK(lines_of(desk.file).back().starts_with(R"({"seq":10,)"));
    CHECK(desk.check().findings.size() >= 4);
}

TEST_CASE("a rotated trail is closed and continued by the next file") {
    Desk desk;
    auto audit = desk.open();
    CHECK(audit.append(event(), moment(0s)));
    CHECK(audit.reopen(moment(0s)));  // still the same file: nothing to do
    CHECK(lines_of(desk.file).size() == 2);
    const auto old = desk.dir / "audit.jsonl.1";
    fs::rename(desk.file, old);
    CHECK(audit.append(event(), moment(0s)));
    CHECK(audit.reopen(moment(0s)));
    CHECK(audit.append(event(), moment(0s)));
    audit.settle(moment(0s));
    CHECK(lines_of(old).size() == 4);
    REQUIRE(lines_of(desk.file).size() == 2);
    CHECK(lines_of(desk.file)[0].starts_with(R"({"seq":5,)"));
    CHECK(desk.check({old, desk.file}).findings.empty());
    CHECK(desk.check({old}).findings.empty());
    CHECK(desk.check({desk.file}).findings.empty());
    CHECK(desk.check({desk.file}).notes.size() == 1);  // it begins in the middle
    CHECK_FALSE(desk.check({desk.file, old}).findings.empty());

    auto cut = text_of(old);
    cut.resize(cut.rfind('\n', cut.size() - 2) + 1);
    put_text(old, cut);
    CHECK_FALSE(desk.check({old, desk.file}).findings.empty());
    CHECK_FALSE(desk.check({old}).findings.empty());
}

TEST_CASE("a full trail goes on in a new file, the oldest goes, and what is kept is one chain, also after a restart") {
    Desk desk;
    constexpr Audit::Rotation rotation{.size_max = 8'000, .keep = 3};
    const auto numbered = [&](int number) { return fs::path(desk.file.string() + "." + std::to_string(number)); };
    int seconds = 0;
    const auto write = [&](Audit& audit) {
        for (int i = 0; i < 40; ++i) {
            REQUIRE(audit.append(event(), moment(std::chrono::seconds(++seconds))));
            REQUIRE(audit.settle(moment(std::chrono::seconds(seconds))));
        }
        audit.close(moment(std::chrono::seconds(++seconds)));
    };
    for (int start = 0; start < 3; ++start) {
        auto audit = Audit::open(desk.file, desk.web1, rotation);
        REQUIRE(audit);
        write(*audit);
    }
    CHECK_FALSE(fs::exists(numbered(4)));
    const auto report = desk.check({numbered(3), numbered(2), numbered(1), desk.file});
    CHECK_MESSAGE(report.findings.empty(), report.findings.front());
    CHECK(report.notes.size() == 1);  // the first ones were deleted
    CHECK(report.last > 120);
    for (const auto& file : {numbered(3), numbered(2), numbered(1)}) {
        CHECK(fs::file_size(file) >= 8'000);
        CHECK(fs::file_size(file) < 10'000);  // a line and a checkpoint beyond
    }
    // A file taken out of the middle is missed.
    CHECK_FALSE(desk.check({numbered(3), numbered(1), desk.file}).findings.empty());

    auto audit = Audit::open(desk.file, desk.web1);
    REQUIRE(audit);
    write(*audit);  // nobody rotates it
    CHECK(fs::file_size(desk.file) > 10'000);
    audit->rotate_by(rotation);
    REQUIRE(audit->append(event(), moment(std::chrono::seconds(++seconds))));
    CHECK(audit->settle(moment(std::chrono::seconds(seconds))));
    CHECK(fs::file_size(numbered(1)) > 10'000);
    CHECK(desk.check({numbered(3), numbered(2), numbered(1)}).findings.empty());
}

TEST_CASE("a trail that cannot be continued in a new file grows on, says so once for each time it is full, and stays whole") {
    Desk desk;
    auto audit = Audit::open(desk.file, desk.web1, {.size_max = 4'000, .keep = 1});
    REQUIRE(audit);
    desk.dir.write("audit.jsonl.1/in the way", "");  // a folder is no place for a file
    int told = 0;
    for (int i = 0; i < 40; ++i) {
        REQUIRE(audit->append(event(), moment(std::chrono::seconds(i))));
        const auto settled = audit->settle(moment(std::chrono::seconds(i)));
        if (settled) continue;
        ++told;
        CHECK(settled.error().detail.find("grows on") != std::string::npos);
    }
    audit->close(moment(41s));
    CHECK(told == static_cast<int>(fs::file_size(desk.file) / 4'000));
    CHECK(desk.check().findings.empty());
}

TEST_CASE("a change of any single octet is found, wherever it is") {
    Desk desk;
    desk.write(3);
    const auto whole = text_of(desk.file);
    REQUIRE(desk.check().findings.empty());
    for (std::size_t i = 0; i < whole.size(); ++i) {
        for (const int bit : {0, 5}) {  // bit 5: another case of a letter
            auto changed = whole;
            changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
            put_text(desk.file, changed);
            REQUIRE_MESSAGE(!desk.check().findings.empty(), i);
        }
    }
    put_text(desk.file, whole);
    const auto head = text_of(audit_head_file(desk.file));
    for (std::size_t i = 0; i < head.size(); ++i) {
        auto changed = head;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        put_text(audit_head_file(desk.file), changed);
        REQUIRE_MESSAGE(!desk.check().findings.empty(), i);
    }
}

TEST_CASE("a line taken out, put elsewhere, doubled or cut off is found, as is an end cut off anywhere") {
    Desk desk;
    desk.write(5);
    const auto whole = text_of(desk.file);
    const auto lines = lines_of(desk.file);
    const auto write = [&](const std::vector<std::string>& changed) {
        std::string text;
        for (const auto& line : changed) text += line + '\n';
        put_text(desk.file, text);
    };
    for (std::size_t i = 0; i < lines.size(); ++i) {
        auto changed = lines;
        changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(i));
        write(changed);
        const auto report = desk.check();
        if (i == 0) {
            CHECK_FALSE(report.findings.empty());  // nobody is left to have signed
        } else {
            CHECK_MESSAGE(has(report.findings.front(), "missing"), i);
        }
        changed = lines;
        changed.insert(changed.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
        write(changed);
        CHECK_FALSE(desk.check().findings.empty());
        if (i + 1 == lines.size()) continue;
        changed = lines;
        std::swap(changed[i], changed[i + 1]);
        write(changed);
        CHECK_FALSE(desk.check().findings.empty());
    }
    for (std::size_t size = 1; size < whole.size(); size += 7) {
        put_text(desk.file, whole.substr(0, size));
        CHECK_FALSE(desk.check().findings.empty());
    }
    put_text(desk.file, whole.substr(0, whole.rfind('\n', whole.size() - 2) + 1));
    CHECK(has(desk.check().findings.front(), "lines 7 to 7 are missing at the end"));
    fs::remove(audit_head_file(desk.file));
    CHECK(has(desk.check().findings.front(), "no .head file"));
}

TEST_CASE("what was cut off while the daemon was down stays missing") {
    Desk desk;
    desk.write(5);
    auto lines = lines_of(desk.file);
    put_text(desk.file, lines[0] + '\n' + lines[1] + '\n');
    desk.write(1);
    const auto report = desk.check();
    REQUIRE_FALSE(report.findings.empty());
    CHECK(has(report.findings.front(), "lines 3 to 7 are missing"));
    CHECK(report.last == 10);
}

TEST_CASE("who signs with another key, or belongs to another authority, convinces nobody") {
    Desk desk, other;
    desk.write(2);
    const std::vector<fs::path> files{desk.file};
    const auto foreign = check_trail(files, other.trust);
    REQUIRE(foreign);
    CHECK(has(foreign->findings.front(), "which is not trusted here"));
    // Another node's key under this node's name: every line rebuilt by somebody who has no key of web1.
    const auto web2 = desk.authority.identity("web2");
    auto forged = Audit::open(desk.dir / "forged.jsonl", web2);
    REQUIRE(forged);
    REQUIRE(forged->append(event(), moment(0s)));
    forged->close(moment(0s));
    CHECK(desk.check({desk.dir / "forged.jsonl"}).node == "web2");
    CHECK(has(desk.check({desk.file, desk.dir / "forged.jsonl"}).findings.front(), "stands behind"));
}

TEST_CASE("a file open to others, a link, a FIFO, a folder and a missing folder are refused") {
    Desk desk;
    put_text(desk.file, "");
    const auto open = [&](const fs::path& file) { return Audit::open(file, desk.web1); };
    for (const unsigned mode : {0644U, 0660U, 0620U, 0602U}) {
        fs::permissions(desk.file, static_cast<fs::perms>(mode));
        CHECK(has(open(desk.file).error().detail, "\nchmod 640 "));
    }
    fs::permissions(desk.file, fs::perms(0640));
    CHECK(open(desk.file));
    fs::create_symlink(desk.file, desk.dir / "link");
    CHECK_FALSE(open(desk.dir / "link"));
    REQUIRE(::mkfifo((desk.dir / "fifo").c_str(), 0600) == 0);
    CHECK_FALSE(open(desk.dir / "fifo"));
    CHECK_FALSE(open(desk.dir.path()));
    CHECK(has(open(desk.dir / "no/audit.jsonl").error().detail, "no/audit.jsonl"));
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
    Desk desk;
    auto audit = desk.open();
    CHECK(audit.append(event(), moment(0s)));
    const auto size = fs::file_size(desk.file);
    for (const auto room : {size, size + 1, size + size / 8}) {
        const FileLimit limit(room);
        const auto appended = audit.append(event(), moment(0s));
        REQUIRE_FALSE(appended);
        CHECK(has(appended.error().detail, desk.file.string()));
        CHECK(fs::file_size(desk.file) == size);
    }
    CHECK(audit.append(event(), moment(0s)));
    CHECK(lines_of(desk.file).back().starts_with(R"({"seq":3,)"));
    audit.close(moment(0s));
    CHECK(desk.check().findings.empty());
}

TEST_CASE("a moved audit goes on writing, once") {
    Desk desk;
    Audit one = desk.open();
    CHECK(one.append(event(), moment(0s)));
    Audit two = std::move(one);
    CHECK(two.append(event(), moment(0s)));
    CHECK(lines_of(desk.file).size() == 3);
}

}  // namespace
}  // namespace mco::security::test
