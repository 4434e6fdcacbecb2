#include <array>

#include <fmt/format.h>

#include "client/applications/applications.hpp"
#include "client/man_page.hpp"

namespace mco::client::applications {
namespace {

void declare(OptionSet& options) {
    static constexpr std::array all{
        Option{"man", "FOLDER", Section::application, "Write the manual pages of all commands into FOLDER"},
        Option{"help,h", "", Section::required, "This page"},
    };
    options.add(all);
}

proto::Result<ExitStatus> run(Context& context) {
    const auto& words = context.options.words();
    if (const auto folder = context.options.value("man")) {
        if (auto written = write_man_pages(*folder); !written) return tl::unexpected(written.error());
        return ExitStatus::ok;
    }
    if (words.empty()) {
        context.out() << version_line() << "\n\n" << command_table() << other_table(context.world);
        return ExitStatus::ok;
    }
    const auto* command = find_command(words[0]);
    if (const auto other = find_path_application(context.world.environment, words[0]); command == nullptr && other) {
        context.out() << fmt::format("'{}' is an application of its own: {}\nTry: mco {} --help\n", other->name,
                                     visible(other->program.string()), other->name);
        return ExitStatus::ok;
    }
    if (command == nullptr) {
        const auto near = nearest_command(words[0]);
        return proto::fail(proto::Errc::not_found, fmt::format("there is no command '{}'{}; mco help lists them", words[0],
                                                               near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near)));
    }
    context.out() << help_page(*command);
    return ExitStatus::ok;
}

proto::Result<ExitStatus> run_version(Context& context) {
    context.out() << version_line() << '\n';
    return ExitStatus::ok;
}

void declare_version(OptionSet& options) {
    static constexpr Option page{"help,h", "", Section::required, "This page"};
    options.add({&page, 1});
}

}  // namespace

const Command help{
    "help", "Application list and help", "[COMMAND]", "mco help\nmco help rpc\nmco help --man /usr/local/share/man/man1", declare, run,
};

const Command version{
    "version", "Print the version", "", "mco version\nmco version --help\nmco version | grep -o '[0-9.]*$'", declare_version, run_version,
};

}  // namespace mco::client::applications
