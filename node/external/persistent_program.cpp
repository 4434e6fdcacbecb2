#include "node/external/persistent_program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "node/spawn.hpp"
#include "proto/limits.hpp"

namespace mco::node::external {
namespace {

using Clock = std::chrono::steady_clock;
using proto::Errc;

constexpr std::size_t requests_max = 256;  // on their way and waiting
constexpr std::size_t answer_size_max = proto::limits::frame_size_max;
constexpr std::size_t stderr_line_max = 4'096;

// Lines of a stream, as far as they came.
class Lines {
 public:
    explicit Lines(std::size_t size_max) : size_max_(size_max) {}
    void add(std::string_view octets) { text_.append(octets); }
    // The next whole line; one that is longer than allowed comes in pieces.
    std::optional<std::string> next() {
        const auto end = text_.find('\n', looked_at_);
        looked_at_ = text_.size();
        if (end == std::string::npos && text_.size() <= size_max_) return std::nullopt;
        const auto size = std::min(end, size_max_);
        std::string line = text_.substr(0, size);
        text_.erase(0, size == end ? size + 1 : size);
        looked_at_ = 0;
        return line;
    }

 private:
    std::size_t size_max_, looked_at_ = 0;
    std::string text_;
};

void no_blocking(const Descriptor& file) { ::fcntl(file.get(), F_SETFL, ::fcntl(file.get(), F_GETFL) | O_NONBLOCK); }

}  // namespace

class PersistentProgram::Conversation {
 public:
    Conversation(Program program, std::shared_ptr<AgentLines> lines, Timing timing, Mailbox<Letter>& inbox)
        : program_(std::move(program)), lines_(std::move(lines)), timing_(timing), inbox_(inbox), pause_(timing.pause_first) {}

    void run() {
        while (!leaving_ || child_) {
            std::array<pollfd, 5> sources{pollfd{inbox_.descriptor(), POLLIN, 0},
                                          pollfd{child_ ? child_->process.descriptor() : -1, POLLIN, 0},
                                          pollfd{child_ ? child_->out.get() : -1, POLLIN, 0},
                                          pollfd{child_ ? child_->err.get() : -1, POLLIN, 0},
                                          pollfd{child_ && !child_->outgoing.empty() ? child_->in.get() : -1, POLLOUT, 0}};
            ::poll(sources.data(), sources.size(), wait());
            if (sources[0].revents != 0) read_inbox();
            if (child_) talk(sources);
            elapse(Clock::now());
        }
        for (auto& waiting : waiting_) tell(waiting, proto::fail(Errc::cancelled, gone()));
    }

 private:
    struct Pending {
        Posted posted;
        Clock::time_point until, sent{};
    };
    struct Child {
        Child(Spawned started, Descriptor to, Descriptor from, Descriptor complaints)
            : process(std::move(started)), in(std::move(to)), out(std::move(from)), err(std::move(complaints)) {}
        Spawned process;
        Descriptor in, out, err;
        std::string outgoing;
        Lines answers{answer_size_max}, errors{stderr_line_max};
        Clock::time_point heard{};  // when it last said something
        bool answered = false;
        std::optional<Clock::time_point> kill_at;  // it is to end, and gets no more requests
        bool dismissed = false;                    // because we told it to
    };

    static void tell(Pending& pending, Answer answer) { pending.posted.answer->set_value(std::move(answer)); }
    std::string gone() const { return fmt::format("{} was unloaded before it answered", program_.who); }

    int wait() const {
        std::optional<Clock::time_point> next;
        const auto until = [&](Clock::time_point at) { next = next ? std::min(*next, at) : at; };
        for (const auto& pending : waiting_) until(pending.until);
        for (const auto& [id, pending] : sent_) until(pending.until);
        if (!child_ && !waiting_.empty()) until(start_at_);
        if (child_) until(child_->kill_at ? *child_->kill_at : idle_at_);
        if (!next) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
    }

    void read_inbox() {
        for (auto& letter : inbox_.take()) {
            if (auto* posted = std::get_if<Posted>(&letter)) {
                receive(std::move(*posted));
            } else if (const auto* withdrawn = std::get_if<Withdrawn>(&letter)) {
                withdraw(withdrawn->id);
            } else {
                leaving_ = true;
                if (child_) ask_to_end();
            }
        }
    }

    void receive(Posted posted) {
        Pending pending{std::move(posted), {}};
        const auto now = Clock::now();
        pending.until = now + std::clamp<proto::Duration>(pending.posted.ask.limit, {}, std::chrono::hours(24));
        if (leaving_) return tell(pending, proto::fail(Errc::cancelled, gone()));
        if (waiting_.size() + sent_.size() >= requests_max)
            return tell(pending, proto::fail(Errc::overloaded,
                                             fmt::format("{} has {} requests to answer already; ask again later",
                                                         program_.who, requests_max)));
        if (sent_.contains(pending.posted.ask.id))
            return tell(pending, proto::fail(Errc::invalid, fmt::format("{} is answering this request already", program_.who)));
        idle_at_ = now + timing_.idle;
        waiting_.push_back(std::move(pending));
    }

    void withdraw(const std::string& id) {
        const auto cancelled = [&] { return proto::fail(Errc::cancelled, fmt::format("{} was not waited for any longer", program_.who)); };
        for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
            if (at->posted.ask.id != id) continue;
            tell(*at, cancelled());
            waiting_.erase(at);
            return;
        }
        if (const auto at = sent_.find(id); at != sent_.end()) {
            tell(at->second, cancelled());
            give_up(at);
        }
    }

    void talk(const std::array<pollfd, 5>& sources) {
        // What it said before it ended counts, so outputs are read first, and to their end once it has.
        const bool ended = sources[1].revents != 0;
        if (sources[2].revents != 0 || ended) read(child_->out, child_->answers, ended);
        if (sources[3].revents != 0 || ended) read(child_->err, child_->errors, ended);
        while (auto line = child_->answers.next()) answer(std::move(*line));
        while (auto line = child_->errors.next()) lines_->say_all(LogLevel::error, program_.who, *line);
        if (sources[4].revents != 0) write();
        if (ended) return bury();
        if (!child_->out && !child_->kill_at) expect_end();
    }

    void read(Descriptor& from, Lines& into, bool to_the_end) {
        std::array<char, 65536> buffer;
        for (int round = 0; from && round < (to_the_end ? 64 : 1); ++round) {
            const auto got = ::read(from.get(), buffer.data(), buffer.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && errno == EAGAIN) return;
            if (got <= 0) return from.reset();
            child_->heard = Clock::now();
            into.add({buffer.data(), static_cast<std::size_t>(got)});
        }
    }

    void write() {
        const auto wrote = ::write(child_->in.get(), child_->outgoing.data(), child_->outgoing.size());
        if (wrote > 0) child_->outgoing.erase(0, static_cast<std::size_t>(wrote));
        if (wrote < 0 && errno != EINTR && errno != EAGAIN) {
            child_->in.reset();  // it closed its input: what it has it may answer, more it will not get
            child_->outgoing.clear();
            if (!child_->kill_at) expect_end();
        }
    }

    // It closed a stream, so it is about to end or of no use; TERM now would hide the status that it ends with.
    void expect_end() { child_->kill_at = Clock::now() + program_.child.grace; }

    void answer(std::string line) {
        auto value = proto::parse_json(line);
        const auto* id = value ? value->find("requestid") : nullptr;
        if (!value && line.starts_with('{') && sent_.size() == 1) {  // it cannot be anybody else's
            tell(sent_.begin()->second, proto::fail(Errc::malformed, fmt::format("{}: its answer is not JSON: {}",
                                                                                 program_.who, value.error().detail)));
            sent_.clear();
            return;
        }
        if (id == nullptr || id->text() == nullptr) return lines_->say_all(LogLevel::info, program_.who, line);
        const auto at = sent_.find(*id->text());
        if (at == sent_.end())
            return lines_->say(LogLevel::warn, fmt::format("{}: an answer that nobody waits for", program_.who));
        child_->answered = true;
        tell(at->second, std::move(*value));
        sent_.erase(at);
        idle_at_ = Clock::now() + timing_.idle;
    }

    void bury() {
        const int raw = child_->process.reap();
        ProcessEnd end{.why = WIFSIGNALED(raw) ? ProcessEnd::Why::signalled : ProcessEnd::Why::exited,
                       .code = WIFSIGNALED(raw) ? WTERMSIG(raw) : WEXITSTATUS(raw)};
        const auto how = fmt::format("{}: {} {}", program_.who, program_.child.argv.front(), describe(program_.child, end));
        if (!child_->dismissed) {
            lines_->say(LogLevel::warn, how);
            if (child_->answered) pause_ = timing_.pause_first;
            start_at_ = Clock::now() + pause_;
            pause_ = std::min(pause_ * 2, timing_.pause_most);
        }
        child_.reset();
        for (auto& [id, pending] : sent_) tell(pending, proto::fail(Errc::unreachable, fmt::format("{} before it answered", how)));
        sent_.clear();
    }

    void ask_to_end() {
        child_->dismissed = true;
        child_->in.reset();
        child_->outgoing.clear();
        child_->process.signal_group(SIGTERM);
        child_->kill_at = Clock::now() + program_.child.grace;
    }

    // A request of which the caller was told that there is no answer.
    void give_up(std::map<std::string, Pending>::iterator at) {
        const bool silent = child_->heard <= at->second.sent;
        sent_.erase(at);
        if (!silent || child_->dismissed) return;
        lines_->say(LogLevel::warn, fmt::format("{}: said nothing while a request's time went by, and is stopped", program_.who));
        ask_to_end();
    }

    void elapse(Clock::time_point now) {
        const auto late = [&] {
            return proto::fail(Errc::expired, fmt::format("{} did not answer in time", program_.who));
        };
        for (auto at = waiting_.begin(); at != waiting_.end();) {
            if (now < at->until) {
                ++at;
                continue;
            }
            tell(*at, late());
            at = waiting_.erase(at);
        }
        for (auto at = sent_.begin(); at != sent_.end();) {
            const auto next = std::next(at);
            if (now >= at->second.until) {
                tell(at->second, late());
                give_up(at);
            }
            at = next;
        }
        if (child_ && child_->kill_at && now >= *child_->kill_at) {
            child_->process.signal_group(SIGKILL);
            child_->kill_at = now + std::chrono::hours(1);  // its end will be seen
        }
        if (child_ && !child_->kill_at && waiting_.empty() && sent_.empty() && now >= idle_at_) ask_to_end();
        if (!leaving_ && !waiting_.empty()) send(now);
    }

    void send(Clock::time_point now) {
        if (child_ && child_->kill_at) return;  // they wait for the next one
        if (!child_ && now < start_at_) return refuse_hopeless();
        while (!waiting_.empty()) {
            auto pending = std::move(waiting_.front());
            waiting_.pop_front();
            auto ready = program_.prepare ? program_.prepare(pending.posted.ask.context) : proto::Result<void>();
            if (ready && !child_) ready = start();
            if (!ready) {
                tell(pending, tl::unexpected(ready.error()));
                if (child_) continue;
                return;  // the others wait until the next try
            }
            pending.sent = now;
            child_->outgoing += pending.posted.ask.line;
            child_->outgoing += '\n';
            const auto id = pending.posted.ask.id;
            sent_.emplace(id, std::move(pending));
        }
        if (child_) write();  // mostly there is room, and then nobody has to wait for a turn
    }

    // Who cannot wait until it may be started again is told at once.
    void refuse_hopeless() {
        for (auto at = waiting_.begin(); at != waiting_.end();) {
            if (at->until > start_at_) {
                ++at;
                continue;
            }
            tell(*at, proto::fail(Errc::unreachable, fmt::format("{} keeps ending by itself and is not started again yet", program_.who)));
            at = waiting_.erase(at);
        }
    }

    proto::Result<void> start() {
        auto in = make_pipe(), out = make_pipe(), err = make_pipe();
        for (const auto* pipe : {&in, &out, &err}) {
            if (!*pipe) return tl::unexpected(pipe->error());
        }
        auto spawned = spawn(program_.child, {in->read_end.get(), out->write_end.get(), err->write_end.get()});
        if (!spawned) {
            start_at_ = Clock::now() + pause_;
            pause_ = std::min(pause_ * 2, timing_.pause_most);
            return tl::unexpected(spawned.error());
        }
        for (const auto* ours : {&in->write_end, &out->read_end, &err->read_end}) no_blocking(*ours);
        child_.emplace(std::move(*spawned), std::move(in->write_end), std::move(out->read_end), std::move(err->read_end));
        return {};
    }

    const Program program_;
    const std::shared_ptr<AgentLines> lines_;
    const Timing timing_;
    Mailbox<Letter>& inbox_;

    std::deque<Pending> waiting_;          // for a program to be sent to
    std::map<std::string, Pending> sent_;  // by requestid
    std::optional<Child> child_;
    Clock::time_point start_at_{}, idle_at_{};
    proto::Duration pause_;  // before the next start but one
    bool leaving_ = false;
};

PersistentProgram::PersistentProgram(Program program, std::shared_ptr<AgentLines> lines)
    : PersistentProgram(std::move(program), std::move(lines), Timing{}) {}

PersistentProgram::PersistentProgram(Program program, std::shared_ptr<AgentLines> lines, Timing timing)
    : thread_([this, program = std::move(program), lines = std::move(lines), timing]() mutable {
          Conversation(std::move(program), std::move(lines), timing, inbox_).run();
      }) {}

PersistentProgram::~PersistentProgram() { inbox_.put(Leave{}); }

proto::Result<proto::Value> PersistentProgram::ask(Ask ask, std::stop_token stop) {
    auto answer = std::make_shared<std::promise<Answer>>();
    auto future = answer->get_future();
    const auto id = ask.id;
    inbox_.put(Posted{std::move(ask), std::move(answer)});
    const std::stop_callback on_stop(stop, [&] { inbox_.put(Withdrawn{id}); });
    return future.get();
}

}  // namespace mco::node::external
