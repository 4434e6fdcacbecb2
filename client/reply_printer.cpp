#include "client/reply_printer.hpp"

#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/account_json.hpp"
#include "client/aggregates.hpp"
#include "client/node_set.hpp"
#include "client/table.hpp"
#include "client/words.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using Layout = Showing::Layout;
using Display = Showing::Display;

constexpr std::array layouts{
    Option{"table", "", Section::rpc, "Results as a table, a line for each node"},
    Option{"fold", "", Section::rpc, "Equal results together, the nodes in front: web[001-040],db1"},
    Option{"display", "MODE", Section::rpc,
           "Which results to show: ok, failed, all or none; the DDL says which without it"},
};

proto::Result<Display> read_display(const Options& options) {
    const auto mode = options.value("display");
    if (!mode) return Display::by_ddl;
    if (*mode == "ok") return Display::ok;
    if (*mode == "failed") return Display::failed;
    if (*mode == "all") return Display::all;
    if (*mode == "none") return Display::none;
    return fail(Errc::invalid, fmt::format("--display takes ok, failed, all or none, not '{}'", *mode));
}

std::string cell(const proto::Value* value) { return value == nullptr ? std::string() : visible(value->to_text()); }

// A column for each output that the DDL declares, then for those that a node sent besides, by name. Statuses and messages are shown
// where one is not OK.
Table table_of(const proto::ActionSchema& action, std::span<const Reply* const> replies) {
    std::vector<std::string> keys;
    std::set<std::string> others;
    bool all_ok = true;
    for (const auto& output : action.outputs) keys.push_back(output.name);
    for (const auto* reply : replies) {
        all_ok = all_ok && reply->status == proto::StatusCode::ok;
        const auto* map = reply->data.map();
        if (map == nullptr) continue;
        for (const auto& [key, value] : *map) {
            if (action.find_output(key) == nullptr) others.insert(key);
        }
    }
    keys.insert(keys.end(), others.begin(), others.end());

    Table table;
    table.heading = {"Node"};
    if (!all_ok) table.heading.insert(table.heading.end(), {"Status", "Message"});
    for (const auto& key : keys) {
        const auto* output = action.find_output(key);
        table.heading.push_back(visible(output != nullptr && !output->display_as.empty() ? output->display_as : key));
    }
    for (const auto* reply : replies) {
        const bool ok = reply->status == proto::StatusCode::ok;
        auto& row = table.rows.emplace_back(std::vector<std::string>{visible(reply->node)});
        if (!all_ok) {
            row.emplace_back(ok ? "OK" : status_word(reply->status));
            row.push_back(ok ? "" : visible(reply->message));
        }
        for (const auto& key : keys) row.push_back(cell(reply->data.find(key)));
    }
    return table;
}

}  // namespace

void declare_layouts(OptionSet& options) {
    options.add(json_option());
    options.add(json_lines_option());
    options.add(layouts);
    options.add(sort_option());
}

proto::Result<Showing> read_showing(const Options& options) {
    Showing showing;
    const auto display = read_display(options);
    if (!display) return tl::unexpected(display.error());
    showing.display = *display;
    std::vector<std::string> chosen;
    const auto choose = [&](std::string_view option, Layout layout) {
        if (!options.has(option)) return;
        showing.layout = layout;
        chosen.push_back("--" + std::string(option));
    };
    choose("json", Layout::json);
    choose("jsonl", Layout::json_lines);
    choose("table", Layout::table);
    choose("fold", Layout::folded);
    if (chosen.size() > 1) return fail(Errc::invalid, fmt::format("{} exclude each other", enumerate(chosen)));
    if (chosen.empty() && options.has("verbose") && !options.has("quiet")) showing.layout = Layout::raw;
    showing.at_once = !options.has("sort") && showing.layout != Layout::json && showing.layout != Layout::table &&
                      showing.layout != Layout::folded;
    return showing;
}

ReplyPrinter::ReplyPrinter(Context& context, std::string_view agent, const proto::ActionSchema& action, Showing showing)
    : context_(context),
      agent_(agent),
      action_(action),
      showing_(showing),
      progress_(context.out(), context.terminal,
                for_programs() || context.options.has("no-progress") ? Progress::Wanted::no : Progress::Wanted::yes) {}

bool ReplyPrinter::for_programs() const {
    return showing_.layout == Layout::json || showing_.layout == Layout::json_lines;
}

bool ReplyPrinter::wanted(const Reply& reply) const {
    switch (showing_.display) {
        case Display::by_ddl:
            return is_shown(reply, action_.display);
        case Display::ok:
            return is_shown(reply, proto::DisplayMode::ok);
        case Display::failed:
            return is_shown(reply, proto::DisplayMode::failed);
        case Display::all:
            return true;
        case Display::none:
            return false;
    }
    return true;
}

Gather::Watcher ReplyPrinter::watcher() {
    Gather::Watcher watcher;
    watcher.reply = [this](const Reply& reply) {
        ++replies_;
        if (showing_.at_once) print(reply);
        show_progress();
    };
    watcher.progress = [this](const proto::Ledger& ledger) {
        matched_ = ledger.matched();
        show_progress();
    };
    return watcher;
}

void ReplyPrinter::print(const Reply& reply) {
    if (showing_.layout == Layout::json_lines) {
        context_.out() << json_object(agent_, action_.name, reply, JsonForm::one_line) << '\n' << std::flush;
        return;
    }
    const bool raw = showing_.layout == Layout::raw;
    if (raw ? showing_.display == Display::none : !wanted(reply)) return;
    progress_.clear();
    context_.out() << (raw ? raw_block(reply) : node_block(reply, action_, context_.terminal)) << std::flush;
}

std::vector<const Reply*> ReplyPrinter::shown(const Gathered& gathered) const {
    std::vector<const Reply*> replies;
    for (const auto& reply : gathered.replies) {
        if (wanted(reply)) replies.push_back(&reply);
    }
    return replies;
}

// A block for each different result, the most frequent first.
std::string ReplyPrinter::folded_blocks(const Gathered& gathered) const {
    struct Group {
        Reply like;
        std::vector<std::string> nodes;
    };
    std::map<std::tuple<proto::StatusCode, std::string, std::string>, Group> groups;
    for (const auto* reply : shown(gathered)) {
        auto& group = groups[{reply->status, reply->message, proto::to_json(reply->data)}];
        if (group.nodes.empty()) group.like = *reply;
        group.nodes.push_back(reply->node);
    }
    std::vector<Group*> ordered;
    for (auto& [key, group] : groups) ordered.push_back(&group);
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](const Group* a, const Group* b) { return a->nodes.size() > b->nodes.size(); });
    std::string text;
    for (auto* group : ordered) {
        group->like.node = fold_nodes(group->nodes);
        if (group->nodes.size() > 1) group->like.node += fmt::format(" ({} nodes)", group->nodes.size());
        text += node_block(group->like, action_, context_.terminal);
    }
    return text;
}

// A terminal too narrow for the table gets blocks, which any width can hold.
std::string ReplyPrinter::table_or_blocks(const Gathered& gathered) const {
    const auto replies = shown(gathered);
    if (replies.empty()) return {};
    const auto table = table_of(action_, replies);
    if (!context_.terminal.tty || table_width(table) <= context_.terminal.columns) return table_text(table);
    std::string text;
    for (const auto* reply : replies) text += node_block(*reply, action_, context_.terminal);
    return text;
}

std::string ReplyPrinter::closing_lines(const Gathered& gathered, const Account& account) const {
    std::string text;
    const auto aggregates = aggregate_blocks(action_, gathered.replies, context_.terminal);
    if (!aggregates.empty()) text += "\n" + aggregates;
    if (!context_.verbose()) return text + "\n" + finished_line(gathered, account, context_.terminal) + "\n";
    const Finish finish{.caption = fmt::format("{}#{}", agent_, action_.name),
                        .total = context_.world.now().mono - context_.started.mono};
    return text + "\n" + statistics(gathered, account, finish, context_.terminal) + "\n";
}

void ReplyPrinter::finish(Gathered& gathered, const Account& account, Meant meant) {
    const auto show = context_.verbose() ? Show::always : Show::if_not_good;
    progress_.finish();
    if (context_.options.has("sort") || showing_.layout == Layout::table) sort_by_node(gathered.replies);
    if (showing_.layout == Layout::json) {
        context_.out() << json_results(agent_, action_.name, gathered.replies, account, json_form(context_.terminal),
                                       show);
    } else if (showing_.layout == Layout::table) {
        context_.out() << table_or_blocks(gathered);
    } else if (showing_.layout == Layout::folded) {
        context_.out() << folded_blocks(gathered);
    } else if (!showing_.at_once) {
        for (const auto& reply : gathered.replies) print(reply);
    }
    if (showing_.layout == Layout::json_lines) context_.out() << account_json({}, account, JsonForm::one_line);
    if (!for_programs() && meant == Meant::some) context_.out() << closing_lines(gathered, account);
    auto& notes = for_programs() ? context_.err() : context_.out();
    if (meant == Meant::some) notes << absent_block(account, context_.terminal) << ledger_lines(account, show);
}

}  // namespace mco::client
