#include "node/options.hpp"

#include <sstream>
#include <string_view>

#include <boost/program_options.hpp>
#include <fmt/format.h>

namespace mco::node {
namespace {

namespace po = boost::program_options;

std::string_view default_config(Program program) {
    return program == Program::mcod ? "/etc/mco/mcod.conf" : "/etc/mco/proxy.conf";
}

po::options_description description(Program program) {
    const auto config = fmt::format("configuration (default {})", default_config(program));
    po::options_description options("Options", 100, 60);
    options.add_options()                                                           //
        ("config,c", po::value<std::string>()->value_name("FILE"), config.c_str())  //
        ("check-config",
         "say what is wrong with configuration, keys, certificate and policies; exit 0 if nothing is")               //
        ("ready-fd", po::value<int>()->value_name("N"), "write 'ready ENDPOINT...' there once the node takes part")  //
        ("version", "print the version")                                                                             //
        ("help,h", "print this");
    return options;
}

}  // namespace

proto::Result<Options> parse_options(Program program, int argc, const char* const* argv) {
    po::variables_map given;
    try {
        // No guessing: "--conf" is not "--config", or scripts would break when an option is added.
        const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
        po::store(po::command_line_parser(argc, argv).options(description(program)).positional({}).style(style).run(),
                  given);
        po::notify(given);
    } catch (const po::error& error) {
        return proto::fail(proto::Errc::invalid, fmt::format("{}\nSee: {} --help", error.what(), name(program)));
    }
    Options options;
    options.config = default_config(program);
    if (given.contains("config")) options.config = given["config"].as<std::string>();
    if (given.contains("ready-fd")) options.ready_descriptor = given["ready-fd"].as<int>();
    options.check_config = given.contains("check-config");
    options.version = given.contains("version");
    options.help = given.contains("help");
    if (options.ready_descriptor && *options.ready_descriptor < 0)
        return proto::fail(
            proto::Errc::invalid,
            fmt::format("--ready-fd takes the number of an open file descriptor\nSee: {} --help", name(program)));
    return options;
}

std::string usage(Program program) {
    std::ostringstream text;
    switch (program) {
        case Program::mcod:
            text << "mcod: answers mco on this machine. It stays in the foreground.\n\n"
                    "Usage: mcod [-c FILE] [OPTIONS]\n\n"
                 << description(program)
                 << "\nExample:\n"
                    "  mcod --check-config -c /etc/mco/mcod.conf && mcod -c /etc/mco/mcod.conf\n\n"
                    "Signals: HUP reads configuration, policies, agents, facts and certificates again; USR1 writes a report "
                    "of its\n"
                    "state to the log; USR2 goes to the next log level; WINCH opens log and audit files anew; TERM and "
                    "INT stop\nwhen running actions are done.\n";
            break;
        case Program::proxy:
            text << "mco-proxy: joins a group of nodes, such as a site, to the others, and passes requests and answers "
                    "on.\n"
                    "It runs no agents and answers nothing itself. It stays in the foreground.\n\n"
                    "Usage: mco-proxy [-c FILE] [OPTIONS]\n\n"
                 << description(program)
                 << "\nExamples:\n"
                    "  mco-ca issue --ca CA --name edge1 --role proxy --out /etc/mco     its keys and certificate\n"
                    "  mco-proxy --check-config -c /etc/mco/proxy.conf && mco-proxy -c /etc/mco/proxy.conf\n"
                    "  echo \"seed = tcp://edge1.example.net:21000 $(mco-ca show --curve-key edge1.cert)\"\n"
                    "                                                  the line for its nodes and other proxies\n\n"
                    "Signals: HUP reads configuration, trust and certificate again; USR1 writes a report of its state to "
                    "the log;\n"
                    "USR2 goes to the next log level; WINCH opens the log file anew; TERM and INT say Bye to everybody and stop.\n";
            break;
    }
    return text.str();
}

}  // namespace mco::node
