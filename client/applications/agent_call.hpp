#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/results.hpp"
#include "client/session.hpp"

// What the commands for one agent have in common: package, service, puppet and their like.
namespace mco::client::applications {

// "NAME ACTION" or "ACTION NAME": whichever of the two words is an action. `invalid` tells what was expected.
struct NameAction {
    std::string name, action;  // name is "" for actions that take none
};
proto::Result<NameAction> read_name_action(const std::vector<std::string>& words,
                                           std::span<const std::string_view> with_name,
                                           std::span<const std::string_view> without_name);

// No filter option was given: every node is meant.
bool is_unfiltered(const Options& options);
// Prints the question on stdout and reads a line; y or yes is yes.
bool confirm(Context& context, std::string_view question);

// One request of an agent's action and all that came back.
struct AgentCall {
    proto::ActionSchema action;
    Choice choice = Choice::by_filter;
    Gathered gathered;
    Account account;
    bool nobody() const {
        return account.replies == 0 && account.failures == 0 && account.whole() && choice == Choice::by_filter;
    }
};
struct Wanted {
    std::string agent, action;
    std::map<std::string, std::string> arguments;  // as typed; the DDL says what they are
    Target target;
};
// Checks the arguments, asks, and collects; a progress bar if the command has that option. Replies are sorted by node.
proto::Result<AgentCall> call_agent(Context& context, Session& session, const Wanted& wanted);
// The same for a command that makes one call: it is meant by the filter options.
proto::Result<AgentCall> call_agent(Context& context, Session& session, std::string agent, std::string action,
                                    std::map<std::string, std::string> arguments);

// What follows the nodes' own lines: the DDL's summaries, the statistics under this caption, who is missing. Returns the
// command's status. With nobody discovered it is the sentence that says so, and -j is an array either way.
enum class Summaries { all, none };
ExitStatus finish(Context& context, Session& session, const AgentCall& call, const std::string& caption,
                  Summaries summaries = Summaries::all);
// -j: the replies as one array, and nothing else on stdout.
bool wants_json(const Context& context);
void print_json(Context& context, std::string_view agent, const AgentCall& call);

// "  web1: ": names right-aligned to the longest one and three more.
std::size_t longest_name(std::span<const Reply> replies);
std::string named_line(const Reply& reply, std::size_t longest, std::string_view text);

// An output as text; "" if it is not there.
std::string text_of(const Reply& reply, std::string_view output);

// A command's own options, and those of all of them: json, progress, subset, required, common, filter.
void declare_agent_options(OptionSet& options, std::span<const Option> own = {});

}  // namespace mco::client::applications
