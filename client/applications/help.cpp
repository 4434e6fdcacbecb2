#include <fmt/format.h>

#include "client/applications/applications.hpp"

namespace mco::client::applications {
namespace {

void declare(OptionSet& options) {
    static constexpr Option page{"help,h", "", Section::required, "This page"};
    options.add({&page, 1});
}

proto::Result<ExitStatus> run(Context& context) {
    const auto& words = context.options.words();
    if (words.empty()) {
        context.out() << version_line() << "\n\n" << command_table();
        return ExitStatus::ok;
    }
    const auto* command = find_command(words[0]);
    if (command == nullptr)
        return proto::fail(proto::Errc::not_found,
                           fmt::format("there is no command '{}'; mco help lists them", words[0]));
    context.out() << help_page(*command);
    return ExitStatus::ok;
}

proto::Result<ExitStatus> run_version(Context& context) {
    context.out() << version_line() << '\n';
    return ExitStatus::ok;
}

}  // namespace

const Command help{
    "help", "Application list and help", "[COMMAND]", "mco help\nmco help rpc", declare, run,
};

const Command version{
    "version", "Print the version", "", "mco version", declare, run_version,
};

}  // namespace mco::client::applications
