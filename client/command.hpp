#pragma once

#include <filesystem>
#include <functional>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/account.hpp"
#include "client/config.hpp"
#include "client/links.hpp"
#include "client/options.hpp"
#include "client/path_application.hpp"
#include "client/terminal.hpp"
#include "security/hello.hpp"
#include "security/trust_store.hpp"

namespace mco::client {

// Everything outside the program that a command may touch. In a test: strings, a paper mesh and a clock that is a number.
struct World {
    std::ostream& out;  // results
    std::ostream& err;  // for people
    Environment environment;
    Terminal terminal;                           // colour is decided later
    std::vector<std::filesystem::path> libdirs;  // of the installation
    std::function<proto::Now()> now;
    // Called at most once, when the first request is about to be sent. The arguments outlive the links.
    std::function<std::unique_ptr<Links>(const security::Identity&, security::TrustStore&)> open_links;
    std::istream* in = nullptr;  // where a person answers questions; none: every answer is no
    // Becomes another program; returns only if that fails: why. None: such programs do not exist.
    std::function<std::string(const Launch&)> become = {};
    bool piped = false;          // it is a pipe or a file: somebody's results, perhaps
};

struct Command;

// One run of one command.
struct Context {
    World& world;
    const Command& command;
    const OptionSet& option_set;
    const Options& options;
    Terminal terminal;
    proto::Now started;
    std::string line;                            // as typed, with "mco" in front; visible, cut where it is long
    std::optional<ExitStatus> settled = {};      // --preview and --can-i: the command's end, whatever it returns

    std::ostream& out() const { return world.out; }
    std::ostream& err() const { return world.err; }
    bool verbose() const { return options.has("verbose") && !options.has("quiet"); }
};

struct Command {
    std::string_view name;
    std::string_view summary;
    std::string_view usage;     // lines behind "mco NAME"
    std::string_view examples;  // whole lines, to be copied
    void (*declare)(OptionSet& options);
    proto::Result<ExitStatus> (*run)(Context& context);  // an error is printed by the caller; status 1
    bool takes_piped_nodes = false;                      // asks the nodes that come on standard input
};

// Sorted by name.
std::span<const Command* const> commands();
const Command* find_command(std::string_view name);
std::string_view nearest_command(std::string_view name);  // "" if none is near

// The whole program but for what is in World. `arguments` with argv[0]: "mc-find" runs find. Returns the exit status.
int run_program(World& world, std::span<const std::string> arguments);

// What the program reads from its environment.
struct Variable {
    std::string_view name, meaning;
};
std::span<const Variable> environment_variables();

std::string help_page(const Command& command);
std::string command_table();  // one line a command
std::string other_table(const World& world);  // the same for the applications in $PATH
std::string version_line();

}  // namespace mco::client
