#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "client/discovery.hpp"
#include "client/last_run.hpp"
#include "client/methods.hpp"
#include "client/session.hpp"
#include "client/words.hpp"
#include "proto/limits.hpp"
#include "security/entropy.hpp"

// Who is asked.
namespace mco::client {

using proto::Errc;
using proto::fail;
using proto::Result;

Result<std::string> Session::collective() const {
    const auto typed = context_.options.value("target");
    if (!typed) return config_.main_collective;
    const auto& known = config_.collectives;
    if (std::find(known.begin(), known.end(), *typed) == known.end())
        return fail(Errc::invalid, fmt::format("-T '{}' is none of your collectives: {} has collectives = {}", *typed,
                                               config_.file.string(), fmt::join(known, ", ")));
    return *typed;
}

NamedSet Session::named_sets() {
    return [this](std::string_view name) -> Result<std::vector<std::string>> {
        const auto file = last_run_file(context_.world.environment);
        if (!file) return fail(Errc::not_found, "nothing is remembered: neither $HOME nor $XDG_STATE_HOME is set");
        const auto run = read_last_run(*file);
        if (!run) return tl::unexpected(run.error());
        auto names = last_set(*run, name);
        if (names)
            context_.err() << fmt::format("mco: @{} is {} of: {}\n", visible(name),
                                          counted(names->size(), "node", "nodes"), visible(describe(*run)));
        return names;
    };
}

Result<Selection> Session::selection(const proto::Filter& filter) const {
    auto selection = read_selection(context_.options, context_.option_set, config_);
    if (!selection || selection->method_typed) return selection;
    // Only the nodes themselves can judge a compound filter.
    if (!filter.conditions.empty()) selection->method = Method::mesh;
    if (selection->method != Method::mesh || !context_.command.takes_piped_nodes) return selection;
    auto& world = context_.world;
    if (world.piped && world.in != nullptr && world.in->peek() != std::istream::traits_type::eof()) {
        selection->method = Method::standard_input;
        selection->sources.clear();
    }
    return selection;
}

Result<Target> Session::target_of(proto::Filter filter, std::string collective, const std::string& agent) const {
    if (!agent.empty()) filter.agents.push_back(agent);
    const auto data_time = check_data(filter, library_);
    if (!data_time) return tl::unexpected(data_time.error());
    auto matcher = compile_filter(filter);
    if (!matcher) return tl::unexpected(matcher.error());
    const auto choice = names_only(filter) ? Choice::by_name : Choice::by_filter;
    return Target{.filter = std::move(filter),
                  .matcher = std::move(*matcher),
                  .collective = std::move(collective),
                  .choice = choice,
                  .data_time = *data_time};
}

Result<Target> Session::target(const std::string& agent) {
    auto where = collective();
    if (!where) return tl::unexpected(where.error());
    auto filter = read_filter(context_.options, named_sets());
    if (!filter) return tl::unexpected(filter.error());
    const auto chosen = selection(*filter);
    if (!chosen) return tl::unexpected(chosen.error());
    const auto typed = *filter;
    const bool many = filter->identities.size() > proto::limits::identities_max;
    if (many || (chosen->method != Method::mesh && chosen->method != Method::none)) filter->identities.clear();
    if (chosen->method != Method::mesh) *filter = {};
    auto target = target_of(std::move(*filter), std::move(*where), agent);
    if (!target) return target;
    if (many) target->choice = Choice::by_name;
    const bool looks = context_.options.has("preview");
    if (!many && !looks && !chosen->needs_names()) return target;
    if (auto named = name_nodes(*target, typed, *chosen); !named) return tl::unexpected(named.error());
    return target;
}

Result<void> Session::name_nodes(Target& target, const proto::Filter& typed, const Selection& selection) {
    std::vector<std::string> names;
    const auto began = context_.world.now().mono;
    proto::Ledger ledger;
    const bool looks = context_.options.has("preview");
    if (selection.method != Method::mesh) {
        const auto typed_patience = context_.options.number(
            "discovery-timeout", 0, std::chrono::seconds(proto::limits::request_timeout_max).count());
        if (!typed_patience) return tl::unexpected(typed_patience.error());
        auto found = look_up({.filter = typed,
                              .collective = target.collective,
                              .selection = selection,
                              .patience = *typed_patience ? std::chrono::seconds(**typed_patience) : config_.discovery_timeout,
                              .config = config_,
                              .world = context_.world});
        if (!found) return tl::unexpected(found.error());
        names = std::move(*found);
        target.choice = Choice::by_filter;
        target.method = selection.method;
    } else if (is_list(typed) && !looks) {
        names = typed.identities;
    } else {
        auto found = discover(*this, target);
        if (!found) return tl::unexpected(found.error());
        if (found->gathered.interrupted) return fail(Errc::cancelled, "interrupted before the nodes were known");
        ledger = found->account.ledger;
        auto& trouble = found->account.trouble;
        for (auto& reply : found->gathered.replies) {
            if (reply.status == proto::StatusCode::ok) {
                names.push_back(std::move(reply.node));
            } else {
                trouble.push_back(fmt::format("{} did not say whether it is meant: {}", reply.node, reply.message));
            }
        }
        // A limit takes some of those that are there. Without one, whoever could not be asked is missing.
        if (!selection.limit) {
            for (auto& absent : found->account.absent) {
                if (absent.missing) {
                    target.undiscovered.push_back(std::move(*absent.missing));
                } else {
                    trouble.push_back(absent.node + " " + absent.why);
                }
            }
            target.trouble = std::move(trouble);
        }
    }
    if (!is_list(typed) || looks || selection.method != Method::mesh)
        target.search = Target::Search{.took = context_.world.now().mono - began, .ledger = ledger};
    security::entropy::start();
    const auto dice = selection.at_random && !selection.seed ? security::entropy::number() : 0;
    target.nodes = limited(std::move(names), selection, dice);
    target.batch = batch_size(selection, target.nodes->size());
    target.batch_pause = selection.batch_pause;
    target.data_time = {};
    return {};
}

Result<Target> Session::target_node(const std::string& node, const std::string& agent) const {
    auto where = collective();
    if (!where) return tl::unexpected(where.error());
    if (!is_node_name(node)) return fail(Errc::invalid, fmt::format("'{}' is not the name of a node", node));
    proto::Filter filter;
    filter.identities = {node};
    filter.agents = {agent};
    auto matcher = compile_filter(filter);
    if (!matcher) return tl::unexpected(matcher.error());
    return Target{.filter = std::move(filter),
                  .matcher = std::move(*matcher),
                  .collective = std::move(*where),
                  .choice = Choice::by_name,
                  .nodes = std::vector<std::string>{node}};
}

}  // namespace mco::client
