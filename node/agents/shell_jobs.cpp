#include "node/agents/shell_jobs.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "node/descriptor.hpp"
#include "proto/text_file.hpp"
#include "proto/utf8.hpp"
#include "security/entropy.hpp"
#include "security/small_file.hpp"

namespace mco::node {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::size_t command_size_max = 64 * 1024;

// Stays until the command has ended, to write down how; TERM is for the command, which began before the trap and before
// anybody knew whom to send it to. Its $0 is the handle, by which the process is known for what it is even if its number was given
// to another one since.
constexpr const char* keeper =
    "exec >/dev/null 2>&1\n"  // of what it was started with nobody reads any more: a word of the shell's would end it
    "dir=$1; shift\n"
    "\"$@\" >\"$dir/stdout\" 2>\"$dir/stderr\" </dev/null &\n"
    "trap : TERM\n"
    "echo $$ >\"$dir/pid.new\" && mv \"$dir/pid.new\" \"$dir/pid\"\n"
    "while wait $!; code=$?; kill -0 $! 2>/dev/null; do :; done\n"  // a trap ends wait, not the command
    "echo $code >\"$dir/exitcode.new\" && mv \"$dir/exitcode.new\" \"$dir/exitcode\"\n";

std::string fresh_handle() {
    std::array<std::uint8_t, 16> octets{};
    security::entropy::fill(octets);
    octets[6] = static_cast<std::uint8_t>((octets[6] & 0x0FU) | 0x40U);
    octets[8] = static_cast<std::uint8_t>((octets[8] & 0x3FU) | 0x80U);
    std::string text;
    for (std::size_t i = 0; i < octets.size(); ++i)
        text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", octets[i]);
    return text;
}

// Also what keeps "../../etc" from being a job.
bool is_handle(std::string_view text) {
    return text.size() == 36 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
           });
}

std::optional<int> read_number(const fs::path& file) {
    const auto text = proto::read_text_file(file, 64);
    int number = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc())
        return std::nullopt;
    return number;
}

}  // namespace

std::string_view word(ShellJobs::State state) {
    switch (state) {
        case ShellJobs::State::starting:
            return "starting";
        case ShellJobs::State::running:
            return "running";
        case ShellJobs::State::stopped:
            return "stopped";
        case ShellJobs::State::failed:
            return "failed";
    }
    return "failed";
}

Result<std::string> ShellJobs::start(const Programs& programs, const std::string& command,
                                     const std::optional<ChildProcess::User>& user, std::stop_token stop) const {
    if (auto room = make_room(); !room) return tl::unexpected(room.error());
    const auto handle = fresh_handle();
    const auto dir = folder_ / handle;
    if (auto made = security::make_private_folder(dir); !made) return tl::unexpected(made.error());
    if (auto made = security::create_file(dir / "command", command, 0600); !made) return tl::unexpected(made.error());
    std::vector<std::string> argv{"setsid", "--fork", "/bin/sh", "-c", keeper, handle, dir.string()};
    if (user) {
        argv.insert(argv.end(), {"setpriv", fmt::format("--reuid={}", user->uid), fmt::format("--regid={}", user->gid),
                                 "--clear-groups", "--"});
    }
    argv.insert(argv.end(), {"/bin/sh", "-c", command});
    const auto end = programs.run({.argv = std::move(argv), .timeout = std::chrono::seconds(10)}, std::move(stop));
    if (end && end->ok()) return handle;
    std::error_code ignored;
    fs::remove_all(dir, ignored);
    if (!end) return tl::unexpected(end.error());
    return fail(Errc::internal, fmt::format("the command could not be started: {}", reason_of(*end)));
}

Result<void> ShellJobs::make_room() const {
    const auto jobs = list();
    if (jobs.size() < jobs_max) return {};
    std::optional<std::pair<fs::file_time_type, std::string>> oldest;
    for (const auto& job : jobs) {
        if (job.state == State::running || job.state == State::starting) continue;
        std::error_code error;
        const auto began = fs::last_write_time(folder_ / job.handle / "command", error);
        if (!error && (!oldest || began < oldest->first)) oldest.emplace(began, job.handle);
    }
    if (!oldest)
        return fail(Errc::overloaded, fmt::format("{} commands run already\nEnd some of them: mco shell kill HANDLE.",
                                                  jobs_max));
    std::error_code ignored;
    fs::remove_all(folder_ / oldest->second, ignored);
    return {};
}

std::vector<ShellJobs::Job> ShellJobs::list() const {
    std::vector<Job> jobs;
    std::error_code error;
    const fs::directory_iterator none;
    for (fs::directory_iterator entry(folder_, error); !error && entry != none; entry.increment(error)) {
        if (auto job = find(entry->path().filename().string())) jobs.push_back(std::move(*job));
    }
    return jobs;
}

Result<ShellJobs::Job> ShellJobs::find(const std::string& handle) const {
    const auto dir = folder_ / handle;
    auto command = is_handle(handle) ? proto::read_text_file(dir / "command", command_size_max)
                                     : fail(Errc::not_found, "no handle");
    if (!command) return fail(Errc::not_found, fmt::format("no job {} on this machine", handle));
    Job job{.handle = handle, .command = std::move(*command)};
    const auto pid = read_number(dir / "pid");
    const bool runs = alive(handle).has_value();
    job.exitcode = read_number(dir / "exitcode");  // after the look at the process, which may end in between
    job.state = job.exitcode ? State::stopped : runs ? State::running : pid ? State::failed : State::starting;
    return job;
}

std::optional<pid_t> ShellJobs::alive(const std::string& handle) const {
    const auto pid = read_number(folder_ / handle / "pid");
    if (!pid || *pid <= 1) return std::nullopt;
    const auto words = proto::read_text_file(fmt::format("/proc/{}/cmdline", *pid), 4U << 20U);
    if (!words || words->find(handle) == std::string::npos) return std::nullopt;
    return static_cast<pid_t>(*pid);
}

ShellJobs::Chunk ShellJobs::output(const Job& job, const char* stream, std::int64_t offset) const {
    Chunk chunk{.text = {}, .next = std::max<std::int64_t>(offset, 0)};
    const Descriptor file(::open((folder_ / job.handle / stream).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return chunk;
    std::string text(chunk_max, '\0');
    const auto got = ::pread(file.get(), text.data(), text.size(), chunk.next);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    // A character that is not whole yet waits for the next chunk, unless nothing follows.
    constexpr std::size_t character_max = 4;
    const auto whole = proto::valid_utf8_size(text);
    const bool more = job.state != State::stopped || text.size() == chunk_max;
    if (more && text.size() - whole < character_max) text.resize(whole);
    chunk.next += static_cast<std::int64_t>(text.size());
    chunk.text = std::move(text);
    return chunk;
}

Result<void> ShellJobs::kill(const Job& job) const {
    const auto pid = alive(job.handle);
    if (!pid || job.state == State::stopped)
        return fail(Errc::invalid, fmt::format("job {} does not run (it is {})", job.handle, word(job.state)));
    if (::kill(-*pid, SIGTERM) != 0)
        return fail(Errc::denied, fmt::format("job {} cannot be ended: {}", job.handle,
                                              std::generic_category().message(errno)));
    return {};
}

}  // namespace mco::node
