// mco-ca: keys and certificates. Reads the command line, runs one command, says what happened.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "security/ca/options.hpp"
#include "security/entropy.hpp"
#include "security/process.hpp"

namespace {

using mco::proto::Errc;
using mco::proto::Result;
using mco::proto::WallTime;
using mco::security::ca::Options;
using mco::security::ca::Output;
namespace ca = mco::security::ca;
namespace po = boost::program_options;

// What each option is, once for all commands.
struct Option {
    std::string_view name;
    bool takes_value;
    std::string_view help;
};
constexpr std::array options_known{
    Option{"ca", true, "the authority's folder, made by mco-ca init"},
    Option{"name", true, "the name in the certificate: 1 to 64 of a-z 0-9 . _ -"},
    Option{"role", true, "node (runs mcod), proxy (relays), caller (may run mco)"},
    Option{"out", true, "where to write: a file (sign) or a folder"},
    Option{"valid", true, "how long it holds: 12h, 90d, 10y"},
    Option{"not-before", true, "when it begins, in UTC: 2026-03-01T09:30:00Z (otherwise now)"},
    Option{"not-after", true, "when it ends, instead of --valid"},
    Option{"collectives", true, "only these, with commas between (otherwise all)"},
    Option{"actions", true, "only these AGENT/ACTION patterns of a caller, with commas between: rpcutil/*,*/status"},
    Option{"targets-max", true, "most nodes that one request of a caller may mean"},
    Option{"replace", false, "give a name that is taken to the new key"},
    Option{"trust", true, "the file with the root certificates to believe in"},
    Option{"server", true, "where serve-enrolment listens: HOST:PORT"},
    Option{"listen", true, "where to listen: HOST:PORT; port 0 takes any free one"},
    Option{"ready-fd", true, "a descriptor that is told where it listens"},
    Option{"token-file", true, "the file with the token, 0600; otherwise it is read from standard input"},
    Option{"secret-keys", true, "the file with the keys that the certificate is for"},
    Option{"passphrase", false, "protect the key with a passphrase, which is asked for"},
    Option{"passphrase-file", true, "the file with the passphrase, 0600; otherwise it is asked for"},
    Option{"rotate", false, "a new key in front of those that are there"},
    Option{"json", false, "one JSON object a line"},
    Option{"curve-key", false, "only the CURVE key, as `seed` and `entry` lines want it"},
    Option{"help", false, "this text"},
};

struct Command {
    std::string_view name, operand, summary;
    std::vector<std::string_view> required, optional;
    std::string_view examples;
    Result<Output> (*run)(const Options&, WallTime);
};

const std::vector<Command>& commands() {
    static const std::vector<Command> table{
        {"init",
         "DIR",
         "make an authority: its root key and root certificate",
         {},
         {"name", "valid", "role", "passphrase", "passphrase-file"},
         "  mco-ca init /root/mco-ca\n  mco-ca init ca --name example-fleet --valid 5y --passphrase\n"
         "  mco-ca init berlin --role issuer --name berlin          an issuer, for the root to sign\n",
         &ca::run_init},
        {"request",
         "",
         "on the machine itself: make its keys and a signing request",
         {"name", "role", "out"},
         {"secret-keys"},
         "  mco-ca request --name web1 --role node --out /etc/mco/keys\n"
         "  mco-ca request --name web1 --role node --out /tmp/new --secret-keys mcod.key     for the keys that are there\n",
         &ca::run_request},
        {"sign",
         "REQUEST...",
         "sign the request of a machine or person, or those of many",
         {"ca"},
         {"out", "valid", "not-before", "not-after", "collectives", "actions", "targets-max", "replace", "passphrase-file"},
         "  mco-ca sign --ca /root/mco-ca web1.request --out web1.cert\n"
         "  mco-ca sign --ca /root/mco-ca alice.request --valid 30d --actions 'rpcutil/*,*/status' >alice.cert\n"
         "  mco-ca sign --ca berlin requests/*.request --out certs          many at once: --out is a folder\n",
         &ca::run_sign},
        {"issue",
         "",
         "make keys and certificate in one go, where the keys may be made by the authority",
         {"ca", "name", "role", "out"},
         {"valid", "not-before", "not-after", "collectives", "actions", "targets-max", "replace", "passphrase-file"},
         "  mco-ca issue --ca /root/mco-ca --name alice --role caller --out ~/.config/mco\n",
         &ca::run_issue},
        {"show",
         "FILE",
         "say what is in a certificate or signing request",
         {},
         {"json", "curve-key"},
         "  mco-ca show web1.cert\n  echo \"seed = tcp://192.0.2.1:21000 $(mco-ca show --curve-key web1.cert)\"\n",
         &ca::run_show},
        {"verify",
         "CERT",
         "say whether a certificate holds, and if not, why",
         {"trust"},
         {},
         "  mco-ca verify --trust root.cert web1.cert\n",
         &ca::run_verify},
        {"revoke",
         "NAME",
         "take a certificate back, by name or serial; writes CA/revocations",
         {"ca"},
         {"passphrase-file"},
         "  mco-ca revoke --ca ca web1\n"
         "  scp ca/revocations web2:/etc/mco/revocations && ssh web2 systemctl reload mcod     one node tells all\n",
         &ca::run_revoke},
        {"crl",
         "",
         "print the newest revocation list",
         {"ca"},
         {"json"},
         "  mco-ca crl --ca ca >revocations\n  mco-ca crl --ca ca --json\n",
         &ca::run_crl},
        {"token",
         "",
         "print a one-time token with which a new machine gets its certificate",
         {"ca", "name"},
         {"role", "valid", "passphrase-file"},
         "  mco-ca token --ca ca --name web1 | ssh web1 mco-ca enrol --server ca.example.net:21099 --name web1 --out /etc/mco\n",
         &ca::run_token},
        {"serve-enrolment",
         "",
         "give certificates to machines with tokens, and renew them",
         {"ca", "listen"},
         {"valid", "ready-fd", "passphrase-file"},
         "  mco-ca serve-enrolment --ca ca --listen 0.0.0.0:21099\n",
         &ca::run_serve_enrolment},
        {"enrol",
         "",
         "on a new machine: make its keys and get its certificate for a token",
         {"server", "name", "out"},
         {"role", "token-file"},
         "  mco-ca enrol --server ca.example.net:21099 --name web1 --out /etc/mco --token-file /root/token\n",
         &ca::run_enrol},
        {"renew",
         "CERT",
         "get a certificate that holds longer, for the same keys, once two thirds of its life are over",
         {"server", "secret-keys", "trust"},
         {},
         "  mco-ca renew --server ca.example.net:21099 --secret-keys mcod.key --trust root.cert mcod.cert\n",
         &ca::run_renew},
        {"bundle",
         "",
         "write what every machine needs of an authority: root and revocations, no secrets",
         {"ca", "out"},
         {"passphrase-file"},
         "  mco-ca bundle --ca ca --out bundle && scp -r bundle web1:/etc/mco\n",
         &ca::run_bundle},
        {"collective-key",
         "FILE",
         "make the key that hides requests from proxies, or put a new one in front",
         {},
         {"rotate"},
         "  mco-ca collective-key collective.key\n  mco-ca collective-key --rotate collective.key\n",
         &ca::run_collective_key},
    };
    return table;
}

std::string usage_line(const Command& command) {
    auto line = fmt::format("mco-ca {}", command.name);
    for (const auto option : command.required) line += fmt::format(" --{} ...", option);
    if (!command.operand.empty()) line += fmt::format(" {}", command.operand);
    if (!command.optional.empty()) line += " [options]";
    return line;
}

std::string help_of(const Command& command) {
    auto text = fmt::format("usage: {}\n{}\n\n", usage_line(command), command.summary);
    for (const auto* group : {&command.required, &command.optional}) {
        for (const auto name : *group) {
            const auto* option =
                std::find_if(options_known.begin(), options_known.end(), [&](auto& o) { return o.name == name; });
            text += fmt::format("  --{:<14}{}\n", name, option->help);
        }
    }
    return text + fmt::format("\nexamples:\n{}", command.examples);
}

std::string help_of_all() {
    std::string text = "usage: mco-ca COMMAND ...\nkeys and certificates of an mco mesh\n\n";
    for (const auto& command : commands()) text += fmt::format("  {:<16}{}\n", command.name, command.summary);
    return text +
           "\nfrom nothing to a trusted node:\n"
           "  mco-ca init ca                                          the authority, on a safe machine\n"
           "  mco-ca request --name web1 --role node --out keys       on the node: keys never leave it\n"
           "  mco-ca sign --ca ca web1.request --out web1.cert        the authority signs\n"
           "\nmco-ca COMMAND --help tells more. Exit status: 0 done, 1 not done; the reason is on standard error.\n";
}

std::vector<std::string> pieces(const std::string& text) {
    std::vector<std::string> list;
    std::size_t at = 0;
    while (at <= text.size()) {
        const auto end = std::min(text.find(',', at), text.size());
        list.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return list;
}

struct Parsed {
    Options options;
    bool help = false;
};

Result<Parsed> parse(const Command& command, const std::vector<std::string>& words) try {
    po::options_description declared;
    for (const auto& option : options_known) {
        const auto used = [&](auto& list) { return std::find(list.begin(), list.end(), option.name) != list.end(); };
        if (option.name != "help" && !used(command.required) && !used(command.optional)) continue;
        const std::string name(option.name);
        if (option.takes_value) {
            declared.add_options()(name.c_str(), po::value<std::string>());
        } else {
            declared.add_options()(name.c_str(), po::bool_switch());
        }
    }
    declared.add_options()("operand", po::value<std::vector<std::string>>());
    po::positional_options_description operands;
    operands.add("operand", -1);
    po::variables_map given;
    const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(words).options(declared).positional(operands).style(style).run(), given);
    po::notify(given);

    Parsed parsed;
    parsed.help = given["help"].as<bool>();
    if (parsed.help) return parsed;
    const auto text = [&](const char* name) {
        return given.count(name) != 0 ? given[name].as<std::string>() : std::string();
    };
    const auto flag = [&](const char* name) { return given.count(name) != 0 && given[name].as<bool>(); };
    for (const auto name : command.required) {
        if (text(std::string(name).c_str()).empty())
            return mco::proto::fail(Errc::invalid,
                                    fmt::format("--{} is missing\nusage: {}", name, usage_line(command)));
    }
    const auto words_left =
        given.count("operand") != 0 ? given["operand"].as<std::vector<std::string>>() : std::vector<std::string>();
    const std::size_t words_max = command.operand.empty() ? 0 : command.operand.ends_with("...") ? words_left.size() : 1;
    if (words_left.size() > words_max || (words_left.empty() && !command.operand.empty()))
        return mco::proto::fail(
            Errc::invalid,
            words_left.empty()
                ? fmt::format("{} is missing\nusage: {}", command.operand, usage_line(command))
                : fmt::format("\"{}\" is one word too many\nusage: {}", words_left.back(), usage_line(command)));
    auto& options = parsed.options;
    if (!words_left.empty()) options.file = words_left.front();
    options.files = words_left;
    options.name = given.count("name") != 0 ? text("name") : "authority";
    options.role = text("role");
    options.authority = text("ca");
    options.trust = text("trust");
    options.out = text("out");
    options.server = text("server");
    options.listen = text("listen");
    options.token_file = text("token-file");
    options.secret_keys = text("secret-keys");
    options.valid = text("valid");
    options.not_before = text("not-before");
    options.not_after = text("not-after");
    if (given.count("collectives") != 0) options.collectives = pieces(text("collectives"));
    if (given.count("actions") != 0) options.actions = pieces(text("actions"));
    if (given.count("targets-max") != 0) {
        const auto number = text("targets-max");
        const bool digits =
            !number.empty() && number.size() <= 9 && number.find_first_not_of("0123456789") == std::string::npos;
        if (!digits || std::stoul(number) == 0)
            return mco::proto::fail(Errc::invalid, fmt::format("--targets-max \"{}\" is no number from 1", number));
        options.targets_max = static_cast<std::uint32_t>(std::stoul(number));
    }
    if (given.count("ready-fd") != 0) {
        const auto number = text("ready-fd");
        if (number.empty() || number.size() > 3 || number.find_first_not_of("0123456789") != std::string::npos)
            return mco::proto::fail(Errc::invalid, fmt::format("--ready-fd \"{}\" is no descriptor", number));
        options.ready_descriptor = std::stoi(number);
    }
    options.replace = flag("replace");
    options.passphrase_file = text("passphrase-file");
    options.passphrase = flag("passphrase");
    options.rotate = flag("rotate");
    options.json = flag("json");
    options.curve_key = flag("curve-key");
    return parsed;
} catch (const po::error& error) {
    return mco::proto::fail(Errc::invalid, fmt::format("{}\nsee: mco-ca {} --help", error.what(), command.name));
}

int print(std::FILE* stream, std::string_view text) {
    const bool whole = std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0;
    return whole ? 0 : 1;
}

int complain(std::string_view detail) {
    print(stderr, fmt::format("mco-ca: {}\n", detail));
    return 1;
}

int run(const std::vector<std::string>& words) {
    if (words.empty()) {
        print(stderr, help_of_all());
        return 1;
    }
    if (words.front() == "--help" || words.front() == "-h" || words.front() == "help")
        return print(stdout, help_of_all());
    if (words.front() == "--version") return print(stdout, fmt::format("mco-ca {}\n", MCO_VERSION));
    const auto& table = commands();
    const auto command =
        std::find_if(table.begin(), table.end(), [&](const Command& c) { return c.name == words.front(); });
    if (command == table.end()) return complain(fmt::format("\"{}\" is no command\nsee: mco-ca --help", words.front()));
    const auto parsed = parse(*command, {words.begin() + 1, words.end()});
    if (!parsed) return complain(parsed.error().detail);
    if (parsed->help) return print(stdout, help_of(*command));
    const WallTime now{
        std::chrono::duration_cast<mco::proto::Duration>(std::chrono::system_clock::now().time_since_epoch())};
    const auto output = command->run(parsed->options, now);
    if (!output) return complain(output.error().detail);
    print(stderr, output->notes);
    if (print(stdout, output->result) == 0) return 0;
    return complain("the result could not be written to standard output");
}

}  // namespace

int main(int argc, char** argv) try {
    mco::security::protect_process();
    mco::security::entropy::start();
    return run({argv + 1, argv + argc});
} catch (const std::exception& error) { return complain(error.what()); }
