#include <algorithm>
#include <chrono>
#include <ctime>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/puppet.hpp"

namespace mco::client::applications {
namespace {

using proto::Result;

constexpr auto between = std::chrono::seconds(1);
constexpr int patience = 5;  // polls without an answer, or without a run

// One node from its turn to the end of its run.
struct Running {
    std::string node;
    std::int64_t lastrun = 0;  // before it was started
    int silent = 0, idle = 0;
    bool seen_applying = false;
};

class Run {
 public:
    Run(Context& context, Session& session, std::size_t most, const std::map<std::string, std::string>& arguments)
        : context_(context), session_(session), most_(most), arguments_(arguments) {}

    // False: interrupted.
    Result<bool> once() {
        say(fmt::format("Running all nodes with a concurrency of {}", most_));
        if (auto asked = ask_all(); !asked || !*asked) return asked;
        waiting_.clear();
        for (const auto& [node, state] : states_) {
            if (state.enabled) waiting_.push_back(node);
        }
        const std::set<std::string> meant(waiting_.begin(), waiting_.end());  // whoever joins later is not touched
        say(fmt::format("Discovered {} enabled nodes to manage", meant.size()));
        while (true) {
            auto busy = static_cast<std::size_t>(std::count_if(meant.begin(), meant.end(), [&](const std::string& node) {
                const auto state = states_.find(node);
                const bool ours = std::any_of(running_.begin(), running_.end(),
                                              [&](const Running& one) { return one.node == node; });
                return ours || (state != states_.end() && state->second.applying);
            }));
            for (auto turns = waiting_.size(); turns > 0 && busy < most_; --turns) {
                auto started = start();
                if (!started) return started;
                if (interrupted_) return false;
                if (*started) ++busy;
            }
            if (waiting_.empty() && running_.empty()) break;
            if (!session_.pause(between)) return false;
            if (auto asked = ask_all(); !asked || !*asked) return asked;
            std::erase_if(running_, [&](Running& one) { return is_over(one); });
        }
        say("Iteration complete");
        return true;
    }
    void say(std::string_view text) {
        const auto seconds =
            std::chrono::duration_cast<std::chrono::seconds>(context_.world.now().wall.time_since_epoch()).count();
        context_.out() << fmt::format("{:%Y-%m-%d %H:%M:%S}: {}\n", fmt::localtime(static_cast<std::time_t>(seconds)),
                                      text)
                       << std::flush;
    }

 private:
    struct State {
        bool enabled = false, applying = false;
        std::int64_t lastrun = 0;
    };

    // False: interrupted.
    Result<bool> ask_all() {
        const auto call = call_agent(context_, session_, {.agent = "puppet", .action = "status", .arguments = {}});
        if (!call) return tl::unexpected(call.error());
        states_.clear();
        for (const auto& reply : call->gathered.replies) {
            if (reply.status != proto::StatusCode::ok) continue;
            const auto flag = [&](std::string_view name) {
                const auto* value = reply.data.find(name);
                return value != nullptr && value->flag() != nullptr && *value->flag();
            };
            const auto* lastrun = reply.data.find("lastrun");
            states_[reply.node] = {
                .enabled = flag("enabled"),
                .applying = flag("applying"),
                .lastrun = lastrun == nullptr || lastrun->integer() == nullptr ? 0 : *lastrun->integer()};
        }
        return !call->gathered.interrupted;
    }

    bool is_over(Running& one) {
        const auto state = states_.find(one.node);
        if (state == states_.end()) {
            if (++one.silent < patience) return false;
            say(fmt::format("Giving up on {}: it did not say how it is {} times", visible(one.node), patience));
            return true;
        }
        one.silent = 0;
        if (state->second.applying) {
            one.seen_applying = true;
            return false;
        }
        if (one.seen_applying || state->second.lastrun > one.lastrun) return true;
        if (++one.idle < patience) return false;
        say(fmt::format("Giving up on {}: it did not begin to run", visible(one.node)));
        return true;
    }

    // The next node's run; false if it was not to be, or not yet.
    Result<bool> start() {
        const auto node = waiting_.front();
        waiting_.pop_front();
        const auto& state = states_[node];
        if (state.applying) {  // somebody else started it: its turn comes when that is over
            waiting_.push_back(node);
            return false;
        }
        auto target = session_.target_node(node, "puppet");
        if (!target) return tl::unexpected(target.error());
        const auto call = call_agent(
            context_, session_,
            {.agent = "puppet", .action = "runonce", .arguments = arguments_, .target = std::move(*target)});
        if (!call) return tl::unexpected(call.error());
        interrupted_ = call->gathered.interrupted;
        const auto& replies = call->gathered.replies;
        if (replies.empty() || replies[0].status != proto::StatusCode::ok) {
            say(fmt::format("{} did not start: {}", visible(node),
                            replies.empty() ? std::string("no answer") : on_one_line(replies[0].message)));
            return false;
        }
        say(fmt::format("{} schedule status: started", visible(node)));
        running_.push_back({.node = node, .lastrun = state.lastrun});
        return true;
    }

    Context& context_;
    Session& session_;
    std::size_t most_;
    const std::map<std::string, std::string>& arguments_;
    std::map<std::string, State> states_;  // of all nodes of the filter, as they last said
    std::deque<std::string> waiting_;
    std::vector<Running> running_;
    bool interrupted_ = false;
};

}  // namespace

Result<ExitStatus> run_all(Context& context, Session& session, std::size_t most,
                           const std::map<std::string, std::string>& arguments) {
    const auto rerun = context.options.number("rerun", 1, 86'400);
    if (!rerun) return tl::unexpected(rerun.error());
    Run run(context, session, most, arguments);
    while (true) {
        const auto began = context.world.now().mono;
        const auto done = run.once();
        if (!done) return tl::unexpected(done.error());
        if (!*done) return ExitStatus::unusable;
        if (!*rerun) return ExitStatus::ok;
        const auto left = began + std::chrono::seconds(**rerun) - context.world.now().mono;
        if (left > proto::Duration(0)) {
            run.say(fmt::format("Sleeping for {} seconds",
                                std::chrono::ceil<std::chrono::seconds>(left).count()));
            if (!session.pause(left)) return ExitStatus::unusable;
        }
    }
}

}  // namespace mco::client::applications
