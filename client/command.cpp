#include "client/command.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "client/applications/applications.hpp"
#include "client/extra_options.hpp"
#include "client/words.hpp"
#include "proto/config_file.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::array table{
    &applications::audit,
    &applications::completion,
    &applications::config,
    &applications::describe_filter,
    &applications::facts,
    &applications::filemgr,
    &applications::find,
    &applications::health,
    &applications::help,
    &applications::inventory,
    &applications::mesh,
    &applications::nettest,
    &applications::nrpe,
    &applications::package,
    &applications::ping,
    &applications::plugin,
    &applications::policy,
    &applications::process,
    &applications::puppet,
    &applications::registration,
    &applications::rpc,
    &applications::service,
    &applications::shell,
    &applications::version,
};

constexpr int usage_error = 1;

std::string known_commands() {
    std::string text = "Known commands:\n";
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (i % 3 == 0) text += "\n   ";
        text += left(table[i]->name, 20);
    }
    return text +
           "\n\nType 'mco help' for a detailed list of commands and 'mco help command'\nto get detailed help for a "
           "command\n";
}

// Lines of an error, each made visible; the first says who fails.
void print_error(std::ostream& err, std::string_view who, std::string_view detail) {
    bool first = true;
    while (true) {
        const auto end = detail.find('\n');
        err << (first ? std::string(who) + ": " : std::string()) << visible(detail.substr(0, end)) << '\n';
        first = false;
        if (end == std::string_view::npos) return;
        detail.remove_prefix(end + 1);
    }
}

std::string searched(const World& world) {
    const auto path = world.environment.find("PATH");
    return path == world.environment.end() ? "" : fmt::format(", and mco-NAME in {}", visible(path->second));
}

int unknown_command(World& world, std::string_view name) {
    const auto near = nearest_command(name);
    world.err << version_line() << "\n\n"
              << "Unknown command '" << visible(name) << "'"
              << (name.starts_with('-') ? "; the command comes first: mco COMMAND [options]"
                  : near.empty()        ? ""
                                        : fmt::format("; did you mean '{}'?", near))
              << "\nSearched: the commands built into this program" << searched(world) << "\n\n";
    world.out << known_commands();
    return usage_error;
}

// What is no command of ours may be a program of somebody else.
int run_other(World& world, std::span<const std::string> words) {
    const auto application =
        world.become ? find_path_application(world.environment, words.front()) : std::nullopt;
    if (!application) return unknown_command(world, words.front());
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error).string();
    const auto launch = prepare_launch(*application, words.subspan(1), world.environment, self);
    const auto who = fmt::format("mco {}", application->name);
    if (!launch) {
        print_error(world.err, who, launch.error().detail);
    } else {
        world.out << std::flush;
        print_error(world.err, who, fmt::format("{} cannot be started: {}", application->program.string(), world.become(*launch)));
    }
    return usage_error;
}

// MCollective's options that are known and do nothing here: as with such keys of the configuration, that is said once each.
struct Idle {
    std::string_view name;
    bool takes_value;
    std::string_view because;
};
constexpr std::array idle_options{
    Idle{"--threaded", false, "a request is one frame to one entry"},
    Idle{"--publish_timeout", true, "a request is one frame to one entry"},
    Idle{"--connection-timeout", true, "entries that do not answer are given up after seconds"},
};

std::vector<std::string> without_idle(std::vector<std::string> arguments, std::ostream& err) {
    std::vector<std::string> rest;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == "--") {
            rest.insert(rest.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
            break;
        }
        const auto name = std::string_view(arguments[i]).substr(0, arguments[i].find('='));
        const auto idle = std::find_if(idle_options.begin(), idle_options.end(),
                                       [&](const Idle& option) { return option.name == name; });
        if (idle == idle_options.end()) {
            rest.push_back(std::move(arguments[i]));
            continue;
        }
        err << fmt::format("mco: {} has no effect: {}\n", idle->name, idle->because);
        if (idle->takes_value && name.size() == arguments[i].size()) ++i;
    }
    return rest;
}

Result<Terminal> decide_colour(const World& world, const Options& options) {
    Terminal terminal = world.terminal;
    const auto when = options.value("color").value_or("auto");
    if (when != "always" && when != "never" && when != "auto")
        return fail(Errc::invalid, fmt::format("--color takes always, never or auto, not '{}'", when));
    const auto no_color = world.environment.find("NO_COLOR");
    const bool wanted = no_color == world.environment.end() || no_color->second.empty();
    terminal.colour = when == "always" || (when == "auto" && terminal.tty && wanted);
    return terminal;
}

std::string as_typed(const Command& command, std::span<const std::string> words) {
    constexpr std::size_t size_max = 500;
    auto line = visible(fmt::format("mco {} {}", command.name, fmt::join(words, " ")));
    if (line.size() <= size_max) return line;
    return visible(line.substr(0, size_max)) + "...";
}

Result<ExitStatus> run_command(World& world, const Command& command, std::span<const std::string> typed) {
    const auto started = world.now();
    OptionSet set;
    command.declare(set);
    auto arguments = extra_options(world.environment, set);  // first, so that what is typed wins
    if (!arguments) return tl::unexpected(arguments.error());
    arguments->insert(arguments->end(), typed.begin(), typed.end());
    if (set.has_section(Section::common)) *arguments = without_idle(std::move(*arguments), world.err);
    const auto options = set.parse(*arguments);
    if (!options)
        return fail(options.error().code, options.error().detail + fmt::format("\nTry: mco help {}", command.name));
    if (options->has("help")) {
        world.out << help_page(command);
        return ExitStatus::ok;
    }
    const auto terminal = decide_colour(world, *options);
    if (!terminal) return tl::unexpected(terminal.error());
    Context context{world, command, set, *options, *terminal, started, as_typed(command, typed)};
    auto status = command.run(context);
    if (context.settled) return *context.settled;
    return status;
}

}  // namespace

std::span<const Command* const> commands() { return table; }

const Command* find_command(std::string_view name) {
    if (name == "puppetd") name = "puppet";  // what it was called before
    const auto found =
        std::find_if(table.begin(), table.end(), [&](const Command* command) { return command->name == name; });
    return found == table.end() ? nullptr : *found;
}

std::string_view nearest_command(std::string_view name) {
    std::vector<std::string_view> names;
    for (const auto* command : table) names.push_back(command->name);
    return proto::nearest(name, names);
}

std::span<const Variable> environment_variables() {
    static constexpr std::array variables{
        Variable{"MCO_CONFIG", "The configuration file, as with -c, which wins."},
        Variable{"MCOLLECTIVE_EXTRA_OPTS", "Options and words that stand before those that are typed."},
        Variable{"NO_COLOR", "If set and not empty: no colour, unless --color says always."},
        Variable{"HOME", "Where .mcollective and .config/mco/client.cfg are looked for."},
        Variable{"XDG_CACHE_HOME", "Where mco/names is kept, for the completion of command lines; ~/.cache without it."},
    };
    return variables;
}

std::string version_line() { return "The Marionette Collective's successor mco version " MCO_VERSION; }

std::string command_table() {
    std::string text;
    for (const auto* command : table) text += fmt::format("  {:<15} {}\n", command->name, command->summary);
    return text;
}

std::string other_table(const World& world) {
    std::string text;
    for (const auto& application : path_applications(world.environment))
        text += fmt::format("  {:<15} An application of its own: {}\n", application.name, visible(application.program.string()));
    return text;
}

std::string help_page(const Command& command) {
    OptionSet set;
    command.declare(set);
    std::string text = fmt::format("\n{}\n\n", command.summary);
    const auto lines = [&](std::string_view title, std::string_view block, std::string_view prefix) {
        while (true) {
            const auto end = block.find('\n');
            text += fmt::format("{} {}{}\n", title, prefix, block.substr(0, end));
            if (end == std::string_view::npos) return;
            block.remove_prefix(end + 1);
        }
    };
    lines("Usage:", command.usage, fmt::format("mco {} ", command.name));
    text += "\nExamples:\n";
    lines("   ", command.examples, "");
    for (const auto& title : section_titles()) {
        if (!set.has_section(title.section)) continue;
        text += "\n" + std::string(title.text) + (title.text.empty() ? "" : "\n") + set.help(title.section);
    }
    return text + "\n" + version_line() + "\n";
}

int run_program(World& world, std::span<const std::string> arguments) {
    std::vector<std::string> words(arguments.begin(), arguments.end());
    const std::string self = words.empty() ? "mco" : words[0].substr(words[0].rfind('/') + 1);
    if (!words.empty()) words.erase(words.begin());
    if (self.starts_with("mc-")) words.insert(words.begin(), self.substr(3));
    if (words.empty()) {
        world.out << version_line() << "\n\nusage: mco command <options>\n\n" << known_commands();
        return 0;
    }
    if (words[0] == "--version") words[0] = "version";
    if (words[0] == "--help" || words[0] == "-h") words[0] = "help";
    const auto* command = find_command(words[0]);
    if (command == nullptr) return run_other(world, words);
    const auto status = run_command(world, *command, std::span(words).subspan(1));
    if (!status) {
        world.out << std::flush;
        print_error(world.err, fmt::format("mco {}", command->name), status.error().detail);
        return usage_error;
    }
    return static_cast<int>(*status);
}

}  // namespace mco::client
