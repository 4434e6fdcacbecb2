#include "tests/e2e/fleet.hpp"

#include <csignal>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mco::test {
namespace {

std::string read_text(const std::filesystem::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

// Those that wait for nobody but earlier ones start at the same time.
Fleet::Fleet(std::vector<NodeTraits> nodes) : first_(nodes.front().name) {
    ca({"init", authority().string(), "--name", "test"});
    ca({"issue", "--ca", authority().string(), "--name", "operator", "--role", "caller", "--out",
        (dir_ / "operator").string()});
    std::vector<std::string> starting;
    const auto settle_all = [&] {
        for (const auto& name : starting) settle(name);
        starting.clear();
    };
    for (auto& traits : nodes) {
        if (traits.seeds.empty() && traits.name != first_) traits.seeds = {first_};
        const bool seeds_ready = std::all_of(traits.seeds.begin(), traits.seeds.end(),
                                             [&](const std::string& seed) { return endpoints_.contains(seed); });
        if (!seeds_ready) settle_all();
        traits_.emplace(traits.name, traits);
        make(traits);
        launch(traits.name);
        starting.push_back(traits.name);
    }
    settle_all();
    std::vector<std::string> entries{first_};
    for (const auto& [name, where] : endpoints_) entries.push_back(name);
    dir_.write("client.cfg", fmt::format("entry = ipc://{} {}\n", (folder(first_) / "s").string(), curve_key(first_)) +
                                 client_text(entries));
}

std::vector<NodeTraits> Fleet::acceptance_nodes() {
    return {
        {"web1",
         "country: us\nosfamily: Debian\nos:\n  family: Debian\nuptime_days: 9\nroles: [web, db]\n"
         "lsbdistdescription: Ubuntu 11.04\n",
         {"httpd", "common::linux"}},
        {"web2", "country: us\nosfamily: RedHat\nos:\n  family: RedHat\nuptime_days: 10\n", {"mysql", "common::linux"}},
        {"db1", "country: uk\nosfamily: RedHat\nuptime_days: 100\n", {"httpd", "role::web"}},
    };
}

std::vector<NodeTraits> Fleet::plain(std::string_view name, int count, const NodeTraits& like) {
    std::vector<NodeTraits> nodes;
    for (int number = 1; number <= count; ++number) {
        nodes.push_back(like);
        nodes.back().name = fmt::format("{}{}", name, number);
        if (like.facts.empty()) nodes.back().facts = "country: uk\n";
    }
    return nodes;
}

void Fleet::make(const NodeTraits& traits) {
    const bool proxy = traits.kind == NodeTraits::Kind::proxy;
    ca({"issue", "--ca", authority().string(), "--name", traits.name, "--role", proxy ? "proxy" : "node", "--out",
        folder(traits.name).string()});
    if (!proxy) {
        dir_.write(traits.name + "/facts.yaml", traits.facts);
        std::string classes;
        for (const auto& name : traits.classes) classes += name + "\n";
        dir_.write(traits.name + "/classes.txt", classes);
        dir_.write(traits.name + "/policies/rpcutil.policy", "policy default deny\nallow\tcert=operator\t*\t*\t*\n");
    }
    dir_.write(fmt::format("{}/{}", traits.name, config(traits.name).filename().string()), config_text(traits));
}

std::string Fleet::config_text(const NodeTraits& traits) const {
    using Kind = NodeTraits::Kind;
    const auto home = folder(traits.name).string();
    std::string text = fmt::format(
        "identity = {0}\ncertificate = {1}/{0}.cert\nsecret_keys = {1}/{0}.key\ntrust = {2}/root.cert\n"
        "listen = {3}\nstate_folder = {1}/state\nlogger_type = file\nlogfile = {1}/mcod.log\nloglevel = debug\n",
        traits.name, home, authority().string(), traits.kind == Kind::dial_only ? "none" : "tcp://127.0.0.1:*");
    if (traits.kind != Kind::proxy)
        text += fmt::format(
            "plugin.yaml = {0}/facts.yaml\nclassesfile = {0}/classes.txt\npolicies = {0}/policies\n"
            "plugin.rpcaudit.logfile = {0}/audit.jsonl\n",
            home);
    if (traits.name == first_) text += fmt::format("local_socket = {}/s\n", home);
    for (const auto& seed : traits.seeds) text += fmt::format("seed = {} {}\n", endpoint(seed), curve_key(seed));
    return text + traits.extra;
}

std::filesystem::path Fleet::config(std::string_view name) const {
    const bool proxy = traits_.find(name)->second.kind == NodeTraits::Kind::proxy;
    return folder(name) / (proxy ? "proxy.conf" : "mcod.conf");
}

std::filesystem::path Fleet::program_of(Version version, std::string_view name) {
    const char* folder = std::getenv(version == Version::before ? "MCO_BEFORE" : "MCO_AFTER");
    return folder == nullptr ? program(name) : std::filesystem::path(folder) / name;
}

void Fleet::launch(const std::string& name) {
    const bool proxy = traits_.at(name).kind == NodeTraits::Kind::proxy;
    // A fleet that is upgraded: daemons are of the version before until they are started again.
    const auto file = program_of(started_.insert(name).second ? Version::before : Version::after, proxy ? "mco-proxy" : "mcod");
    processes_.insert_or_assign(name, Process({.argv = {file.string(), "-c", config(name).string(), "--ready-fd", "3"}},
                                              folder(name) / "stderr.log", Process::Ready::on_descriptor_3));
}

void Fleet::settle(const std::string& name) {
    auto& process = processes_.at(name);
    const auto line = process.wait_ready();
    REQUIRE_MESSAGE(line.has_value(),
                    name << " did not become ready: " << process.log_text() << read_text(folder(name) / "mcod.log"));
    if (traits_.at(name).kind == NodeTraits::Kind::dial_only) {
        CHECK(*line == "ready");
        return;
    }
    std::istringstream words(*line);
    std::string word;
    while (words >> word) {
        if (word.starts_with("tcp:") && !endpoints_.contains(name)) endpoints_[name] = word;
    }
    REQUIRE_MESSAGE(endpoints_.contains(name), *line);
    // From now on the port stays, so that a restarted node is found where it was.
    auto text = read_text(config(name));
    const std::string open = "tcp://127.0.0.1:*";
    if (const auto at = text.find(open); at != std::string::npos) {
        text.replace(at, open.size(), endpoints_[name]);
        dir_.write(fmt::format("{}/{}", name, config(name).filename().string()), text);
    }
}

void Fleet::restart(std::string_view name) {
    const std::string key(name);
    processes_.at(key).kill();
    launch(key);
    settle(key);
}

std::string Fleet::client_text(const std::vector<std::string>& entries) const {
    std::string text = fmt::format(
        "certificate = {0}/operator/operator.cert\nsecret_keys = {0}/operator/operator.key\ntrust = {1}/root.cert\n",
        dir_.path().string(), authority().string());
    for (const auto& name : entries) text += fmt::format("entry = {} {}\n", endpoint(name), curve_key(name));
    return text;
}

std::map<std::string, std::string> Fleet::entering_by(const std::vector<std::string>& names) const {
    return {{"MCO_CONFIG", dir_.write(fmt::format("{}.cfg", fmt::join(names, "-")), client_text(names)).string()}};
}

std::string Fleet::curve_key(std::string_view name) const {
    auto key = ca({"show", "--curve-key", (folder(name) / fmt::format("{}.cert", name)).string()});
    while (!key.empty() && key.back() == '\n') key.pop_back();
    return key;
}

Finished Fleet::mco(std::vector<std::string> words, std::map<std::string, std::string> environment,
                    std::string input, Version version) const {
    words.insert(words.begin(), program_of(version, "mco").string());
    environment.emplace("MCO_CONFIG", client_config().string());
    environment.emplace("HOME", dir_.path().string());
    return run({.argv = std::move(words), .environment = std::move(environment), .input = std::move(input)});
}

std::string Fleet::ca(std::vector<std::string> words) const {
    words.insert(words.begin(), program("mco-ca").string());
    const auto finished = run({.argv = words});
    REQUIRE_MESSAGE(finished.status == 0, fmt::format("{}", fmt::join(words, " ")) << ": " << finished.err);
    return finished.out;
}

Process& Fleet::node(std::string_view name) { return processes_.at(std::string(name)); }

long Fleet::counted(std::string_view name, std::string_view counter) {
    const auto log = folder(name) / "mcod.log";
    const auto from = read_text(log).size();
    REQUIRE(node(name).signal(SIGUSR1));
    std::string text;
    const auto counts = [&] { return text.find("state: counted:"); };
    for (int i = 0; counts() == std::string::npos || text.find('\n', counts()) == std::string::npos; ++i) {
        REQUIRE_MESSAGE(i < 500, logs());
        mco({"ping", "-I", std::string(name)});  // each question is a whole command, so this is bounded by work and not by a clock
        text = read_text(log).substr(from);
    }
    const auto at = text.find(fmt::format(" {} ", counter), counts());
    return at == std::string::npos ? 0 : std::stol(text.substr(at + counter.size() + 2));
}

std::string Fleet::logs() const {
    std::string all;
    for (const auto& [name, process] : processes_) {
        const auto text = process.log_text() + read_text(folder(name) / "mcod.log");
        all += fmt::format("--- {}\n{}\n", name, text.size() > 2000 ? text.substr(text.size() - 2000) : text);
    }
    return all;
}

}  // namespace mco::test
