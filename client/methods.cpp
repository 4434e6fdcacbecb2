#include "client/methods.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "client/inventory_file.hpp"
#include "client/node_list.hpp"
#include "client/preview.hpp"
#include "client/program_run.hpp"
#include "client/puppetdb.hpp"
#include "client/target.hpp"
#include "client/words.hpp"
#include "proto/text_file.hpp"
#include "proto/value.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using Names = proto::Result<std::vector<std::string>>;

// What of a filter a method can judge.
struct Capable {
    bool names = false, classes = false, facts = false, agents = false, compound = false;
};

Capable capabilities(Method method) {
    switch (method) {
        case Method::mesh:
        case Method::inventory:
        case Method::external:
            return {.names = true, .classes = true, .facts = true, .agents = true, .compound = true};
        case Method::puppetdb:
            return {.names = true, .classes = true, .facts = true};
        case Method::none:
        case Method::flatfile:
        case Method::standard_input:
            return {.names = true};
        case Method::frozen:
            return {};
    }
    return {};
}

proto::Result<void> check_capable(Method method, const proto::Filter& filter) {
    const auto can = capabilities(method);
    const auto refuse = [&](std::string_view what) {
        return fail(Errc::invalid,
                    fmt::format("discovery method {} cannot judge {}\nLeave it out, or let the nodes judge: --dm mesh.",
                                name(method), what));
    };
    if (!can.names && !filter.identities.empty()) return refuse("names (-I)");
    if (!can.classes && !filter.classes.empty()) return refuse("classes (-C, -W)");
    if (!can.facts && !filter.facts.empty()) return refuse("facts (-F, -W)");
    if (!can.agents && !filter.agents.empty()) return refuse("agents (-A)");
    if (!can.compound && !filter.conditions.empty()) return refuse("a compound filter (-S)");
    return {};
}

proto::Result<std::string> only_source(const Search& search, std::string_view what) {
    const auto& sources = search.selection.sources;
    if (sources.size() == 1) return sources.front();
    return fail(Errc::invalid, fmt::format("discovery method {} needs one --do {}{}", name(search.selection.method), what,
                                           sources.empty() ? "" : fmt::format("; there are {}", sources.size())));
}

Names of_names(const Search& search) {
    if (names_only(search.filter)) return search.filter.identities;
    return fail(Errc::invalid, "discovery method none asks the nodes of -I, which must be names: no expression, no glob");
}

Names of_flatfile(const Search& search) {
    const auto file = only_source(search, "FILE");
    if (!file) return tl::unexpected(file.error());
    const auto text = proto::read_text_file(*file, node_list_size_max);
    if (!text) return tl::unexpected(text.error());
    return names_of_text(*text, *file);
}

Names of_standard_input(const Search& search) {
    constexpr std::string_view where = "standard input";
    const auto& sources = search.selection.sources;
    const std::string form = sources.empty() ? "auto" : sources.back();
    if (form != "auto" && form != "text" && form != "json")
        return fail(Errc::invalid, fmt::format("--do: discovery method stdin reads auto, text or json, not '{}'", form));
    if (search.world.in == nullptr) return fail(Errc::invalid, "there is no standard input to read nodes from");
    const auto text = read_all(*search.world.in, where);
    if (!text) return tl::unexpected(text.error());
    if (form == "text") return names_of_text(*text, where);
    return form == "json" ? names_of_json(*text, where) : names_of(*text, where);
}

Names of_frozen(const Search& search) {
    const auto frozen = read_frozen(search.selection.sources.front());
    if (!frozen) return tl::unexpected(frozen.error());
    if (frozen->collective != search.collective)
        return fail(Errc::invalid, fmt::format("{} was made for the collective '{}', not for '{}'\nName it with -T.",
                                               search.selection.sources.front(), frozen->collective, search.collective));
    return frozen->nodes;
}

// What an external program is told on its standard input.
std::string request_of(const Search& search) {
    const auto texts = [](const std::vector<std::string>& some) { return proto::Value::List(some.begin(), some.end()); };
    proto::Value::List facts, conditions;
    for (const auto& term : search.filter.facts)
        facts.emplace_back(proto::Value::Map{
            {"fact", term.fact}, {"operator", std::string(proto::symbol(term.op))}, {"value", term.value}});
    for (const auto& condition : search.filter.conditions) conditions.emplace_back(proto::to_text(condition));
    const auto& sources = search.selection.sources;
    const proto::Value::Map filter{{"identity", texts(search.filter.identities)},
                                   {"class", texts(search.filter.classes)},
                                   {"agent", texts(search.filter.agents)},
                                   {"fact", std::move(facts)},
                                   {"compound", std::move(conditions)}};
    return proto::to_json(proto::Value::Map{{"collective", search.collective},
                                            {"filter", filter},
                                            {"options", proto::Value::List(sources.begin() + 1, sources.end())},
                                            {"timeout", search.patience.count()}}) +
           "\n";
}

Names of_program(const Search& search) {
    const auto& sources = search.selection.sources;
    if (sources.empty() || !sources.front().starts_with('/'))
        return fail(Errc::invalid, "discovery method external needs --do PROGRAM with an absolute path; further --do are for it");
    const auto request = request_of(search);
    const auto printed = output_of({.argv = {sources.front()},
                                      .input = request,
                                      .patience = search.patience,
                                      .output_max = node_list_size_max,
                                      .now = search.world.now});
    if (!printed) return tl::unexpected(printed.error());
    return names_of(*printed, "what " + sources.front() + " printed");
}

Names of_puppetdb(const Search& search) {
    const auto& database = search.config.puppetdb;
    const auto query = puppetdb_query(search.filter, search.collective, database, search.selection.sources);
    if (!query) return tl::unexpected(query.error());
    return ask_puppetdb(*query, database, search.patience);
}

Names of_method(const Search& search) {
    switch (search.selection.method) {
        case Method::none:
            return of_names(search);
        case Method::flatfile:
            return of_flatfile(search);
        case Method::standard_input:
            return of_standard_input(search);
        case Method::frozen:
            return of_frozen(search);
        case Method::inventory: {
            const auto file = only_source(search, "FILE");
            return file ? search_inventory(*file, search.filter, search.collective) : tl::unexpected(file.error());
        }
        case Method::external:
            return of_program(search);
        case Method::puppetdb:
            return of_puppetdb(search);
        case Method::mesh:
            break;
    }
    return fail(Errc::internal, "the mesh is asked elsewhere");
}

}  // namespace

Names look_up(const Search& search) {
    if (auto capable = check_capable(search.selection.method, search.filter); !capable)
        return tl::unexpected(capable.error());
    auto names = of_method(search);
    if (!names || search.filter.identities.empty()) return names;
    proto::Filter identities;
    identities.identities = search.filter.identities;
    const auto matcher = compile_filter(identities);
    if (!matcher) return tl::unexpected(matcher.error());
    const auto before = names->size();
    std::erase_if(*names, [&](const std::string& name) { return !matcher->may_match_identity(name); });
    if (names->empty())
        return fail(Errc::invalid, fmt::format("-I means none of the {} that discovery method {} found",
                                               counted(before, "node", "nodes"), name(search.selection.method)));
    return names;
}

}  // namespace mco::client
