#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/reply_printer.hpp"
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
    Target target;
    Gathered gathered;
    Account account;
    bool nobody() const { return means_nobody(account, target.choice); }
};
struct Wanted {
    std::string agent, action;
    std::map<std::string, std::string> arguments;  // as typed; the DDL says what they are
    std::optional<Target> target = {};             // none: whom the filter options mean
};
// Checks the arguments, asks, and collects; a progress bar if the command has that option. Replies are sorted by node.
proto::Result<AgentCall> call_agent(Context& context, Session& session, Wanted wanted);

// What follows the nodes' own lines: the DDL's summaries, the statistics under this caption, who is missing. Returns the
// command's status. With nobody discovered it is the sentence that says so.
enum class Summaries : std::uint8_t { all, none };
ExitStatus finish(Context& context, Session& session, const AgentCall& call, const std::string& caption,
                  Summaries summaries = Summaries::all);

// A command's own way to show the replies. Not for --json, --jsonl, --table, --fold and --display: these are as with rpc.
struct OwnLayout {
    std::function<std::string(const AgentCall& call)> lines;  // not asked if nobody is meant
    std::string caption;
    Summaries summaries = Summaries::all;
};
proto::Result<ExitStatus> call_and_show(Context& context, Session& session, Wanted wanted, const OwnLayout& own);
// `invalid` if one of those options was given to what makes many calls.
proto::Result<void> own_layout_only(const Options& options, std::string_view what);

// Everything that can be wrong with a request was checked, and whom it means is known; nothing was sent for it.
struct Question {
    std::string agent;
    proto::ActionSchema action;
    Target target;
    Call call;
};
proto::Result<Question> prepare_question(Session& session, Wanted wanted);
// Asks, and shows the replies as rpc does. Returns the command's status.
enum class Remember : std::uint8_t { yes, no };  // for -I @last
proto::Result<ExitStatus> ask_and_show(Context& context, Session& session, const Question& question, const Showing& showing,
                                       Remember remember = Remember::yes);

// "  web1: ": names right-aligned to the longest one and three more.
std::size_t longest_name(std::span<const Reply> replies);
std::string named_line(const Reply& reply, std::size_t longest, std::string_view text);

// An output as text; "" if it is not there.
std::string text_of(const Reply& reply, std::string_view output);

// A command's own options, and those of all of them: layouts, progress, subset, required, common, filter.
void declare_agent_options(OptionSet& options, std::span<const Option> own = {});

}  // namespace mco::client::applications
