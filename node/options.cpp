#include "node/options.hpp"

#include <sstream>

#include <boost/program_options.hpp>
#include <fmt/format.h>

namespace mco::node {
namespace {

namespace po = boost::program_options;

po::options_description description() {
    po::options_description options("Options", 100, 60);
    options.add_options()                                                                                            //
        ("config,c", po::value<std::string>()->value_name("FILE"), "configuration (default /etc/mco/mcod.conf)")     //
        ("check-config", "say what is wrong with the configuration, keys and policies; exit 0 if nothing is")        //
        ("ready-fd", po::value<int>()->value_name("N"), "write 'ready ENDPOINT...' there once the node takes part")  //
        ("version", "print the version")                                                                             //
        ("help,h", "print this");
    return options;
}

}  // namespace

proto::Result<Options> parse_options(int argc, const char* const* argv) {
    po::variables_map given;
    try {
        // No guessing: "--conf" is not "--config", or scripts would break when an option is added.
        const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
        po::store(po::command_line_parser(argc, argv).options(description()).positional({}).style(style).run(), given);
        po::notify(given);
    } catch (const po::error& error) {
        return proto::fail(proto::Errc::invalid, fmt::format("{}\nSee: mcod --help", error.what()));
    }
    Options options;
    if (given.contains("config")) options.config = given["config"].as<std::string>();
    if (given.contains("ready-fd")) options.ready_descriptor = given["ready-fd"].as<int>();
    options.check_config = given.contains("check-config");
    options.version = given.contains("version");
    options.help = given.contains("help");
    if (options.ready_descriptor && *options.ready_descriptor < 0)
        return proto::fail(proto::Errc::invalid,
                           "--ready-fd takes the number of an open file descriptor\nSee: mcod --help");
    return options;
}

std::string usage() {
    std::ostringstream text;
    text << "mcod: answers mco on this machine. It stays in the foreground.\n\n"
            "Usage: mcod [-c FILE] [OPTIONS]\n\n"
         << description()
         << "\nExample:\n"
            "  mcod --check-config -c /etc/mco/mcod.conf && mcod -c /etc/mco/mcod.conf\n\n"
            "Signals: HUP and USR1 read configuration, policies, agents, facts and certificates again; USR2 goes to "
            "the\n"
            "next log level; WINCH opens log and audit files anew; TERM and INT stop when running actions are done.\n";
    return text.str();
}

}  // namespace mco::node
