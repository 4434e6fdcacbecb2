#include "client/config.hpp"

#include <doctest/doctest.h>

#include "tests/support/has.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::client {
namespace {

const std::string key(64, 'a');
const std::string good =
    "certificate = /c/op.cert\nsecret_keys = /c/op.key\ntrust = /c/root.cert\nentry = tcp://127.0.0.1:21000 " + key +
    "\n";

proto::Result<LoadedConfig> load(const std::string& text) {
    const auto settings = proto::parse_config(text, "/etc/mco/client.cfg");
    REQUIRE_MESSAGE(settings.has_value(), settings.error().detail);
    return interpret(*settings, "/etc/mco/client.cfg");
}

std::string refusal(const std::string& text) {
    const auto loaded = load(text);
    REQUIRE_MESSAGE(!loaded.has_value(), text);
    return loaded.error().detail;
}

TEST_CASE("the search goes from the operator's word to the machine's files") {
    const auto places = config_places({{"MCO_CONFIG", "/x/own.cfg"}, {"HOME", "/home/op"}});
    const std::vector<std::filesystem::path> expected{"/x/own.cfg",
                                                      "/home/op/.mcollective",
                                                      "/home/op/.config/mco/client.cfg",
                                                      "/etc/mco/client.cfg",
                                                      "/etc/puppetlabs/mcollective/client.cfg",
                                                      "/etc/mcollective/client.cfg"};
    CHECK(places == expected);
    CHECK(config_places({}).size() == 3);  // no HOME is tolerated
}

TEST_CASE("-c wins over the variable, the variable over files, the first file over later ones") {
    test::TempDir home;
    const auto later = home.write(".config/mco/client.cfg", good);
    Environment environment{{"HOME", home.path().string()}};
    CHECK(choose_config({}, environment) == later);
    const auto first = home.write(".mcollective", good);
    CHECK(choose_config({}, environment) == first);
    environment["MCO_CONFIG"] = "/nonexistent/x.cfg";
    CHECK(choose_config({}, environment) == std::filesystem::path("/nonexistent/x.cfg"));
    CHECK(choose_config("/c/typed.cfg", environment) == std::filesystem::path("/c/typed.cfg"));
}

TEST_CASE("a file that cannot be read is named") {
    const auto loaded = load_config("/nonexistent/client.cfg");
    REQUIRE(!loaded.has_value());
    CHECK(has(loaded.error().detail, "/nonexistent/client.cfg"));
}

TEST_CASE("a good configuration has every default") {
    const auto loaded = load(good);
    REQUIRE(loaded.has_value());
    const auto& config = loaded->config;
    CHECK(config.collectives == std::vector<std::string>{"mcollective"});
    CHECK(config.main_collective == "mcollective");
    CHECK(config.ttl == std::chrono::seconds(60));
    CHECK(config.color);
    CHECK(!config.compat_exit);
    REQUIRE(config.entries.size() == 1);
    CHECK(config.entries[0].endpoint == "tcp://127.0.0.1:21000");
    CHECK(config.entries[0].key.hex() == key);
    CHECK(loaded->warnings.empty());
}

TEST_CASE("values are read as MCollective reads them") {
    const auto loaded =
        load(good +
             "collectives = a, b ,c\nlibdir = /one:/two\nlibdir = /three\nttl = 30\ncolor = N\ncompat_exit = 1\n"
             "entry = ipc:///run/mco/s  " +
             key + "\nplugin.rpc.graph = yes\n");
    REQUIRE_MESSAGE(loaded.has_value(), loaded.error().detail);
    const auto& config = loaded->config;
    CHECK(config.collectives == std::vector<std::string>{"a", "b", "c"});
    CHECK(config.main_collective == "a");
    CHECK(config.libdirs == std::vector<std::filesystem::path>{"/one", "/two", "/three"});
    CHECK(config.ttl == std::chrono::seconds(30));
    CHECK(!config.color);
    CHECK(config.compat_exit);
    CHECK(config.ping_graph);
    REQUIRE(config.entries.size() == 2);
    CHECK(config.entries[1].endpoint == "ipc:///run/mco/s");
}

TEST_CASE("a bad line is refused with file, line and key") {
    struct Row {
        std::string line;
        std::string_view says;
    };
    for (const auto& row : std::vector<Row>{{"ttl = 0\n", "ttl"},
                                            {"ttl = 301\n", "ttl"},
                                            {"ttl = soon\n", "ttl"},
                                            {"color = maybe\n", "color"},
                                            {"libdir = relative\n", "libdir"},
                                            {"certificate = op.cert\n", "certificate"},
                                            {"collectives = ,\n", "collectives"},
                                            {"entry = tcp://127.0.0.1:1\n", "entry"},
                                            {"entry = tcp://127.0.0.1 " + key + "\n", "entry"},
                                            {"entry = udp://127.0.0.1:1 " + key + "\n", "entry"},
                                            {"entry = tcp://127.0.0.1:1 " + key.substr(1) + "\n", "entry"},
                                            {"entry = tcp://127.0.0.1:1 " + std::string(64, '0') + "\n", "entry"},
                                            {"entry = tcp://*:1 " + key + "\n", "entry"}}) {
        const auto text = refusal(good + row.line);
        CHECK_MESSAGE(has(text, "/etc/mco/client.cfg:5: "), text);
        CHECK_MESSAGE(has(text, row.says), text);
    }
}

TEST_CASE("an unknown key is fatal and names the nearest") {
    CHECK(has(refusal(good + "certificat = /x\n"), "did you mean 'certificate'?"));
    CHECK(has(refusal(good + "wholly_other = 1\n"), "unknown key 'wholly_other'"));
    CHECK(has(refusal(good + "main_collective = elsewhere\n"), "elsewhere"));
}

TEST_CASE("the example of the distribution is accepted without a warning") {
    const auto loaded = load_config(std::filesystem::path(MCO_SOURCE_DIR) / "conf/client.conf");
    REQUIRE_MESSAGE(loaded.has_value(), loaded.error().detail);
    CHECK(loaded->warnings.empty());
    CHECK(loaded->config.entries.size() == 2);
}

TEST_CASE("what is needed and not there is named with what to do") {
    for (const std::string name : {"certificate", "secret_keys", "trust", "entry"}) {
        std::string text;
        for (std::size_t from = 0; from < good.size();) {
            const auto end = good.find('\n', from);
            const auto line = good.substr(from, end - from + 1);
            if (!line.starts_with(name)) text += line;
            from = end + 1;
        }
        CHECK_MESSAGE(has(refusal(text), "'" + name + " = "), name);
    }
}

TEST_CASE("keys of the old days are warned of once for each answer, the daemon's are passed over") {
    const auto loaded =
        load(good +
             "connector = activemq\nplugin.activemq.pool.size = 1\nplugin.activemq.pool.1.host = x\n"
             "loglevel = warn\nlogger_type = console\nfactsource = yaml\nplugin.yaml = /etc/facts.yaml\n"
             "plugin.package.provider = apt\n");
    REQUIRE_MESSAGE(loaded.has_value(), loaded.error().detail);
    REQUIRE(loaded->warnings.size() == 2);
    CHECK(has(loaded->warnings[0], "/etc/mco/client.cfg:5: 'connector' has no effect"));
    CHECK(has(loaded->warnings[1], "'loglevel' has no effect"));
}

}  // namespace
}  // namespace mco::client
