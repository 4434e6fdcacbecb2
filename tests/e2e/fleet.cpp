#include "tests/e2e/fleet.hpp"

#include <fstream>
#include <iterator>
#include <sstream>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace mco::test {
namespace {

std::string read_text(const std::filesystem::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

Fleet::Fleet(std::vector<NodeTraits> nodes) : first_(nodes.front().name) {
    ca({"init", authority().string(), "--name", "test"});
    ca({"issue", "--ca", authority().string(), "--name", "operator", "--role", "caller", "--out",
        (dir_ / "operator").string()});
    for (const auto& traits : nodes) {
        make(traits, traits.name == first_);
        start(traits.name);
    }
    write_client();
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

void Fleet::make(const NodeTraits& traits, bool first) {
    const auto home = folder(traits.name);
    ca({"issue", "--ca", authority().string(), "--name", traits.name, "--role", "node", "--out", home.string()});
    dir_.write(traits.name + "/facts.yaml", traits.facts);
    std::string classes;
    for (const auto& name : traits.classes) classes += name + "\n";
    dir_.write(traits.name + "/classes.txt", classes);
    dir_.write(traits.name + "/policies/rpcutil.policy", "policy default deny\nallow\tcert=operator\t*\t*\t*\n");
    std::string text = fmt::format(
        "identity = {0}\ncertificate = {1}/{0}.cert\nsecret_keys = {1}/{0}.key\ntrust = {2}/root.cert\n"
        "listen = tcp://127.0.0.1:*\nplugin.yaml = {1}/facts.yaml\nclassesfile = {1}/classes.txt\npolicies = "
        "{1}/policies\n"
        "plugin.rpcaudit.logfile = {1}/audit.jsonl\nlogger_type = file\nlogfile = {1}/mcod.log\nloglevel = debug\n",
        traits.name, home.string(), authority().string());
    if (first) {
        text += fmt::format("local_socket = {}\n", (home / "s").string());
    } else {
        text += fmt::format("seed = {} {}\n", endpoint(first_), curve_key(first_));
    }
    dir_.write(traits.name + "/mcod.conf", text + traits.extra);
}

void Fleet::start(const std::string& name) {
    Process process({.argv = {program("mcod").string(), "-c", config(name).string(), "--ready-fd", "3"}},
                    folder(name) / "stderr.log", Process::Ready::on_descriptor_3);
    const auto line = process.wait_ready();
    REQUIRE_MESSAGE(line.has_value(),
                    name << " did not become ready: " << process.log_text() << read_text(folder(name) / "mcod.log"));
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
        dir_.write(name + "/mcod.conf", text);
    }
    processes_.insert_or_assign(name, std::move(process));
}

void Fleet::restart(std::string_view name) {
    const std::string key(name);
    processes_.at(key).kill();
    start(key);
}

void Fleet::write_client() const {
    std::string text = fmt::format(
        "certificate = {0}/operator/operator.cert\nsecret_keys = {0}/operator/operator.key\ntrust = {1}/root.cert\n"
        "entry = ipc://{2} {3}\n",
        dir_.path().string(), authority().string(), (folder(first_) / "s").string(), curve_key(first_));
    for (const auto& [name, where] : endpoints_) text += fmt::format("entry = {} {}\n", where, curve_key(name));
    dir_.write("client.cfg", text);
}

std::string Fleet::curve_key(std::string_view name) const {
    auto key = ca({"show", "--curve-key", (folder(name) / fmt::format("{}.cert", name)).string()});
    while (!key.empty() && key.back() == '\n') key.pop_back();
    return key;
}

Finished Fleet::mco(std::vector<std::string> words, std::map<std::string, std::string> environment,
                    std::string input) const {
    words.insert(words.begin(), program("mco").string());
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

std::string Fleet::logs() const {
    std::string all;
    for (const auto& [name, process] : processes_) {
        const auto text = process.log_text() + read_text(folder(name) / "mcod.log");
        all += fmt::format("--- {}\n{}\n", name, text.size() > 2000 ? text.substr(text.size() - 2000) : text);
    }
    return all;
}

}  // namespace mco::test
