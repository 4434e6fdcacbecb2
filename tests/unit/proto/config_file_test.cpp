#include "proto/config_file.hpp"

#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "proto/obsolete_keys.hpp"
#include "proto/text_file.hpp"
#include "tests/support/has.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::proto {
namespace {

struct Pair {
    std::string key, value;
    std::size_t line;
    friend bool operator==(const Pair&, const Pair&) = default;
};

std::vector<Pair> pairs(std::string_view text) {
    const auto settings = parse_config(text, "mcod.conf");
    REQUIRE_MESSAGE(settings, settings.error().detail);
    std::vector<Pair> all;
    for (const auto& setting : *settings) all.push_back({setting.key, setting.value, setting.line});
    return all;
}

// What `key` is in the end.
std::string last(const std::vector<Setting>& settings, std::string_view key) {
    std::string value = "(none)";
    for (const auto& setting : settings) {
        if (setting.key == key) value = setting.value;
    }
    return value;
}

TEST_CASE("a setting is a key and a value, whatever blanks are around them") {
    CHECK(pairs("identity = web1\n") == std::vector<Pair>{{"identity", "web1", 1}});
    CHECK(pairs("identity=web1") == std::vector<Pair>{{"identity", "web1", 1}});
    CHECK(pairs("  identity\t=\t web1 \t\r\n") == std::vector<Pair>{{"identity", "web1", 1}});
    CHECK(pairs("a = b = c # no comment\n") == std::vector<Pair>{{"a", "b = c # no comment", 1}});
    CHECK(pairs("a = \"b\"\n") == std::vector<Pair>{{"a", "\"b\"", 1}});
    CHECK(pairs("a =\n") == std::vector<Pair>{{"a", "", 1}});
    CHECK(pairs("").empty());
    CHECK(pairs("\n\r\n \t\n").empty());
}

TEST_CASE("lines keep their numbers, and duplicates their order") {
    CHECK(pairs("# head\n\nlibdir = /a\n#libdir = /x\nlibdir = /b") ==
          std::vector<Pair>{{"libdir", "/a", 3}, {"libdir", "/b", 5}});
}

TEST_CASE("a number sign is a comment in the first column only") {
    CHECK(pairs("#a = b\n").empty());
    CHECK(pairs("  # words\n").empty());                               // as stock: it has no "="
    CHECK(pairs(" # a = b\n") == std::vector<Pair>{{"# a", "b", 1}});  // as stock: an unknown key
}

TEST_CASE("a line that sets nothing is refused with its place") {
    for (const auto text :
         {"a = 1\nlisten tcp://127.0.0.1:21000\n", "a = 1\n = x\n", "a = 1\n=\n", "a = 1\nidentity"}) {
        const auto settings = parse_config(text, "/etc/mco/mcod.conf");
        REQUIRE_FALSE_MESSAGE(settings, text);
        CHECK(settings.error().code == Errc::malformed);
        CHECK_MESSAGE(has(settings.error().detail, "/etc/mco/mcod.conf:2: "), settings.error().detail);
    }
}

TEST_CASE("files in plugin.d speak for their plug-in and win over the main file (checks 22 and 23)") {
    test::TempDir dir;
    const auto main = dir.write("mcod.conf", "plugin.foo.bar = main\nidentity = web1\n");
    const auto foo = dir.write("plugin.d/foo.cfg", "# c\nbar = blah\nbaz.deep = 1\n");
    dir.write("plugin.d/bar.cfg", "baz = 20\n");
    dir.write("plugin.d/with-dash.cfg", "a = 1\n");
    dir.write("plugin.d/with.dot.cfg", "a = 1\n");
    dir.write("plugin.d/foo.conf", "a = 1\n");
    dir.write("plugin.d/foo.cfg.rpmsave", "a = 1\n");
    const auto settings = read_config(main);
    REQUIRE_MESSAGE(settings, settings.error().detail);
    CHECK(settings->size() == 5);
    CHECK(last(*settings, "plugin.foo.bar") == "blah");
    CHECK(last(*settings, "plugin.foo.baz.deep") == "1");
    CHECK(last(*settings, "plugin.bar.baz") == "20");
    CHECK(last(*settings, "identity") == "web1");
    CHECK((*settings)[3] == Setting{.key = "plugin.foo.bar", .value = "blah", .file = foo, .line = 2});
}

TEST_CASE("a key of two segments cannot come from plugin.d (check 24)") {
    test::TempDir dir;
    const auto main = dir.write("mcod.conf", "");
    dir.write("plugin.d/psk.cfg", "psk = secret\nkey = x\n");
    const auto settings = read_config(main);
    REQUIRE(settings);
    CHECK(last(*settings, "plugin.psk") == "(none)");
    CHECK(last(*settings, "plugin.psk.psk") == "secret");

    dir.write("plugin.d/psk.cfg", " = secret\n");  // the prefix alone must not become a key either
    CHECK_FALSE(read_config(main));
}

TEST_CASE("a configuration file that cannot be read is named, with what to do") {
    test::TempDir dir;
    const auto missing = read_config(dir / "none.conf");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == Errc::not_found);
    CHECK(has(missing.error().detail, (dir / "none.conf").string()));

    const auto folder = read_config(dir.path());
    REQUIRE_FALSE(folder);
    CHECK(folder.error().code == Errc::invalid);

    const auto pipe = dir / "pipe.conf";  // nobody writes into it: reading must not wait
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK_FALSE(read_config(pipe));
    CHECK_FALSE(read_config("/dev/zero"));

    const auto main = dir.write("mcod.conf", "");
    dir.write("plugin.d/foo.cfg", "nonsense\n");
    const auto plugin = read_config(main);
    REQUIRE_FALSE(plugin);
    CHECK_MESSAGE(has(plugin.error().detail, "plugin.d/foo.cfg:1: "), plugin.error().detail);
}

TEST_CASE("files are bounded in size and number") {
    test::TempDir dir;
    const std::string comment(limits::config_size_max, '#');
    CHECK(read_config(dir.write("most.conf", comment)));
    const auto more = read_config(dir.write("more.conf", comment + "#"));
    REQUIRE_FALSE(more);
    CHECK(more.error().code == Errc::invalid);

    const auto main = dir.write("many/mcod.conf", "");
    for (std::size_t i = 0; i < limits::config_files_max; ++i) {
        dir.write("many/plugin.d/p" + std::to_string(i) + ".cfg", "a = 1\n");
    }
    CHECK(read_config(main));
    dir.write("many/plugin.d/more.cfg", "a = 1\n");
    CHECK_FALSE(read_config(main));
}

TEST_CASE("a text file is read to its last permitted octet") {
    test::TempDir dir;
    const auto file = dir.write("five", "12345");
    CHECK(read_text_file(file, 5) == "12345");
    CHECK_FALSE(read_text_file(file, 4));
    CHECK(read_text_file(dir.write("none", ""), 0) == "");
}

TEST_CASE("booleans are the words MCollective knows, in any case") {
    for (const std::string_view word : {"1", "yes", "true", "y", "t", "YES", "True"})
        CHECK_MESSAGE(parse_boolean(word).value_or(false), word);
    for (const std::string_view word : {"0", "no", "false", "n", "f", "NO", "False"})
        CHECK_MESSAGE(!parse_boolean(word).value_or(true), word);
    for (const std::string_view word : {"", "maybe", "on", "off", "2", "yess", " yes"}) {
        const auto read = parse_boolean(word);
        REQUIRE_FALSE_MESSAGE(read, word);
        CHECK(has(read.error().detail, word));
    }
}

TEST_CASE("integers are whole, complete and in range") {
    CHECK(parse_integer("0", {0, 10}) == 0);
    CHECK(parse_integer("10", {0, 10}) == 10);
    CHECK(parse_integer("-5", {-5, 5}) == -5);
    for (const std::string_view word : {"", "11", "-1", "1x", "x", "1.0", " 1", "99999999999999999999"}) {
        const auto read = parse_integer(word, {0, 10});
        REQUIRE_FALSE_MESSAGE(read, word);
        CHECK(read.error().code == Errc::invalid);
        CHECK(has(read.error().detail, "0 to 10"));
    }
}

TEST_CASE("lists stand between commas") {
    CHECK(parse_list("a,b, c ,d/e") == std::vector<std::string>{"a", "b", "c", "d/e"});
    CHECK(parse_list("one").size() == 1);
    CHECK(parse_list(",a,,b,") == std::vector<std::string>{"a", "b"});
    CHECK(parse_list(" ,").empty());
    CHECK(parse_list("").empty());
}

TEST_CASE("a misspelt word finds the one that was meant") {
    const std::vector<std::string_view> known{"identity", "collectives", "main_collective", "listen", "ttl", "logfile"};
    CHECK(nearest("identiti", known) == "identity");
    CHECK(nearest("colectives", known) == "collectives");
    CHECK(nearest("lsiten", known) == "listen");
    CHECK(nearest("tll", known) == "ttl");
    CHECK(nearest("lt", std::array<std::string_view, 1>{"tl"}) == "tl");
    CHECK(nearest("logfile", known) == "logfile");
    CHECK(nearest("something", known).empty());
    CHECK(nearest("", known).empty());
    CHECK(nearest("x", {}).empty());
    CHECK(nearest(std::string(100'000, 'x'), known).empty());
}

TEST_CASE("an error names file and line") {
    const Setting setting{.key = "ttl", .value = "x", .file = "/etc/mco/client.cfg", .line = 7};
    CHECK(config_error(setting, "ttl must be a number") == "/etc/mco/client.cfg:7: ttl must be a number");
}

TEST_CASE("keys that lost their meaning say what takes their place, and no others") {
    for (const std::string_view key : {"connector",
                                       "securityprovider",
                                       "direct_addressing_threshold",
                                       "plugin.activemq.pool.1.host",
                                       "plugin.rabbitmq.vhost",
                                       "plugin.psk",
                                       "plugin.psk.callertype",
                                       "plugin.ssl_server_private",
                                       "plugin.ssl_client_cert_dir",
                                       "plugin.ssl.enforce_ttl",
                                       "plugin.aes.send_pubkey",
                                       "ssl_cipher",
                                       "registration",
                                       "registerinterval",
                                       "plugin.registration.directory",
                                       "rpcaudit",
                                       "rpcauthprovider",
                                       "plugin.logstash.logfile",
                                       "plugin.centralrpclog.collective",
                                       "daemonize",
                                       "keeplogs",
                                       "topicprefix",
                                       "topicsep",
                                       "queueprefix",
                                       "rpchelptemplate",
                                       "helptemplatedir",
                                       "plugin.facter.facterlib"}) {
        const auto text = replacement(key);
        REQUIRE_MESSAGE(text, key);
        CHECK_MESSAGE(!text->empty(), key);
        CHECK_MESSAGE(!only_reader(key), key);
    }
    for (const std::string_view key :
         {"", "identity", "collectives", "libdir", "loglevel", "plugin.yaml", "plugin.foo.bar", "plugin.psk2",
          "plugin.sslfoo.bar", "connectors", "nonsense"}) {
        CHECK_MESSAGE(!replacement(key), key);
    }
}

TEST_CASE("the daemon's keys in a client's file are known to be the daemon's, and the other way round") {
    for (const std::string_view key : {"factsource", "plugin.yaml", "classesfile",
                                       "plugin.actionpolicy.allow_unconfigured", "plugin.shell.activate_agent"}) {
        CHECK_MESSAGE(only_reader(key) == Reader::mcod, key);
    }
    for (const std::string_view key : {"ttl", "color", "default_discovery_method", "plugin.discovery.puppetdb.host"}) {
        CHECK_MESSAGE(only_reader(key) == Reader::mco, key);
    }
    for (const std::string_view key : {"identity", "libdir", "loglevel", "plugin.foo.bar", "nonsense"})
        CHECK_MESSAGE(!only_reader(key), key);
}

}  // namespace
}  // namespace mco::proto
