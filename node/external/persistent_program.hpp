#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <variant>

#include "node/child_process.hpp"
#include "node/external/agent_lines.hpp"
#include "node/mailbox.hpp"
#include "proto/error.hpp"
#include "proto/value.hpp"

namespace mco::node::external {

// A program that is started at the first request and kept: a line of JSON in, a line with the same "requestid" out, several
// on their way at once. One thread of its own talks to it.
//   - It dies: who waits is told how; it is started again at the next request, after a pause that doubles while it
//     dies without having answered anything.
//   - A request's time is over: its caller is told. If it has been silent since, it hangs, and is stopped for the others' sake.
//   - Nobody asked for a while: it is stopped. Its input is closed, it gets TERM and, after a grace, KILL.
// Whatever it prints that is no answer goes to the log, as its standard error does.
class PersistentProgram {
 public:
    struct Timing {
        proto::Duration idle = std::chrono::minutes(10);
        proto::Duration pause_first = std::chrono::seconds(1), pause_most = std::chrono::minutes(1);
    };
    // `prepare` is called on the thread of this class before a start and before each request, with what the request brought.
    using Prepare = std::function<proto::Result<void>(const std::shared_ptr<const void>& context)>;
    struct Program {
        std::string who;     // for the log: "agent echo"
        ChildProcess child;  // its input, output_max and timeout are of no account
        Prepare prepare;
    };
    PersistentProgram(Program program, std::shared_ptr<AgentLines> lines, Timing timing);
    PersistentProgram(Program program, std::shared_ptr<AgentLines> lines);
    ~PersistentProgram();  // stops the program, which takes `grace` at most
    PersistentProgram(const PersistentProgram&) = delete;
    PersistentProgram& operator=(const PersistentProgram&) = delete;

    struct Ask {
        std::string id;    // its requestid
        std::string line;  // the request, without a line break
        proto::Duration limit{};
        std::shared_ptr<const void> context;
    };
    // Any thread; blocks until there is an answer, the limit is over or `stop` says so. Errors are sentences: overloaded
    // (too many on their way), expired (no answer in time), unreachable (it could not be started, or died), cancelled.
    proto::Result<proto::Value> ask(Ask ask, std::stop_token stop);

 private:
    using Answer = proto::Result<proto::Value>;
    struct Posted {
        Ask ask;
        std::shared_ptr<std::promise<Answer>> answer;
    };
    struct Withdrawn {
        std::string id;
    };
    struct Leave {};
    using Letter = std::variant<Posted, Withdrawn, Leave>;
    class Conversation;

    Mailbox<Letter> inbox_;
    std::jthread thread_;  // last
};

}  // namespace mco::node::external
