// A proxy with valid keys in hostile hands, as the operator's only entry. Whatever it does with what passes through it, nothing is performed
// that nobody ordered or twice, nobody is believed who did not answer, and who is missing is named or the account is not
// proved. The proxy always reports that everything went well.

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/robbed.hpp"
#include "tests/support/has.hpp"

namespace mco::test {
namespace {

constexpr std::string_view not_proved = "Not proved to be complete";
const std::vector<std::string> all{"web1", "web2", "db1"};

class Ambush {
 public:
    explicit Ambush(const std::string& trick) {
        fleet().ca({"issue", "--ca", fleet().authority().string(), "--name", "px", "--role", "proxy", "--out", keys().string()});
        std::vector<std::string> argv{program("hostile_proxy").string(), (keys() / "px.key").string(), (keys() / "px.cert").string(),
                                      (fleet().authority() / "root.cert").string(), trick};
        for (const auto& node : all) argv.push_back(fmt::format("{}={}", fleet().endpoint(node), fleet().curve_key(node)));
        proxy_.emplace(Launch{.argv = argv}, keys() / "log", Process::Ready::on_descriptor_3);
        const auto endpoint = proxy_->wait_ready();
        REQUIRE_MESSAGE(endpoint, proxy_->log_text());
        config_ = fleet().dir().write("ambush.cfg",
                                      fmt::format("certificate = {0}/operator/operator.cert\nsecret_keys = {0}/operator/operator.key\n"
                                                  "trust = {1}/root.cert\nentry = {2} {3}\n",
                                                  fleet().dir().path().string(), fleet().authority().string(), *endpoint,
                                                  fleet().curve_key("px")));
    }
    // As an operator whose only way leads through the hostile proxy.
    Finished mco(const std::vector<std::string>& words) const { return house_.fleet.mco(words, {{"MCO_CONFIG", config_.string()}}); }
    Finished touch(std::vector<std::string> further = {}) const {
        std::vector<std::string> words{"rpc", "filemgr", "touch", "file=" + canary().string()};
        words.insert(words.end(), further.begin(), further.end());
        return mco(words);
    }
    std::filesystem::path canary() const { return house_.fleet.dir() / "canary"; }
    int performed(std::string_view node) const { return lines_with(house_.audit(node), "\"outcome\"", "filemgr"); }
    int recorded(std::string_view node, std::string_view code) const {
        return lines_with(house_.audit(node), fmt::format("\"code\":\"{}\"", code), "");
    }
    Fleet& fleet() { return house_.fleet; }
    Robbed& house() { return house_; }

 private:
    std::filesystem::path keys() { return house_.fleet.folder("px"); }
    Robbed house_;
    std::optional<Process> proxy_;
    std::filesystem::path config_;
};

TEST_CASE("through a proxy that only passes on, everybody answers: what the tricks are held against") {
    Ambush ambush("none");
    const auto touch = ambush.touch();
    CHECK_MESSAGE(touch.status == 0, touch.out << touch.err << ambush.fleet().logs());
    for (const auto& node : all) CHECK_MESSAGE(ambush.performed(node) == 1, node);
}

TEST_CASE("a request that a proxy changed, aimed anew or made itself is performed nowhere, and counted") {
    std::string trick;
    SUBCASE("one bit") { trick = "alter_request"; }
    SUBCASE("another collective, reply key, number or caller") { trick = "redirect_request"; }
    SUBCASE("an order of its own") { trick = "order_itself"; }
    Ambush ambush(trick);
    const auto touch = ambush.touch();
    CHECK_MESSAGE(touch.status != 0, touch.out);
    CHECK_MESSAGE(has(touch.out + touch.err, not_proved), touch.out << touch.err);
    CHECK(has(touch.out + touch.err, "0 replies could be verified"));
    CHECK_FALSE(std::filesystem::exists(ambush.canary()));
    for (const auto& node : all) {
        CHECK_MESSAGE(ambush.performed(node) == 0, node);
        CHECK_MESSAGE(ambush.fleet().counted(node, "socket.forged") + ambush.fleet().counted(node, "socket.malformed") > 0, node);
    }
    ambush.house().expect_honest_service();
}

TEST_CASE("a request for one node is performed by that node only, wherever a proxy brings it") {
    Ambush ambush("widen_request");
    const auto touch = ambush.touch({"-I", "web1"});
    CHECK_MESSAGE(touch.status == 0, touch.out << touch.err);
    CHECK(ambush.performed("web1") == 1);
    CHECK(ambush.performed("web2") == 0);
    CHECK(ambush.performed("db1") == 0);
    for (const auto& node : all) CHECK_MESSAGE(ambush.fleet().counted(node, "socket.forged") > 0, node);
}

TEST_CASE("a request that a proxy repeats is performed once, also after a restart, and the repetition is recorded") {
    Ambush ambush("repeat_request");
    CHECK(ambush.touch().status == 0);
    std::filesystem::remove(ambush.canary());
    ambush.fleet().restart("web1");
    // With each request the proxy says the earlier ones again.
    for (int i = 0; ambush.mco({"ping"}).status != 0; ++i) REQUIRE(i < 200);
    CHECK_FALSE(std::filesystem::exists(ambush.canary()));
    for (const auto& node : all) CHECK_MESSAGE(ambush.performed(node) == 1, node);
    CHECK(ambush.recorded("web1", "replayed") > 0);
}

TEST_CASE("who a proxy does not ask is not counted as having answered, and is named when he was meant by name") {
    std::string trick;
    bool counted_as_ok = false;
    SUBCASE("counted as ok") {
        trick = "drop_request";
        counted_as_ok = true;
    }
    SUBCASE("not counted") { trick = "hide_node"; }
    SUBCASE("counted as not meant") { trick = "deny_match"; }
    Ambush ambush(trick);
    const auto touch = ambush.touch({"-I", "web1", "-I", "db1"});
    CHECK_MESSAGE(touch.status == 5, touch.out << touch.err);
    CHECK(ambush.performed("db1") == 0);
    CHECK_MESSAGE(has(touch.out + touch.err, counted_as_ok ? not_proved : "db1 "), touch.out << touch.err);
    CHECK(has(touch.out, "1 / "));
}

TEST_CASE("of answers that a proxy changes, swaps, keeps or makes none counts, and the account is not proved") {
    std::string trick;
    int believed = 0;
    SUBCASE("one bit") { trick = "alter_reply"; }
    SUBCASE("each under another's name") { trick = "swap_replies"; }
    SUBCASE("those of the request before") { trick = "stale_replies"; }
    SUBCASE("made with its own keys") { trick = "forge_replies"; }
    SUBCASE("one is kept back") {
        trick = "drop_reply";
        believed = 2;
    }
    Ambush ambush(trick);
    (void)ambush.mco({"ping"});
    const auto touch = ambush.touch();
    CHECK_MESSAGE(touch.status != 0, touch.out);
    CHECK_MESSAGE(has(touch.out + touch.err, not_proved), touch.out << touch.err);
    CHECK_MESSAGE(has(touch.out + touch.err, fmt::format("{} replies could be verified", believed)), touch.out << touch.err);
    CHECK_FALSE(has(touch.out, "forged"));
}

TEST_CASE("an answer that comes several times counts once") {
    Ambush ambush("double_replies");
    const auto ping = ambush.mco({"ping"});
    CHECK_MESSAGE(ping.status == 0, ping.out << ping.err);
    CHECK_MESSAGE(has(ping.out, "3 replies"), ping.out);
}

}  // namespace
}  // namespace mco::test
