#include "bench/wan_sites.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/ids.hpp"

namespace mco::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using proto::Errc;
using proto::fail;

constexpr auto ready_patience = 60s, stop_patience = 10s;

// Where a proxy listens, and where its doors are.
std::string near_address(std::size_t site, std::size_t number) { return fmt::format("127.20.{}.{}", site + 1, number + 1); }
std::string far_address(std::size_t site, std::size_t number) { return fmt::format("127.21.{}.{}", site + 1, number + 1); }

proto::Result<void> write_text(const fs::path& file, std::string_view text) {
    std::ofstream stream(file, std::ios::trunc);
    stream << text;
    stream.close();
    return stream ? proto::Result<void>() : fail(Errc::internal, fmt::format("{} cannot be written", file.string()));
}

std::string group_of(std::size_t site) { return fmt::format("site{}", site + 1); }

}  // namespace

proto::Result<std::unique_ptr<WanSites>> WanSites::start(const Plan& plan, WanRelay& relay, const Interrupted& interrupted) {
    std::unique_ptr<WanSites> sites(new WanSites(plan, relay));
    auto estate = Estate::make({});
    if (!estate) return tl::unexpected(estate.error());
    sites->estate_ = std::move(*estate);
    if (auto launched = sites->launch_proxies(); !launched) return tl::unexpected(launched.error());
    if (auto launched = sites->launch_nodes(); !launched) return tl::unexpected(launched.error());
    for (auto& daemon : sites->daemons_) {
        if (auto ready = sites->wait_ready(daemon, interrupted); !ready) return tl::unexpected(ready.error());
    }
    if (auto written = sites->write_clients(); !written) return tl::unexpected(written.error());
    return sites;
}

proto::Result<void> WanSites::launch_proxies() {
    std::vector<std::string> lines;
    for (std::size_t site = 0; site < plan_.sites; ++site) {
        auto& here = proxies_.emplace_back();
        for (std::size_t number = 0; number < plan_.proxies; ++number) {
            const auto name = fmt::format("edge{}{}", site + 1, static_cast<char>('a' + number));
            const auto identity = estate_->issue(name, proto::CertificateRole::proxy);
            if (auto written = estate_->write_identity(identity); !written) return written;
            const auto near = near_address(site, number), far = far_address(site, number);
            const auto link = relay_.open_door(site, far, near), fanout = relay_.open_door(site, far, near);
            if (!link || !fanout) return tl::unexpected((link ? fanout : link).error());
            const auto key = identity.keys.curve.public_key.hex();
            here.push_back({name, fmt::format("tcp://{}:{} {}", near, *link, key), fmt::format("tcp://{}:{} {}", far, *link, key)});
            lines.push_back(fmt::format("listen = tcp://{0}:{1}\nfanout_listen = tcp://{0}:{2}\nadvertise = {3}\n", near, *link, *fanout, far));
        }
    }
    relay_.start();
    for (std::size_t site = 0, at = 0; site < plan_.sites; ++site) {
        for (const auto& proxy : proxies_[site]) {
            auto text = lines[at++];
            for (std::size_t other = 0; other < plan_.sites; ++other) {
                for (const auto& seed : proxies_[other])
                    if (seed.name != proxy.name) text += fmt::format("seed = {}\n", other == site ? seed.near : seed.far);
            }
            if (auto launched = launch("mco-proxy", proxy.name, site, text); !launched) return launched;
        }
    }
    return {};
}

proto::Result<void> WanSites::launch_nodes() {
    for (std::size_t site = 0; site < plan_.sites; ++site) {
        std::string seeds;
        for (const auto& proxy : proxies_[site]) seeds += fmt::format("seed = {}\n", proxy.near);
        for (std::size_t number = 0; number < plan_.nodes; ++number) {
            const auto name = fmt::format("node{}-{}", site + 1, number + 1);
            if (auto written = estate_->write_identity(estate_->issue(name, proto::CertificateRole::node)); !written) return written;
            const auto text = fmt::format("listen = none\npolicies = {}\nplugin.rpcaudit.logfile = {}/{}.audit\n{}", estate_->policies().string(),
                                          estate_->folder().string(), name, seeds);
            if (auto launched = launch("mcod", name, site, text); !launched) return launched;
        }
    }
    return {};
}

proto::Result<void> WanSites::launch(const std::string& program, const std::string& name, std::size_t site, const std::string& lines) {
    std::error_code error;
    const auto path = (fs::read_symlink("/proc/self/exe", error).parent_path() / program).string();
    if (::access(path.c_str(), X_OK) != 0) return fail(Errc::not_found, fmt::format("there is no {}\nBuild all programs of one preset.", path));
    const auto stem = (estate_->folder() / name).string();
    const auto config = stem + ".conf";
    const auto text = fmt::format(
        "identity = {0}\ncertificate = {1}.cert\nsecret_keys = {1}.key\ntrust = {2}/root.cert\ngroup = {3}\nseed_timeout = 2\n"
        "logger_type = file\nlogfile = {1}.log\n{4}",
        name, stem, estate_->folder().string(), group_of(site), lines);
    if (auto written = write_text(config, text); !written) return written;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(Errc::overloaded, fmt::format("no pipe: {}", std::strerror(errno)));
    node::Descriptor reads(ends[0]), writes(ends[1]);
    const node::Descriptor said(::open((stem + ".out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const node::Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const std::array<const char*, 6> argv{path.c_str(), "-c", config.c_str(), "--ready-fd", "3", nullptr};
    const pid_t pid = ::fork();
    if (pid < 0) return fail(Errc::overloaded, fmt::format("no process: {}", std::strerror(errno)));
    if (pid == 0) {  // nothing but system calls: the relay's thread may hold any lock
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigset_t none;
        sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        const int ready = ::fcntl(writes.get(), F_DUPFD, 10);  // where dup2 to 3 cannot meet one of the others
        ::dup2(nothing.get(), 0);
        ::dup2(said.get(), 1);
        ::dup2(said.get(), 2);
        ::dup2(ready, 3);
        ::close(ready);
        ::execv(argv[0], const_cast<char* const*>(argv.data()));
        ::_exit(127);
    }
    relay_.belongs(pid, site);
    daemons_.push_back({name, pid, std::move(reads)});
    return {};
}

proto::Result<void> WanSites::wait_ready(Daemon& daemon, const Interrupted& interrupted) const {
    const auto end = std::chrono::steady_clock::now() + ready_patience;
    std::string line;
    while (line.find('\n') == std::string::npos) {
        if (interrupted()) return fail(Errc::cancelled, "interrupted before all daemons were ready");
        pollfd polled{daemon.ready.get(), POLLIN, 0};
        if (::poll(&polled, 1, 100) > 0) {
            std::array<char, 512> part;
            const auto size = ::read(daemon.ready.get(), part.data(), part.size());
            if (size <= 0) return fail(Errc::internal, fmt::format("{} did not start: {}", daemon.name, last_words(daemon.name)));
            line.append(part.data(), static_cast<std::size_t>(size));
        } else if (std::chrono::steady_clock::now() > end) {
            return fail(Errc::expired, fmt::format("{} was not ready within {} s: {}", daemon.name, ready_patience.count(), last_words(daemon.name)));
        }
    }
    daemon.ready.reset();
    return {};
}

proto::Result<void> WanSites::write_clients() const {
    for (std::size_t site = 0; site < plan_.sites; ++site) {
        auto text = fmt::format("certificate = {0}/operator.cert\nsecret_keys = {0}/operator.key\ntrust = {0}/root.cert\n", estate_->folder().string());
        for (const auto& proxy : proxies_[site]) text += fmt::format("entry = {}\n", proxy.near);
        if (auto written = write_text(client_config(site), text); !written) return written;
    }
    return {};
}

fs::path WanSites::client_config(std::size_t site) const { return estate_->folder() / fmt::format("client{}.cfg", site + 1); }

proto::Result<void> WanSites::alive() const {
    for (const auto& daemon : daemons_) {
        siginfo_t ended{};
        if (::waitid(P_PID, static_cast<id_t>(daemon.pid), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid != 0)
            return fail(Errc::internal, fmt::format("{} ended: {}", daemon.name, last_words(daemon.name)));
    }
    return {};
}

std::string WanSites::last_words(const std::string& name) const {
    std::string last = "it said nothing";
    for (const auto* kind : {".log", ".out"}) {
        std::ifstream file(estate_->folder() / (name + kind));
        for (std::string line; std::getline(file, line);) {
            if (!line.empty()) last = line;
        }
    }
    return last;
}

WanSites::~WanSites() {
    for (const auto& daemon : daemons_) ::kill(daemon.pid, SIGTERM);
    const auto end = std::chrono::steady_clock::now() + stop_patience;
    for (const auto& daemon : daemons_) {
        while (::waitpid(daemon.pid, nullptr, WNOHANG) == 0) {
            if (std::chrono::steady_clock::now() > end) ::kill(daemon.pid, SIGKILL);
            ::poll(nullptr, 0, 5);
        }
    }
}

}  // namespace mco::bench
