#include "node/external/agent_loader.hpp"

#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "node/external/call_files.hpp"

namespace mco::node::external {
namespace {

using namespace std::chrono_literals;
using proto::Errc;

constexpr auto between_looks = 20s;
constexpr auto until_rested = 5s;
constexpr int tries_max = 5;  // of asking one that is late: a machine is busiest when it starts

proto::WallTime wall_clock() {
    return proto::WallTime(
        std::chrono::duration_cast<proto::Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

proto::Result<ChildProcess::User> find_user(const std::string& name) {
    std::array<char, 16'384> room;
    passwd entry{};
    passwd* found = nullptr;
    ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
    if (found == nullptr)
        return proto::fail(Errc::not_found, fmt::format("run_as = {}: there is no such user on this machine", name));
    return ChildProcess::User{entry.pw_uid, entry.pw_gid};
}

// Everything that can be known of an agent without starting it.
struct Checked {
    std::shared_ptr<const proto::AgentSchema> schema;
    std::optional<ChildProcess::User> run_as;
};
proto::Result<Checked> check(const AgentFiles& files, const AgentLoader::Settings& settings) {
    auto schema = read_schema(files);
    if (!schema) return tl::unexpected(schema.error());
    Checked checked{std::make_shared<const proto::AgentSchema>(std::move(*schema)), {}};
    if (checked.schema->provider != "external") return checked;
    if (auto owners = check_owners(files); !owners) return tl::unexpected(owners.error());
    if (const auto wish = settings.run_as.find(files.name); wish != settings.run_as.end()) {
        auto user = find_user(wish->second);
        if (!user) return tl::unexpected(user.error());
        if (::geteuid() != 0 && user->uid != ::geteuid())
            return proto::fail(Errc::denied, fmt::format("run_as = {}: only a daemon that runs as root can do that", wish->second));
        if (user->uid != ::geteuid()) checked.run_as = *user;
    }
    return checked;
}

bool is_reserved(const AgentLoader::Settings& settings, const std::string& name) {
    return std::find(settings.reserved.begin(), settings.reserved.end(), name) != settings.reserved.end();
}

}  // namespace

class AgentLoader::Search {
 public:
    Search(Settings settings, std::shared_ptr<AgentLines> lines) : settings_(std::move(settings)), lines_(std::move(lines)) {}

    void change(Settings settings) {
        const bool other_users = settings.run_as != settings_.run_as || settings.plugin_folder != settings_.plugin_folder ||
                                 settings.search_path != settings_.search_path;
        settings_ = std::move(settings);
        for (auto& [name, known] : known_) known.settled = known.settled && known.agent != nullptr && !other_users;
    }

    // One look; true if what is active changed. `young`: somebody is to be looked at again soon.
    bool look(Found& found, bool& young, std::stop_token stop) {
        bool changed = false;
        young = false;
        std::map<std::string, Known> before = std::exchange(known_, {});
        for (auto& files : find_agent_files(settings_.libdirs)) {
            if (stop.stop_requested()) break;
            if (is_reserved(settings_, files.name)) continue;  // the registry says so, where it is more than its DDL
            auto known = before.extract(files.name);
            const bool is_known = !known.empty();
            if (!settings_.activation.allows(files.name)) {
                if (is_known) before.insert(std::move(known));  // goes as if it had vanished
                continue;
            }
            if (is_known && known.mapped().settled && known.mapped().files == files) {
                known_.insert(std::move(known));
                continue;
            }
            if (is_young(files.ddl_stamp, wall_clock())) {
                young = true;
                if (is_known) known_.insert(std::move(known));
                continue;
            }
            auto loaded = load(files, is_known ? known.mapped() : Known{}, found, stop);
            changed = changed || loaded.agent != (is_known ? known.mapped().agent : nullptr);
            if (is_known && known.mapped().agent != loaded.agent) retire(std::move(known.mapped().agent));
            known_.emplace(files.name, std::move(loaded));
        }
        for (auto& [name, gone] : before) {
            if (gone.agent == nullptr) continue;
            found.better.push_back(fmt::format("agent {} is unloaded", name));
            retire(std::move(gone.agent));
            changed = true;
        }
        for (const auto& [name, known] : known_) {
            if (known.agent != nullptr) found.agents.push_back({known.agent, known.schema});
        }
        // A kept program takes a moment to stop, so its last owner should be this thread.
        std::erase_if(retired_, [](const auto& agent) { return agent.use_count() == 1; });
        return changed || !found.worse.empty();
    }

 private:
    struct Known {
        AgentFiles files;
        bool settled = false;                  // nothing to be done until the files change
        std::shared_ptr<ExternalAgent> agent;  // null: not active, broken, or not external
        std::shared_ptr<const proto::AgentSchema> schema;
        std::string problem;
        int tries = 0;  // how often it was late with its wish
    };

    Known load(const AgentFiles& files, const Known& before, Found& found, const std::stop_token& stop) {
        auto checked = check(files, settings_);
        if (!checked) {
            auto problem = fmt::format("agent {}: {}", files.name, checked.error().detail);
            if (problem != before.problem) found.worse.push_back(problem);
            return {files, false, before.agent, before.schema, std::move(problem)};  // a folder may be mended
        }
        if (checked->schema->provider != "external") return {files, true, nullptr, nullptr, {}};
        auto agent = std::make_shared<ExternalAgent>(
            ExternalAgent::Parts{.schema = checked->schema,
                                 .program = files.program,
                                 .config = settings_.plugin_folder / files.name,
                                 .run_as = checked->run_as,
                                 .search_path = settings_.search_path,
                                 .lines = lines_});
        const auto wish = agent->activates(stop);
        if (wish != ExternalAgent::Wish::active) {
            const int tries = wish == ExternalAgent::Wish::late && files == before.files ? before.tries + 1 : 1;
            const bool settled = wish == ExternalAgent::Wish::inactive || tries >= tries_max;
            return {files, settled, nullptr, nullptr, {}, tries};
        }
        found.better.push_back(fmt::format("agent {} {} from {}", files.name, checked->schema->version, files.ddl.string()));
        return {files, true, std::move(agent), checked->schema, {}};
    }

    void retire(std::shared_ptr<ExternalAgent> agent) {
        if (agent != nullptr) retired_.push_back(std::move(agent));
    }

    Settings settings_;
    std::shared_ptr<AgentLines> lines_;
    std::map<std::string, Known> known_;
    std::vector<std::shared_ptr<ExternalAgent>> retired_;
};

AgentLoader::AgentLoader(Settings settings, std::shared_ptr<AgentLines> lines)
    : lines_(std::move(lines)), thread_([this, settings = std::move(settings)](std::stop_token stop) mutable {
          CallFiles::sweep();
          Search search(std::move(settings), lines_);
          for (bool first = true;; first = false) {
              Found found;
              bool young = false;
              if (search.look(found, young, stop) || first) found_.put(std::move(found));
              pollfd waiting{told_.descriptor(), POLLIN, 0};
              ::poll(&waiting, 1, static_cast<int>(std::chrono::milliseconds(young ? until_rested : between_looks).count()));
              for (auto& told : told_.take()) {
                  if (told.leave) return;
                  search.change(std::move(told.settings));
              }
          }
      }) {}

AgentLoader::~AgentLoader() {
    thread_.request_stop();
    told_.put({.leave = true, .settings = {}});
}

void AgentLoader::change(Settings settings) { told_.put({.leave = false, .settings = std::move(settings)}); }

std::vector<std::string> check_external_agents(const AgentLoader::Settings& settings) {
    std::vector<std::string> problems;
    for (const auto& files : find_agent_files(settings.libdirs)) {
        if (is_reserved(settings, files.name) || !settings.activation.allows(files.name)) continue;
        if (const auto checked = check(files, settings); !checked)
            problems.push_back(fmt::format("agent {}: {}", files.name, checked.error().detail));
    }
    return problems;
}

}  // namespace mco::node::external
