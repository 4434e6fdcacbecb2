#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "node/agent.hpp"
#include "node/child_process.hpp"
#include "node/external/agent_lines.hpp"
#include "node/external/call_files.hpp"
#include "node/external/persistent_program.hpp"
#include "proto/ddl.hpp"

namespace mco::node::external {

// An agent that somebody else wrote: a program beside its DDL, called once for each request or kept, and commands that its
// DDL names. It gets a clean environment and a folder of its own for the files of a call; what it prints beside its answer
// goes to the log. Whatever it does, the caller gets an answer that says so.
class ExternalAgent final : public Agent {
 public:
    struct Parts {
        std::shared_ptr<const proto::AgentSchema> schema;
        std::filesystem::path program;  // empty: all its actions are commands
        std::filesystem::path config;   // <confdir>/plugin.d/NAME, which need not exist
        std::optional<ChildProcess::User> run_as;
        std::string search_path;  // PATH
        std::shared_ptr<AgentLines> lines;
    };
    explicit ExternalAgent(Parts parts);

    std::string_view name() const override { return parts_.schema->name; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view) const override { return Effect::changes; }  // nobody knows
    proto::Duration patience() const override { return beyond_timeout; }

    // Whether it wants to be active on this machine: two seconds to answer, and only a clear yes is yes. `late`: it did not
    // end within them, or could not be started, which on a busy machine says nothing about it. Commands and kept programs
    // are not asked. Blocks; any thread.
    enum class Wish { active, inactive, late };
    Wish activates(std::stop_token stop) const;

    static constexpr auto beyond_timeout = std::chrono::milliseconds(1'500);

 private:
    ChildProcess child() const;
    // An error has the code `expired` if it was not the program's word: it took too long, or never ran.
    proto::Result<ProcessEnd> exchange(const CallFiles& files, std::string_view protocol, proto::Duration timeout,
                                       std::stop_token stop) const;
    ActionReply run_command(const Call& call, const proto::ActionSchema& action, std::stop_token stop) const;
    ActionReply run_once(const Call& call, std::stop_token stop) const;
    ActionReply ask(const Call& call, std::stop_token stop);
    void keep_running();

    const Parts parts_;
    const std::string who_;  // "agent NAME"
    std::unique_ptr<PersistentProgram> kept_;
};

}  // namespace mco::node::external
