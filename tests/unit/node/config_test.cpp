#include "node/config.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/support/temp_dir.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;

const std::string key_hex(64, 'a');

LoadedConfig read(std::string_view text) {
    const auto lines = proto::parse_config(text, "/etc/mco/mcod.conf");
    REQUIRE(lines.has_value());
    return interpret(*lines, "/etc/mco/mcod.conf", "/usr/share/mco", Program::mcod);
}
LoadedConfig read_proxy(std::string_view text) {
    const auto lines = proto::parse_config(text, "/etc/mco/proxy.conf");
    REQUIRE(lines.has_value());
    return interpret(*lines, "/etc/mco/proxy.conf", "/usr/share/mco", Program::proxy);
}
// As `read`, with a place to listen, so that only the text can be wrong.
LoadedConfig read_on(std::string_view text) { return read("listen = tcp://127.0.0.1:21000\n" + std::string(text)); }

std::string only_problem(const LoadedConfig& loaded) {
    REQUIRE_MESSAGE(loaded.problems.size() == 1, loaded.problems.size());
    return loaded.problems.front();
}

TEST_CASE("every row of the table accepts its own default, has a description, and stands there once") {
    std::set<std::string_view> names;
    for (const auto& row : config_keys()) {
        CHECK_MESSAGE(names.insert(row.name).second, row.name);
        CHECK_MESSAGE(!row.description.empty(), row.name);
        if (row.fallback.empty() || row.fallback.starts_with('(')) continue;
        Config config;
        CHECK_MESSAGE(row.set(config, row.fallback).empty(), row.name);
    }
}

TEST_CASE("no row takes an empty value or one with control characters") {
    for (const auto& row : config_keys()) {
        Config config;
        CHECK_MESSAGE((row.name == "plugin.yaml" || row.name == "libdir" || !row.set(config, "").empty()), row.name);
        CHECK_MESSAGE(!row.set(config, "\x1b[2J").empty(), row.name);
    }
}

TEST_CASE("defaults are those of the table") {
    const auto loaded = read_on("");
    REQUIRE(loaded.problems.empty());
    const auto& config = loaded.config;
    CHECK(config.identity.empty());
    CHECK(config.collectives == std::vector<std::string>{"mcollective"});
    CHECK(config.main_collective == "mcollective");
    CHECK(config.group == "default");
    CHECK(config.relay == proto::RelayWish::automatic);
    CHECK(config.homes == 2);
    CHECK(config.confined.empty());
    CHECK_FALSE(config.dial_only);
    CHECK(config.certificate == "/etc/mco/mcod.cert");
    CHECK(config.secret_keys == "/etc/mco/mcod.key");
    CHECK(config.trust == "/etc/mco/root.cert");
    CHECK(config.policies == "/etc/mco/policies");
    CHECK(config.fact_folder == "/etc/mco/facts.d");
    CHECK_FALSE(config.facter);
    CHECK(config.libdirs == std::vector<std::filesystem::path>{"/usr/share/mco"});
    CHECK(config.activation.all);
    CHECK(config.workers == 4);
    CHECK(config.soft_shutdown_timeout == 5s);
    CHECK(config.fact_cache_time == 300s);
    CHECK(config.log == LogSettings{});
    CHECK(config.audit_file.empty());
    CHECK(config.audit_rotation.size_max == 0);
    CHECK_FALSE(config.policy.allow_unconfigured);
}

TEST_CASE("every key is read") {
    const auto loaded = read(
        "identity = web1\ncollectives = mcollective, uk ,mcollective\nmain_collective = uk\ngroup = paris\n"
        "certificate = /k/web1.cert\nsecret_keys = /k/web1.key\ntrust = /k/root.cert\n"
        "listen = tcp://10.0.0.1:21000\nlisten = tcp://10.0.0.2:*\nfanout_listen = tcp://10.0.0.1:21500\n"
        "advertise = web1.example.net\nlocal_socket = /run/mco/s\nseed = tcp://10.0.0.9:21000 " +
        key_hex + "\nseed = tcp://[::1]:40000 " + key_hex +
        "\nlibdir = /opt/a:/opt/b\nlibdir = /opt/c\nactivate_agents = no\nplugin.rpcutil.activate_agent = Y\n"
        "workers = 8\nsoft_shutdown_timeout = 0\nfactsource = yaml, facter\nplugin.yaml = /f/a.yaml:/f/b.json\n"
        "fact_cache_time = 60\nclassesfile = /c.txt\npolicies = /p\nplugin.actionpolicy.allow_unconfigured = 1\n"
        "plugin.actionpolicy.enable_default = t\nplugin.actionpolicy.default_name = site\n"
        "plugin.rpcaudit.logfile = /a.jsonl\nplugin.rpcaudit.max_log_size = 65536\nplugin.rpcaudit.keeplogs = 7\nlogger_type = file\nlogfile = /l.log\nloglevel = debug\n"
        "logfacility = local3\nmax_log_size = 0\nkeeplogs = 9\nrelay = always\nhomes = 4\n");
    REQUIRE_MESSAGE(loaded.problems.empty(), loaded.problems.front());
    CHECK(loaded.warnings.empty());
    const auto& config = loaded.config;
    CHECK(config.identity == "web1");
    CHECK(config.collectives == std::vector<std::string>{"mcollective", "uk"});
    CHECK(config.main_collective == "uk");
    CHECK(config.group == "paris");
    CHECK(config.relay == proto::RelayWish::always);
    CHECK(config.homes == 4);
    CHECK(config.listen == std::vector<std::string>{"tcp://10.0.0.1:21000", "tcp://10.0.0.2:*"});
    CHECK(config.fanout_listen == "tcp://10.0.0.1:21500");
    CHECK(config.advertise == "web1.example.net");
    CHECK(config.local_socket == "ipc:///run/mco/s");
    REQUIRE(config.seeds.size() == 2);
    CHECK(config.seeds[1].endpoint == "tcp://[::1]:40000");
    CHECK(config.seeds[1].key.hex() == key_hex);
    CHECK(config.libdirs == std::vector<std::filesystem::path>{"/opt/a", "/opt/b", "/opt/c", "/usr/share/mco"});
    CHECK_FALSE(config.activation.all);
    CHECK(config.activation.single.at("rpcutil"));
    CHECK(config.workers == 8);
    CHECK(config.soft_shutdown_timeout == 0s);
    CHECK(config.fact_files == std::vector<std::filesystem::path>{"/f/a.yaml", "/f/b.json"});
    CHECK(config.facter);
    CHECK(config.fact_cache_time == 60s);
    CHECK(config.policy.allow_unconfigured);
    CHECK(config.policy.enable_default);
    CHECK(config.policy.default_name == "site");
    CHECK(config.audit_file == "/a.jsonl");
    CHECK(config.audit_rotation == security::Audit::Rotation{65'536, 7});
    CHECK(config.log == LogSettings{LogTarget::file, "/l.log", LogLevel::debug, {}, LogFormat::text, "local3", 0, 9});
}

TEST_CASE("a later line wins, where lines do not add up") {
    const auto loaded = read_on("workers = 2\nworkers = 3\nplugin.yaml = /a\nplugin.yaml = /b\n");
    CHECK(loaded.config.workers == 3);
    CHECK(loaded.config.fact_files == std::vector<std::filesystem::path>{"/b"});
    CHECK(loaded.config.settings.at("plugin.yaml") == "/b");
}

TEST_CASE("what an external agent is to be told is its own affair, but for whom it runs as") {
    const auto loaded = read_on("plugin.greeter.word = hello\nplugin.greeter.run_as = nobody\n");
    CHECK(loaded.problems.empty());
    CHECK(loaded.config.run_as == std::map<std::string, std::string, std::less<>>{{"greeter", "nobody"}});
    CHECK_FALSE(loaded.config.settings.contains("plugin.greeter.word"));  // it may be a secret
    CHECK(read_on("plugin.actionpolicy.no_such = 1\n").problems.size() == 1);  // prefixes of ours stay ours
}

TEST_CASE("an unknown key is named with its place and the nearest known one") {
    const auto problem = only_problem(read_on("plugin.yml = /f\n"));
    CHECK(problem.starts_with("/etc/mco/mcod.conf:2: "));
    CHECK(problem.find("'plugin.yml'") != std::string::npos);
    CHECK(problem.find("'plugin.yaml'") != std::string::npos);
    CHECK(only_problem(read_on("zzzzzzzzzz\x1b = 1\n")).find("\x1b") == std::string::npos);
}

TEST_CASE("every problem is named, not only the first") {
    const auto loaded = read("workers = many\nactivate_agents = perhaps\nlibdir = relative/dir\nidentity = Web 1\n");
    REQUIRE(loaded.problems.size() == 5);  // and there is nowhere to listen
    CHECK(loaded.problems[0].starts_with("/etc/mco/mcod.conf:1: workers: "));
    CHECK(loaded.problems[1].starts_with("/etc/mco/mcod.conf:2: activate_agents: "));
    CHECK(loaded.problems[2].starts_with("/etc/mco/mcod.conf:3: libdir: "));
    CHECK(loaded.problems[3].starts_with("/etc/mco/mcod.conf:4: identity: "));
    CHECK(loaded.problems[4].find("listen") != std::string::npos);
    CHECK(loaded.broken == std::vector<std::string>{"workers", "activate_agents", "libdir", "identity"});
}

TEST_CASE("values out of their range are refused") {
    for (const auto* line : {"workers = 0",
                             "workers = 257",
                             "workers = -1",
                             "workers = 4x",
                             "fact_cache_time = 86401",
                             "soft_shutdown_timeout = 1.5",
                             "loglevel = loud",
                             "logger_type = pigeon",
                             "logfacility = local8",
                             "factsource = facts.txt",
                             "collectives = ,",
                             "collectives = a b",
                             "main_collective = nosuch",
                             "logger_type = file",
                             "listen = tcp://1.2.3.4:32768",
                             "listen = tcp://1.2.3.4:0",
                             "listen = tcp://:1",
                             "listen = udp://1.2.3.4:1",
                             "listen = tcp://1.2.3.4",
                             "listen = tcp://1.2.3.4:80/x",
                             "listen = None",
                             "relay = yes",
                             "relay = ",
                             "homes = 0",
                             "homes = 5",
                             "plugin.rpcaudit.max_log_size = 65535",
                             "plugin.rpcaudit.keeplogs = 0",
                             "plugin.rpcaudit.keeplogs = 251",
                             "confine = mcollective",
                             "seed = tcp://1.2.3.4:1",
                             "advertise = *",
                             "local_socket = relative",
                             "certificate = relative",
                             "plugin.probe.activate_agent = maybe"}) {
        CHECK_MESSAGE(read_on(std::string(line) + "\n").problems.size() == 1, line);
    }
    CHECK(read_on("seed = tcp://1.2.3.4:* " + key_hex + "\n").problems.size() == 1);
    CHECK(read_on("seed = tcp://1.2.3.4:1 " + key_hex + "ff\n").problems.size() == 1);
    CHECK(read_on("local_socket = /" + std::string(107, 'x') + "\n").problems.size() == 1);
    CHECK(read_on("local_socket = /" + std::string(106, 'x') + "\n").problems.empty());
    CHECK(read_on("listen = tcp://1.2.3.4:32767\n").problems.empty());
}

TEST_CASE("keys of brokers and agents that are not here are worth a warning each kind, the client's none") {
    const auto loaded = read_on(
        "connector = activemq\nplugin.activemq.pool.size = 2\nplugin.activemq.pool.1.host = x\n"
        "plugin.psk = hunter2\nplugin.package.yum_clean_mode = all\nplugin.puppet.activate_agent = 0\n"
        "ttl = 60\ncolor = 0\nplugin.process.fields = pid,rss\n");
    CHECK(loaded.problems.empty());
    CHECK(loaded.warnings.size() == 3);
    for (const auto& warning : loaded.warnings) CHECK(warning.find("hunter2") == std::string::npos);
    CHECK(loaded.config.activation.single.contains("puppet"));
    for (const auto& [key, value] : loaded.config.settings)
        CHECK_MESSAGE(value.find("hunter2") == std::string::npos, key);
}

TEST_CASE("settings of agents reach them; get_config_item tells those of built-in ones only") {
    const auto loaded = read_on(
        "plugin.filemgr.touch_file = /run/touched\nplugin.puppet.resource_name_whitelist.host = a,b\n"
        "plugin.mine.password = hunter2\nplugin.mine.deep.key = 1\n");
    CHECK(loaded.problems.empty());
    CHECK(loaded.warnings.empty());
    const auto& config = loaded.config;
    CHECK(config.agent_settings.at("plugin.filemgr.touch_file") == "/run/touched");
    CHECK(config.agent_settings.at("plugin.puppet.resource_name_whitelist.host") == "a,b");
    CHECK(config.agent_settings.at("plugin.mine.password") == "hunter2");
    CHECK(config.agent_settings.at("plugin.mine.deep.key") == "1");
    CHECK(config.settings.at("plugin.filemgr.touch_file") == "/run/touched");
    CHECK_FALSE(config.settings.contains("plugin.mine.password"));
}

TEST_CASE("a setting that a built-in agent does not know, or that cannot be, is a problem with its line") {
    CHECK(only_problem(read_on("plugin.filemgr.tuch_file = /x\n")).find("plugin.filemgr.touch_file") !=
          std::string::npos);
    CHECK(only_problem(read_on("plugin.filemgr.touch_file = x\n")).find("absolute") != std::string::npos);
    CHECK(only_problem(read_on("plugin.puppet.splaylimit = long\n")).find("splaylimit") != std::string::npos);
    CHECK(only_problem(read_on("plugin.rpcaudit.logfil = /x\n")).find("plugin.rpcaudit.logfile") != std::string::npos);
    CHECK(only_problem(read_on("plugin.nodot = 1\n")).find("unknown key") != std::string::npos);
    CHECK(only_problem(read_proxy("listen = tcp://10.0.0.1:1\nplugin.mine.x = 1\n")).find("no agents") !=
          std::string::npos);
}

TEST_CASE("what get_config_item may tell holds defaults and no word about secrets") {
    const auto loaded = read_on("secret_keys = /k/web1.key\nworkers = 8\n");
    const auto& settings = loaded.config.settings;
    CHECK(settings.at("workers") == "8");
    CHECK(settings.at("loglevel") == "info");
    CHECK(settings.at("policies") == "/etc/mco/policies");
    CHECK_FALSE(settings.contains("secret_keys"));
}

TEST_CASE("requests are published beside the links: the next port, or any on loopback") {
    CHECK(read("listen = tcp://10.0.0.1:21000\n").config.fanout_listen == "tcp://10.0.0.1:21001");
    CHECK(read("listen = tcp://*:21000\n").config.fanout_listen == "tcp://*:21001");
    CHECK(read("listen = tcp://10.0.0.1:*\n").config.fanout_listen == "tcp://10.0.0.1:*");
    CHECK(read("listen = tcp://127.0.0.1:21000\n").config.fanout_listen == "tcp://127.0.0.1:*");
    CHECK(read("local_socket = /run/mco/s\n").config.fanout_listen.empty());
    CHECK(read("local_socket = /run/mco/s\nfanout_listen = tcp://10.0.0.1:1\n").problems.size() == 1);
}

TEST_CASE("a node that others cannot reach only dials") {
    const auto seed = "seed = tcp://1.2.3.4:21000 " + key_hex + "\n";
    const auto loaded = read("listen = none\nrelay = never\n" + seed);
    REQUIRE_MESSAGE(loaded.problems.empty(), loaded.problems.front());
    CHECK(loaded.config.dial_only);
    CHECK(loaded.config.listen.empty());
    CHECK(loaded.config.fanout_listen.empty());
    CHECK(read("listen = none\nlocal_socket = /run/mco/s\n" + seed).problems.empty());

    const auto names = [](const std::string& problem, std::string_view what, std::string_view next) {
        return problem.find(what) != std::string::npos && problem.find(next) != std::string::npos;
    };
    CHECK(names(only_problem(read("listen = none\nrelay = always\n" + seed)), "relay", "remove 'relay'"));
    CHECK(names(only_problem(read("local_socket = /s\nrelay = always\n")), "relay", "listen = tcp://"));
    CHECK(names(only_problem(read("listen = none\n")), "'seed'", "Add 'seed = "));
    CHECK(names(only_problem(read("listen = none\nlisten = tcp://10.0.0.1:1\n" + seed)), "both", "Remove"));
    CHECK(
        names(only_problem(read("listen = none\nfanout_listen = tcp://10.0.0.1:1\n" + seed)), "fanout_listen", "Add"));
    CHECK(names(only_problem(read("listen = none\nadvertise = web1\n" + seed)), "advertise", "Add"));
    CHECK(names(only_problem(read("")), "nowhere", "'listen = none'"));
    // What is broken is named once, and nothing is concluded from it.
    CHECK(only_problem(read("listen = tcp://10.0.0.1\n")).find("/etc/mco/mcod.conf:1: listen: ") == 0);
    CHECK(only_problem(read("listen = none\nseed = x\n")).find("/etc/mco/mcod.conf:2: seed: ") == 0);
}

TEST_CASE("a proxy has the keys of its trade, always relays and looks for proxy.cert") {
    const auto loaded = read_proxy(
        "listen = tcp://10.0.0.1:21000\ncollectives = mcollective, uk, payroll\n"
        "confine = payroll, uk\ngroup = paris\nloglevel = debug\n");
    REQUIRE_MESSAGE(loaded.problems.empty(), loaded.problems.front());
    const auto& config = loaded.config;
    CHECK(config.program == Program::proxy);
    CHECK(config.relay == proto::RelayWish::always);
    CHECK(config.group == "paris");
    CHECK(config.confined == std::set<std::string, std::less<>>{"payroll", "uk"});
    CHECK(config.certificate == "/etc/mco/proxy.cert");
    CHECK(config.secret_keys == "/etc/mco/proxy.key");
    CHECK(config.trust == "/etc/mco/root.cert");
    CHECK(config.fanout_listen == "tcp://10.0.0.1:21001");
    CHECK(config.libdirs.empty());
    CHECK_FALSE(config.settings.contains("workers"));
}

TEST_CASE("what a proxy cannot be told is refused with the reason") {
    const auto problem = [](const std::string& line) {
        const auto loaded = read_proxy("listen = tcp://10.0.0.1:21000\n" + line + "\n");
        CHECK(loaded.warnings.empty());
        return only_problem(loaded);
    };
    for (const auto& row : config_keys()) {
        if (is_key_of(row, Program::proxy)) continue;
        const auto said = problem(std::string(row.name) + " = 1");
        CHECK_MESSAGE(said.find("is a key of mcod: " + std::string(row.why_not_other)) != std::string::npos, said);
        CHECK_MESSAGE(!row.why_not_other.empty(), row.name);
    }
    CHECK(problem("plugin.rpcutil.activate_agent = 1").find("runs no agents") != std::string::npos);
    CHECK(problem("ttl = 60").find("a key of mco, the client") != std::string::npos);
    CHECK(problem("confin = a").find("'confine'") != std::string::npos);
    CHECK(problem("zzzzzzzzzz = 1").find("proxy.conf lists") != std::string::npos);
    CHECK(problem("confine = uk").find("'uk', which is not one of collectives") != std::string::npos);
    CHECK(only_problem(read_proxy("")).find("Add 'listen = tcp://HOST:PORT'") != std::string::npos);
    CHECK(only_problem(read_proxy("listen = none\n")).find("Add 'listen = tcp://HOST:PORT'") != std::string::npos);
    CHECK(only_problem(read_on("confine = mcollective\n")).find("is a key of mco-proxy: ") != std::string::npos);
}

TEST_CASE("files of plugin.d are read after the main file") {
    const test::TempDir dir;
    const auto file = dir.write("mcod.conf", "listen = tcp://127.0.0.1:21000\nplugin.rpcutil.activate_agent = 1\n");
    dir.write("plugin.d/rpcutil.cfg", "activate_agent = 0\n");
    const auto loaded = load_config(file, "/usr/share/mco", Program::mcod);
    REQUIRE(loaded.problems.empty());
    CHECK_FALSE(loaded.config.activation.allows("rpcutil"));
    CHECK(
        load_config(dir.write("proxy.conf", "listen = tcp://127.0.0.1:21000\n"), "", Program::proxy).problems.empty());
    const auto missing = load_config(dir / "nosuch.conf", "/usr/share/mco", Program::mcod);
    CHECK_FALSE(missing.readable);
    CHECK(only_problem(missing).find("nosuch.conf") != std::string::npos);
}

TEST_CASE("the example configurations show every key of their program and are read without a complaint") {
    for (const auto& [program, name] :
         {std::pair{Program::mcod, "mcod.conf"}, std::pair{Program::proxy, "proxy.conf"}}) {
        const auto file = std::filesystem::path(MCO_EXAMPLES) / name;
        const auto loaded = load_config(file, "/usr/share/mco", program);
        REQUIRE_MESSAGE(loaded.problems.empty(), loaded.problems.front());
        CHECK(loaded.warnings.empty());
        std::ifstream stream(file);
        const std::string text{std::istreambuf_iterator<char>(stream), {}};
        for (const auto& row : config_keys()) {
            const auto line = std::string(row.name) + " = ";
            const bool shown =
                text.find("\n" + line) != std::string::npos || text.find("\n#" + line) != std::string::npos;
            CHECK_MESSAGE(shown == is_key_of(row, program), row.name);
            if (!shown || row.fallback.empty() || row.fallback.starts_with('(')) continue;
            CHECK_MESSAGE(text.find("\n#" + line + std::string(row.fallback) + "\n") != std::string::npos, row.name);
        }
    }
}

TEST_CASE("what cannot change while the daemon runs is named") {
    const auto before = read_on("").config;
    CHECK(needs_restart(before, read_on("workers = 4\nloglevel = debug\n").config).empty());
    CHECK(needs_restart(before, read_on("workers = 5\ngroup = paris\n").config) ==
          std::vector<std::string>{"group", "workers"});
    CHECK(needs_restart(before, read_on("relay = never\nhomes = 1\n").config) ==
          std::vector<std::string>{"relay", "homes"});
}

}  // namespace
}  // namespace mco::node
