#include "client/applications/node_lines.hpp"

#include <vector>

#include "client/account_json.hpp"
#include "client/results.hpp"
#include "client/terminal.hpp"

namespace mco::client::applications {

proto::Result<NodeLines> NodeLines::make(const Context& context, std::string (*line)(const Reply&)) {
    const bool json = context.options.has("json"), json_lines = context.options.has("jsonl");
    if (json && json_lines) return proto::fail(proto::Errc::invalid, "--json and --jsonl exclude each other");
    return NodeLines(context, line, json ? Form::json : json_lines ? Form::json_lines : Form::lines);
}

NodeLines::NodeLines(const Context& context, std::string (*line)(const Reply&), Form form)
    : context_(context), line_(line), form_(form), at_once_(form != Form::json && !context.options.has("sort")) {}

void NodeLines::print(const Reply& reply) {
    if (form_ == Form::json_lines) {
        context_.out() << json_object("discovery", "ping", reply, JsonForm::one_line) << '\n' << std::flush;
    } else if (reply.status == proto::StatusCode::ok) {
        context_.out() << line_(reply) << std::flush;
    }
}

void NodeLines::print_as_it_comes(const Reply& reply) {
    if (at_once_) print(reply);
}

void NodeLines::finish(Discovered& found) {
    auto& replies = found.gathered.replies;
    if (context_.options.has("sort")) sort_by_node(replies);
    if (form_ == Form::json) {
        context_.out() << json_results("discovery", "ping", replies, found.account, json_form(context_.terminal),
                                       context_.verbose() ? Show::always : Show::if_not_whole);
    } else if (!at_once_) {
        for (const auto& reply : replies) print(reply);
    }
    if (form_ == Form::json_lines) context_.out() << account_json({}, found.account, JsonForm::one_line);
    context_.out() << std::flush;
    if (for_programs()) return;
    for (const auto& reply : replies) {
        if (reply.status != proto::StatusCode::ok)
            context_.err() << visible(reply.node) << ": " << on_one_line(reply.message) << '\n';
    }
    std::erase_if(replies, [](const Reply& reply) { return reply.status != proto::StatusCode::ok; });
}

void declare_node_lines(OptionSet& options) {
    options.add(json_option());
    options.add(json_lines_option());
    options.add(sort_option());
}

}  // namespace mco::client::applications
