#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::test {

struct NodeTraits {
    enum class Kind { node, dial_only, proxy };  // dial_only: listen = none
    std::string name;
    std::string facts;  // YAML; of nodes
    std::vector<std::string> classes;
    std::string extra = {};  // further lines of its configuration
    Kind kind = Kind::node;
    std::vector<std::string> seeds = {};  // names of earlier ones; none: the first node
};

// A throw-away authority and real daemons on loopback with real keys, each child killed when the object goes. The first one
// is a node, the others' seed unless they name others, and, through its local socket, the operator's first entry; the
// others that listen are entries, too.
class Fleet {
 public:
    explicit Fleet(std::vector<NodeTraits> nodes);
    // The three machines that the acceptance checks of MCollective's behaviour speak of: web1, web2, db1.
    static std::vector<NodeTraits> acceptance_nodes();
    // `count` plain nodes NAME1, NAME2, ...
    static std::vector<NodeTraits> plain(std::string_view name, int count, const NodeTraits& like = {});

    // Of two builds, where $MCO_BEFORE and $MCO_AFTER name their folders, as .ci/upgrade-check does; otherwise both are this one.
    enum class Version { before, after };
    static std::filesystem::path program_of(Version version, std::string_view name);

    // Runs `mco WORDS...` as the operator.
    Finished mco(std::vector<std::string> words, std::map<std::string, std::string> environment = {},
                 std::string input = {}, Version version = Version::after) const;
    // Runs mco-ca; fails the test if that fails.
    std::string ca(std::vector<std::string> words) const;

    // The environment in which the operator has these entries only.
    std::map<std::string, std::string> entering_by(const std::vector<std::string>& names) const;

    Process& node(std::string_view name);
    void restart(std::string_view name);  // waits until ready
    std::filesystem::path folder(std::string_view name) const { return dir_ / name; }
    std::filesystem::path config(std::string_view name) const;
    std::filesystem::path authority() const { return dir_ / "ca"; }
    std::filesystem::path client_config() const { return dir_ / "client.cfg"; }
    const TempDir& dir() const { return dir_; }
    std::string endpoint(std::string_view name) const { return endpoints_.find(name)->second; }
    std::string curve_key(std::string_view name) const;
    long counted(std::string_view name, std::string_view counter);  // by a daemon since its start, as SIGUSR1 tells it
    std::string logs() const;  // the last lines of every daemon, for failures

 private:
    void make(const NodeTraits& traits);
    std::string config_text(const NodeTraits& traits) const;
    void launch(const std::string& name);
    void settle(const std::string& name);  // waits until it is ready
    std::string client_text(const std::vector<std::string>& entries) const;

    TempDir dir_;
    std::string first_;
    std::map<std::string, NodeTraits, std::less<>> traits_;
    std::map<std::string, std::string, std::less<>> endpoints_;
    std::set<std::string, std::less<>> started_;
    std::map<std::string, Process, std::less<>> processes_;
};

}  // namespace mco::test
