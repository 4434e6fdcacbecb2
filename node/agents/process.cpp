#include "node/agents/process.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "node/agents/inputs.hpp"
#include "node/process_table.hpp"
#include "proto/expression.hpp"

namespace mco::node {
namespace {

using proto::Value;

std::string look_up_user(uid_t uid) {
    std::array<char, 16 * 1024> room{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, room.data(), room.size(), &found) != 0 || found == nullptr)
        return std::to_string(uid);
    return found->pw_name;
}

// Names of users, each asked for once a call.
class Users {
 public:
    const std::string& name(uid_t uid) {
        const auto known = names_.find(uid);
        return known != names_.end() ? known->second : names_.emplace(uid, look_up_user(uid)).first->second;
    }

 private:
    std::map<uid_t, std::string> names_;
};

Value::Map shown(const ProcessRow& row, const std::string& user) {
    return {{"pid", static_cast<std::int64_t>(row.pid)},
            {"ppid", static_cast<std::int64_t>(row.parent)},
            {"uid", static_cast<std::uint32_t>(row.uid)},
            {"username", user},
            {"vsize", row.vsize},
            {"rss", row.rss * (::sysconf(_SC_PAGESIZE) / 1024)},
            {"state", row.state},
            {"cmdline", row.command_line},
            {"tty_nr", row.tty_nr},
            {"threads", row.threads}};
}

}  // namespace

ActionReply Process::run(const Call& call, std::stop_token stop) {
    return call.action == "list" ? list(call, std::move(stop)) : unknown_action(call);
}

ActionReply Process::list(const Call& call, std::stop_token stop) const {
    const auto pattern = proto::Expression::compile(text_input(call, "pattern"), proto::Expression::Anchors::lines);
    if (!pattern)
        return {.status = proto::StatusCode::invalid_data, .message = pattern.error().detail, .data = {}};
    const auto user = text_input(call, "user");
    const bool zombies = flag_input(call, "just_zombies").value_or(false);

    constexpr std::size_t around = 200;  // octets of a row beside its command line, about
    Users users;
    std::size_t octets = 0, matching = 0;
    std::vector<ProcessRow> rows;
    const auto looked = each_process(
        proc_,
        [&](const ProcessRow& row) {
            if (zombies && row.state != "Z") return true;
            if (!pattern->matches(row.command_line)) return true;
            if (!user.empty() && users.name(row.uid) != user) return true;
            ++matching;
            octets += row.command_line.size() + around;
            if (octets <= listed_octets_max) rows.push_back(row);
            return true;
        },
        std::move(stop));
    if (!looked) return aborted(looked.error().detail);
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
    Value::List list;
    for (const auto& row : rows) list.emplace_back(shown(row, users.name(row.uid)));
    ActionReply reply{.data = {{"pslist", std::move(list)}}};
    if (rows.size() < matching)
        reply.message = fmt::format("{} of {} processes are listed; ask with a pattern", rows.size(), matching);
    return reply;
}

}  // namespace mco::node
