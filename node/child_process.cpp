#include "node/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "node/spawn.hpp"

namespace mco::node {
namespace {

using Clock = std::chrono::steady_clock;
using proto::Errc;

constexpr auto after_the_end = std::chrono::milliseconds(200);
constexpr auto no_limit = std::chrono::hours(24 * 365);  // keeps sums of time points from overflowing

// A file in memory, so that nobody has to feed the child while it writes, and one that never reads blocks nobody.
proto::Result<Descriptor> open_input(const std::string& input) {
    if (input.empty()) {
        Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (nothing) return nothing;
        return proto::fail(Errc::overloaded, fmt::format("/dev/null: {}", ::strerrordesc_np(errno)));
    }
    Descriptor file(::memfd_create("stdin", MFD_CLOEXEC));
    std::string_view rest = input;
    while (file && !rest.empty()) {
        const auto wrote = ::write(file.get(), rest.data(), rest.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (!file || !rest.empty() || ::lseek(file.get(), 0, SEEK_SET) != 0)
        return proto::fail(Errc::overloaded,
                           fmt::format("{} octets of input cannot be kept: {}", input.size(), ::strerrordesc_np(errno)));
    return file;
}

// One output of the child as far as it is kept.
struct Tap {
    Descriptor source;
    std::string& kept;
    bool& truncated;
    std::size_t max;

    void read_some() {
        std::array<char, 65536> buffer;
        const auto got = ::read(source.get(), buffer.data(), buffer.size());
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
        if (got <= 0) return source.reset();
        const auto size = static_cast<std::size_t>(got);
        const auto room = std::min(size, max - kept.size());
        kept.append(buffer.data(), room);
        if (room < size) truncated = true;
    }
};

// What a child is brought to its end by, in this order.
enum class Phase : std::uint8_t { running, asked, killed, ended };

class Watch {
 public:
    Watch(const ChildProcess& child, Spawned& spawned, std::array<Tap, 2> taps, int stop)
        : child_(child),
          spawned_(spawned),
          taps_(std::move(taps)),
          stop_(stop),
          until_(Clock::now() + std::min<proto::Duration>(child.timeout, no_limit)) {}

    // Returns when the child has ended and its outputs are closed, or nobody waits for them any longer.
    void run(ProcessEnd& end) {
        while (phase_ != Phase::ended || open()) {
            std::array<pollfd, 4> sources{pollfd{ended_ ? -1 : spawned_.descriptor(), POLLIN, 0},
                                          pollfd{phase_ == Phase::running ? stop_ : -1, POLLIN, 0},
                                          pollfd{taps_[0].source.get(), POLLIN, 0}, pollfd{taps_[1].source.get(), POLLIN, 0}};
            ::poll(sources.data(), sources.size(), wait());
            if (sources[2].revents != 0) taps_[0].read_some();
            if (sources[3].revents != 0) taps_[1].read_some();
            if (sources[0].revents != 0) ended_ = true;
            settle();
            if (sources[1].revents != 0 && phase_ == Phase::running) ask_to_end(end, ProcessEnd::Why::stopped);
            if (until_ && Clock::now() >= *until_ && !on_time(end)) return;
        }
    }

 private:
    bool open() const { return taps_[0].source || taps_[1].source; }

    int wait() const {
        if (!until_) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until_ - Clock::now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
    }

    // A child that was asked to end may leave others of its group behind; they have until the grace is over, or as long as
    // they hold the output open.
    void settle() {
        if (!ended_ || phase_ == Phase::ended || (phase_ == Phase::asked && open())) return;
        if (phase_ == Phase::asked) spawned_.signal_group(SIGKILL);
        wait_for_output();
    }

    void wait_for_output() {
        phase_ = Phase::ended;
        until_ = Clock::now() + after_the_end;
    }

    void ask_to_end(ProcessEnd& end, ProcessEnd::Why why) {
        end.why = why;
        spawned_.signal_group(SIGTERM);
        phase_ = Phase::asked;
        until_ = Clock::now() + std::clamp<proto::Duration>(child_.grace, {}, no_limit);
    }

    // False: nothing is waited for any more.
    bool on_time(ProcessEnd& end) {
        switch (phase_) {
            case Phase::running: ask_to_end(end, ProcessEnd::Why::timed_out); return true;
            case Phase::asked:
                spawned_.signal_group(SIGKILL);
                phase_ = Phase::killed;
                until_.reset();
                if (ended_) wait_for_output();
                return true;
            case Phase::killed: return true;
            case Phase::ended: return false;
        }
        return false;
    }

    const ChildProcess& child_;
    Spawned& spawned_;
    std::array<Tap, 2> taps_;
    int stop_;
    Phase phase_ = Phase::running;
    bool ended_ = false;                      // it has; others of its group may not
    std::optional<Clock::time_point> until_;  // of this phase
};

}  // namespace

std::string describe(const ChildProcess& child, const ProcessEnd& end) {
    switch (end.why) {
        case ProcessEnd::Why::exited: return fmt::format("exited with status {}", end.code);
        case ProcessEnd::Why::signalled: {
            const char* name = ::sigabbrev_np(end.code);
            return fmt::format("was killed by signal {} ({})", end.code, name == nullptr ? "?" : name);
        }
        case ProcessEnd::Why::timed_out:
            return fmt::format("did not end within {:g} s and was stopped",
                               std::chrono::duration<double>(child.timeout).count());
        case ProcessEnd::Why::stopped: return "was stopped";
    }
    return {};
}

proto::Result<ProcessEnd> run_process(const ChildProcess& child, std::stop_token stop) {
    auto in = open_input(child.input);
    if (!in) return tl::unexpected(in.error());
    auto out = make_pipe();
    if (!out) return tl::unexpected(out.error());
    auto err = make_pipe();
    if (!err) return tl::unexpected(err.error());
    const Descriptor stopping(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stopping)
        return proto::fail(Errc::overloaded, fmt::format("no descriptor to be had: {}", ::strerrordesc_np(errno)));
    const std::stop_callback on_stop(stop, [&] {
        [[maybe_unused]] const auto woken = ::eventfd_write(stopping.get(), 1);
    });

    auto spawned = spawn(child, {.in = in->get(), .out = out->write_end.get(), .err = err->write_end.get()});
    if (!spawned) return tl::unexpected(spawned.error());
    in->reset();
    out->write_end.reset();
    err->write_end.reset();

    ProcessEnd end;
    Watch(child, *spawned,
          {Tap{std::move(out->read_end), end.out, end.out_truncated, child.output_max},
           Tap{std::move(err->read_end), end.err, end.err_truncated, child.output_max}},
          stopping.get())
        .run(end);
    const int raw = spawned->reap();
    if (end.why == ProcessEnd::Why::exited && WIFSIGNALED(raw)) end.why = ProcessEnd::Why::signalled;
    end.code = WIFSIGNALED(raw) ? WTERMSIG(raw) : WEXITSTATUS(raw);
    return end;
}

}  // namespace mco::node
