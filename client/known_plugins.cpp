#include "client/known_plugins.hpp"

#include <array>

#include <fmt/format.h>

namespace mco::client {
namespace {

constexpr std::array plugins{
    KnownPlugin{"aggregate", "average", "The mean of an output's numbers", "aggregate in a DDL: average, with the output's name"},
    KnownPlugin{"aggregate", "boolean_summary", "How often an output is true and false, under names of the DDL's",
                "aggregate in a DDL: boolean_summary, with the output's name and {\"true\": TEXT, \"false\": TEXT}"},
    KnownPlugin{"aggregate", "chart", "How an output's numbers are distributed, as a line of bars",
                "aggregate in a DDL: chart, with the output's name"},
    KnownPlugin{"aggregate", "nagios_states", "How many checks are OK, WARNING, CRITICAL and UNKNOWN",
                "aggregate in a DDL: nagios_states, with the name of the output that has the exit code"},
    KnownPlugin{"aggregate", "nettest_mma", "The least, the mean and the greatest of an output's times",
                "aggregate in a DDL: nettest_mma, with the output's name"},
    KnownPlugin{"aggregate", "process_summary", "Hosts, processes and memory of a list of processes",
                "aggregate in a DDL: process_summary, with the output's name"},
    KnownPlugin{"aggregate", "sum", "The sum of an output's numbers", "aggregate in a DDL: sum, with the output's name"},
    KnownPlugin{"aggregate", "summary", "How often each value of an output occurs, the most frequent first",
                "aggregate in a DDL: summary, with the output's name"},
    KnownPlugin{"discovery", "external", "A program that prints names", "--dm external --do PROGRAM; judges -I -C -F -A -W -S"},
    KnownPlugin{"discovery", "flatfile", "A file with a name in each line",
                "--dm flatfile --do FILE, or --nodes FILE; judges -I"},
    KnownPlugin{"discovery", "inventory", "A file that says what the nodes are", "--dm inventory --do FILE; judges -I -C -F -A -W, and -S without data functions"},
    KnownPlugin{"discovery", "mesh", "The nodes themselves, in the request that is for them",
                "the default, also called mc; judges -I -C -F -A -W -S"},
    KnownPlugin{"discovery", "none", "The names of -I, unproved", "--dm none -I NAME; judges -I"},
    KnownPlugin{"discovery", "puppetdb", "PuppetDB, asked over HTTP",
                "--dm puppetdb, with plugin.discovery.puppetdb.host and its like; judges -I -C -F -W"},
    KnownPlugin{"discovery", "stdin", "Names or results on standard input", "mco ... -j | mco rpc ..., or --dm stdin; judges -I"},
    KnownPlugin{"validator", "ipaddress", "An IPv4 or IPv6 address", "\"validation\": \"ipaddress\" of an input"},
    KnownPlugin{"validator", "ipv4address", "An IPv4 address, with a prefix length or without",
                "\"validation\": \"ipv4address\" of an input"},
    KnownPlugin{"validator", "ipv6address", "An IPv6 address, with a prefix length or without",
                "\"validation\": \"ipv6address\" of an input"},
    KnownPlugin{"validator", "shellsafe", "A text without ` $ ; | && > and <", "\"validation\": \"shellsafe\" of an input"},
};

}  // namespace

std::span<const KnownPlugin> known_plugins() { return plugins; }

std::string known_page(const KnownPlugin& plugin) {
    return fmt::format("{}\n{}\n\n{}\n\n   {}\n", plugin.name, std::string(plugin.name.size(), '='), plugin.description,
                       plugin.text);
}

}  // namespace mco::client
