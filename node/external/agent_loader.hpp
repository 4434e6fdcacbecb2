#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "node/external/agent_files.hpp"
#include "node/external/agent_lines.hpp"
#include "node/external/external_agent.hpp"
#include "node/mailbox.hpp"
#include "node/registry.hpp"
#include "proto/error.hpp"

namespace mco::node::external {

// Looks for external agents every 20 seconds, and when told to, on a thread of its own: activation may take two seconds for
// each. A new or changed one is loaded, one that vanished is unloaded, one that broke keeps what it had; a DDL that was just
// written is left alone until it rests. Owned and asked by one thread, the reactor's.
class AgentLoader {
 public:
    struct Settings {
        std::vector<std::filesystem::path> libdirs;
        std::filesystem::path plugin_folder;  // <confdir>/plugin.d
        std::vector<std::string> reserved;    // names of built-in agents
        Activation activation;
        std::map<std::string, std::string, std::less<>> run_as;  // agent, user
        std::string search_path;
    };
    AgentLoader(Settings settings, std::shared_ptr<AgentLines> lines);
    ~AgentLoader();
    AgentLoader(const AgentLoader&) = delete;
    AgentLoader& operator=(const AgentLoader&) = delete;

    void change(Settings settings);  // looks again at once, and asks those that were not active again

    int descriptor() const { return found_.descriptor(); }  // readable: take() has something
    struct Found {
        std::vector<Registry::Entry> agents;     // all there are now
        std::vector<std::string> worse, better;  // what there is to log, one sentence each
    };
    std::vector<Found> take() { return found_.take(); }  // the first comes when all were looked at, others on a change

 private:
    class Search;
    struct Told {
        bool leave = false;
        Settings settings;
    };
    std::shared_ptr<AgentLines> lines_;
    Mailbox<Told> told_;
    Mailbox<Found> found_;
    std::jthread thread_;  // last
};

// What is wrong with the external agents of a machine, without starting any: for --check-config.
std::vector<std::string> check_external_agents(const AgentLoader::Settings& settings);

}  // namespace mco::node::external
