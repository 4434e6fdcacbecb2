#include "node/daemon.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/host_view.hpp"
#include "node/state_folder.hpp"
#include "security/revocation.hpp"
#include "security/rfc3339.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;

constexpr auto idle_wait = std::chrono::milliseconds(1h);  // the host wakes by itself for the mesh's deadlines
constexpr auto last_answers = 100ms;
constexpr auto expiry_warning = std::chrono::hours(7 * 24);

// An audit trail where one is configured; its folder is the operator's to make.
proto::Result<std::optional<security::Audit>> open_audit(const Config& config, const security::Identity& self) {
    if (config.audit_file.empty()) return std::optional<security::Audit>();
    auto audit = security::Audit::open(config.audit_file, self, config.audit_rotation);
    if (!audit) return tl::unexpected(audit.error());
    return std::optional<security::Audit>(std::move(*audit));
}

}  // namespace

std::optional<Prepared> prepare(Program program, const std::filesystem::path& file, const std::filesystem::path& share,
                                proto::WallTime now, std::vector<std::string>& problems) {
    auto loaded = load_config(file, share, program);
    problems.insert(problems.end(), loaded.problems.begin(), loaded.problems.end());
    if (!loaded.readable) return std::nullopt;
    // What a broken line leaves unknown is not judged: its default would be blamed for it.
    const auto known = [&](std::initializer_list<std::string_view> keys) {
        return std::none_of(loaded.broken.begin(), loaded.broken.end(), [&](const std::string& key) {
            return std::find(keys.begin(), keys.end(), key) != keys.end();
        });
    };
    std::optional<Credentials> credentials;
    if (known({"certificate", "secret_keys", "trust", "identity", "collectives"}))
        credentials = load_credentials(loaded.config, now, problems);
    std::optional<security::Policy> policy;
    if (program == Program::proxy) {
        policy.emplace();  // decides about nothing
    } else if (known({"policies"})) {
        auto read = security::Policy::read(loaded.config.policies, loaded.config.policy);
        if (read) {
            policy = std::move(*read);
        } else {
            problems.push_back(std::move(read.error().detail));
        }
    }
    if (!problems.empty()) return std::nullopt;
    return Prepared{share, std::move(loaded.config), std::move(*credentials), std::move(*policy),
                    std::move(loaded.warnings)};
}

external::AgentLoader::Settings external_agents_of(const Config& config, std::vector<std::string> built_in) {
    const char* path = std::getenv("PATH");
    return {.libdirs = config.libdirs,
            .plugin_folder = config.file.parent_path() / "plugin.d",
            .reserved = std::move(built_in),
            .activation = config.activation,
            .run_as = config.run_as,
            .search_path = path == nullptr ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" : path};
}

Daemon::Daemon(Prepared prepared, Log log, std::vector<Agent*> agents)
    : share_(std::move(prepared.share)),
      config_(std::move(prepared.config)),
      credentials_(std::move(prepared.credentials)),
      log_(std::move(log)),
      news_(log_),
      memory_(config_.state_folder.empty() ? std::filesystem::path()
                                           : config_.state_folder / fmt::format("{}.mesh", name(config_.program)),
              log_),
      site_({.identity = credentials_.identity.name, .started = mesh::io::Host::sample_clocks().wall}, config_,
            std::move(prepared.policy), std::move(agents)),
      performer_({.self = credentials_.identity,
                  .trust = credentials_.trust,
                  .keys = credentials_.keys,
                  .site = site_,
                  .log = log_,
                  .look_at_mesh = [this](proto::Now now,
                                         const proto::RequestId& request) { return view_of(*host_, now, request, config_.group); }},
                 {.workers_max = config_.workers}) {
    for (const auto& warning : prepared.warnings) log_.warn(warning);
    if (config_.audit_file.empty() && !proxy()) log_.warn("there is no audit trail: set plugin.rpcaudit.logfile");
    if (config_.state_folder.empty() && !proxy())
        log_.warn("there is no journal, so a request could run twice if this daemon is restarted: set state_folder");
}

Daemon::~Daemon() = default;

std::string Daemon::software() const { return fmt::format("{} {}", name(config_.program), MCO_VERSION); }

proto::Result<std::unique_ptr<Daemon>> Daemon::open(Prepared prepared, std::vector<Agent*> agents) {
    auto log = Log::open(prepared.config.log);
    if (!log) return tl::unexpected(log.error());
    auto claimed = claim_state_folder(prepared.config.state_folder, name(prepared.config.program));
    if (!claimed) return tl::unexpected(claimed.error());
    std::unique_ptr<Daemon> daemon(new Daemon(std::move(prepared), std::move(*log), std::move(agents)));
    daemon->claimed_ = std::move(*claimed);
    auto audit = open_audit(daemon->config_, daemon->credentials_.identity);
    if (!audit) return tl::unexpected(audit.error());
    daemon->performer_.set_audit(std::move(*audit));
    if (!daemon->proxy() && !daemon->config_.state_folder.empty())
        daemon->performer_.set_journal(Journal(daemon->config_.state_folder), mesh::io::Host::sample_clocks());
    if (auto opened = daemon->open_host(); !opened) return tl::unexpected(opened.error());
    return daemon;
}

proto::Result<void> Daemon::open_host() {
    mesh::io::Host::Options options;
    options.link_listen = config_.listen;
    if (!config_.local_socket.empty()) options.link_listen.push_back(config_.local_socket);
    options.fanout_listen = config_.fanout_listen;
    options.advertise_host = config_.advertise;
    options.seeds = config_.seeds;
    options.collectives = config_.collectives;
    options.group = config_.group;
    options.software = software();
    options.relay = config_.relay;
    options.performs = !proxy();
    options.homes = config_.homes;
    options.confined = config_.confined;
    options.memory = memory_.read();
    auto host = mesh::io::Host::open(
        std::move(options), credentials_.identity, credentials_.trust,
        {.perform = [this](proto::Now now, const proto::RequestId& request,
                           proto::Bytes sealed) { performer_.perform(now, request, sealed); },
         .withdraw = [this](proto::Now now, const proto::RequestId& request) { performer_.withdraw(now, request); },
         .notice = [this](proto::Now, const mesh::Notice& notice) { news_.note(notice); },
         .revocations = [this](proto::Now) { keep_revocations(); },
         // Anybody who knocks causes such lines; only those about our own sockets, while they are opened, are news.
         .log =
             [this](const std::string& line) {
                 log_.write(host_ == nullptr ? LogLevel::info : LogLevel::debug, line, LogArea::mesh);
             }});
    if (!host) return tl::unexpected(host.error());
    host_ = std::move(*host);
    host_->watch(signals_.descriptor(), [this](proto::Now now) {
        while (const auto number = signals_.take()) on_signal(now, *number);
    });
    host_->watch(performer_.descriptor(), [this](proto::Now now) { performer_.collect(now); });
    if (config_.metrics_listen.empty()) return {};
    auto port = MetricsPort::open(config_.metrics_listen);
    if (!port) return tl::unexpected(port.error());
    metrics_port_ = std::move(*port);
    host_->watch(metrics_port_->descriptor(), [](proto::Now) {});  // it is served once a turn
    log_.info(fmt::format("metrics are at {}", metrics_port_->url()));
    return {};
}

void Daemon::run(std::optional<int> ready_descriptor) {
    const auto start = mesh::io::Host::sample_clocks();
    look_at_site(start);  // reads facts and classes now, so that what is wrong with them is said now
    warn_of_expiry(start.wall);
    if (!proxy()) start_external();
    const auto endpoints = host_->link_endpoints();
    log_.info(fmt::format("{} is {}, group {}, listens {}{}", software(), credentials_.identity.name, config_.group,
                          endpoints.empty() ? "nowhere: it dials" : fmt::format("on {}", fmt::join(endpoints, " ")),
                          proxy() ? "" : fmt::format(", agents: {}", fmt::join(site_.agents(), " "))));
    if (ready_descriptor || supervisor_.listens()) seeds_until_ = start.mono + config_.seed_timeout;
    while (phase_ != Phase::leaving) {
        const auto before = mesh::io::Host::sample_clocks();
        tell_ready(before, ready_descriptor);
        host_->turn(longest_wait(before));
        const auto now = mesh::io::Host::sample_clocks();
        log_.elapse(now.mono);
        performer_.elapse(now);
        if (metrics_port_) metrics_port_->serve(now.mono, [&] { return metrics_text(state(now)); });
        supervisor_.elapse(now.mono);
        if (!config_.metrics_file.empty() && metrics_.due(now.mono)) metrics_.write(now.mono, config_.metrics_file, state(now));
        deliver();
        news_.tell(host_->engine());
        memory_.keep(now, *host_);
        if (phase_ == Phase::draining) drain(now);
    }
    loader_.reset();
    memory_.write(*host_);
    host_.reset();  // hands the last frames to the network, even where stuck() makes the process just end
    log_.info("stopped");
}

external::AgentLoader::Settings Daemon::external_settings() const {
    return external_agents_of(config_, site_.built_in());
}

void Daemon::start_external() {
    loader_ = std::make_unique<external::AgentLoader>(external_settings(), agent_lines_);
    host_->watch(loader_->descriptor(), [this](proto::Now) { take_external(); });
    host_->watch(agent_lines_->descriptor(), [this](proto::Now) {
        for (const auto& line : agent_lines_->take()) log_.write(line.level, line.text, LogArea::agent);
    });
}

void Daemon::take_external() {
    for (auto& found : loader_->take()) {
        for (const auto& line : found.worse) log_.warn(line, LogArea::agent);
        for (const auto& line : found.better) log_.info(line, LogArea::agent);
        site_.set_external(std::move(found.agents));
        external_known_ = true;
    }
}

DaemonState Daemon::state(proto::Now now) const {
    return {.name = credentials_.identity.name,
            .software = software(),
            .started = started_,
            .certificate_until = credentials_.not_after,
            .ready = host_->ready(),
            .running = performer_.unfinished(),
            .counters = performer_.counters(),
            .mesh = view_of(*host_, now, {}, config_.group)};
}

// Answers go to the mesh outside its own callbacks: an engine is not to be called from within its effects.
void Daemon::deliver() {
    for (auto& answer : performer_.take_answers())
        host_->performed(mesh::io::Host::sample_clocks(), answer.request, answer.outcome, std::move(answer.sealed));
}

std::chrono::milliseconds Daemon::longest_wait(proto::Now now) const {
    auto wait = idle_wait;
    const auto until = [&](proto::Instant deadline) {
        wait = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(deadline - now.mono),
                          std::chrono::milliseconds(0), wait);
    };
    if (const auto deadline = performer_.next_deadline()) until(*deadline);
    if (phase_ == Phase::draining) until(drain_until_);
    if (seeds_until_) until(*seeds_until_);
    if (const auto deadline = supervisor_.next_deadline()) until(*deadline);
    if (!config_.metrics_file.empty()) until(metrics_.next_deadline());
    if (const auto deadline = log_.next_deadline()) until(*deadline);
    if (metrics_port_) {
        if (const auto deadline = metrics_port_->next_deadline()) until(*deadline);
    }
    return wait;
}

// A node without its seeds still answers whoever reaches it, so it does not wait for them for ever.
void Daemon::tell_ready(proto::Now now, std::optional<int>& descriptor) {
    const bool complete = host_->ready() && (proxy() || external_known_);
    if (!seeds_until_ || (!complete && now.mono < *seeds_until_)) return;
    if (!host_->ready())
        log_.warn(fmt::format("none of the {} seeds answered within {} s; ready without them, and trying on",
                              config_.seeds.size(), config_.seed_timeout.count()));
    seeds_until_.reset();
    supervisor_.ready();
    if (!descriptor) return;
    std::string line = "ready";
    for (const auto& endpoint : host_->link_endpoints()) line += ' ' + endpoint;
    line += '\n';
    // Shorter than PIPE_BUF, so it is written whole or not at all; a reader that went away is not our concern.
    while (::write(*descriptor, line.data(), line.size()) < 0 && errno == EINTR) {}
    ::close(*descriptor);
    descriptor.reset();
}

void Daemon::on_signal(proto::Now now, int number) {
    switch (number) {
        case SIGTERM:
        case SIGINT:
            if (phase_ != Phase::running) {  // twice: the operator does not want to wait
                drain_until_ = now.mono;
                return;
            }
            performer_.refuse_new();
            phase_ = Phase::draining;
            drain_until_ = now.mono + config_.soft_shutdown_timeout;
            supervisor_.stopping(config_.soft_shutdown_timeout);
            log_.info(performer_.unfinished() == 0
                          ? "told to stop"
                          : fmt::format("told to stop: {} running actions get {} s to end", performer_.unfinished(),
                                        config_.soft_shutdown_timeout.count()));
            return;
        case SIGHUP:
            return reload(now);
        case SIGUSR1:
            for (const auto& line : state_report(state(now), now.wall)) log_.answer(line);
            return;
        case SIGUSR2: {
            const auto level = log_.next_level();
            log_.answer(fmt::format("the log level is {} now", name(level)));
            return;
        }
        case SIGWINCH:
            return reopen_files(now);
        default:
            return;
    }
}

void Daemon::reopen_files(proto::Now now) {
    if (auto opened = log_.reopen(); !opened)
        log_.error(fmt::format("the log goes on where it was: {}", opened.error().detail));
    if (auto* audit = performer_.audit()) {
        if (auto opened = audit->reopen(now); !opened)
            log_.error(fmt::format("the audit trail goes on where it was: {}", opened.error().detail));
    }
}

void Daemon::reload(proto::Now now) {
    std::vector<std::string> problems;
    auto next = prepare(config_.program, config_.file, share_, now.wall, problems);
    if (!next) {
        for (const auto& problem : problems) log_.error(problem);
        adopt_revocations(now);
        log_.error("reload: nothing else was changed, because of the errors above");
        return;
    }
    for (const auto& warning : next->warnings) log_.warn(warning);
    apply(now, std::move(*next));
    look_at_site(now);
    warn_of_expiry(now.wall);
    log_.info(proxy() ? std::string("reloaded: configuration, certificate, trust and log file")
                      : fmt::format(
                            "reloaded: configuration, policies, facts, classes, trust, log and audit files; agents: {}",
                            fmt::join(site_.agents(), " ")));
}

// Whatever else is wrong with the files, and be it this node that is revoked: others learn from here who is.
void Daemon::adopt_revocations(proto::Now now) {
    auto& trust = credentials_.trust;
    const auto before = trust.revocations_version();
    (void)security::adopt_file(trust, config_.revocations);  // what is wrong with it was told
    if (trust.revocations_version() != before) host_->revocations_changed(now);
}

void Daemon::keep_revocations() {
    const auto& trust = credentials_.trust;
    log_.info(fmt::format("revocations: version {} with {} certificates", trust.revocations_version(), trust.revocations()));
    const auto file = kept_revocations(config_);
    if (file.empty()) return;
    if (auto written = security::write_revocation_file(file, trust); !written)
        log_.error(fmt::format("the revocations are not kept for the next start: {}", written.error().detail));
}

void Daemon::look_at_site(proto::Now now) {
    if (proxy()) return;
    site_.ground(now);
    for (const auto& line : site_.take_news().worse) log_.warn(line);
}

void Daemon::apply(proto::Now now, Prepared next) {
    const auto restart = needs_restart(config_, next.config);
    if (!restart.empty())
        log_.warn(fmt::format("reload: what changed in {} takes effect at the next restart", fmt::join(restart, ", ")));

    auto& self = credentials_.identity;
    auto& other = next.credentials.identity;
    const bool same_keys = self.keys.sign.public_key == other.keys.sign.public_key &&
                           self.keys.curve.public_key == other.keys.curve.public_key &&
                           self.keys.seal.public_key == other.keys.seal.public_key;
    if (self.name != other.name || !same_keys) {
        log_.warn("reload: another identity or other keys take effect at the next restart");
    } else {
        self.chain =
            std::move(other.chain);  // replies and new links use it; the mesh record keeps the old one till restart
        credentials_.not_after = next.credentials.not_after;
    }
    // What the mesh told meanwhile is not in the files if it could not be kept.
    for (const auto& list : credentials_.trust.revocation_lists()) (void)next.credentials.trust.adopt(list);
    const bool revocations = next.credentials.trust.revocations_version() != credentials_.trust.revocations_version();
    credentials_.trust = std::move(next.credentials.trust);
    credentials_.keys = std::move(next.credentials.keys);
    if (revocations) host_->revocations_changed(now);

    // A restart later reads what cannot change now; until then the running values stay on record.
    auto& config = next.config;
    config.collectives = config_.collectives;
    if (std::find(config.collectives.begin(), config.collectives.end(), config.main_collective) ==
        config.collectives.end())
        config.main_collective = config_.main_collective;
    config.group = config_.group;
    config.relay = config_.relay;
    config.homes = config_.homes;
    config.confined = config_.confined;
    config.listen = config_.listen;
    config.dial_only = config_.dial_only;
    config.fanout_listen = config_.fanout_listen;
    config.advertise = config_.advertise;
    config.local_socket = config_.local_socket;
    config.seeds = config_.seeds;
    config.workers = config_.workers;
    config.state_folder = config_.state_folder;
    config.metrics_listen = config_.metrics_listen;

    if (config.log != config_.log) {
        if (auto changed = log_.change(config.log); !changed)
            log_.error(fmt::format("the log stays as it was: {}", changed.error().detail));
    }
    if (config.audit_file != config_.audit_file) {
        auto audit = open_audit(config, credentials_.identity);
        if (audit) {
            if (auto* old = performer_.audit()) old->close(now);
            performer_.set_audit(std::move(*audit));
        } else {
            config.audit_file = config_.audit_file;
            log_.error(fmt::format("the audit trail stays where it was: {}", audit.error().detail));
        }
    }
    if (auto* audit = performer_.audit(); audit != nullptr && config.audit_rotation != config_.audit_rotation) audit->rotate_by(config.audit_rotation);
    reopen_files(now);
    config_ = std::move(next.config);
    site_.change(config_, std::move(next.policy));
    if (loader_) loader_->change(external_settings());
}

// The last answers are still on their way through the engine when the last action has ended, so they get a moment.
void Daemon::drain(proto::Now now) {
    if (performer_.unfinished() != 0 && now.mono < drain_until_) return;
    if (performer_.unfinished() != 0) {
        log_.warn(
            fmt::format("{} actions did not end in time; what became of them is not known", performer_.unfinished()));
    } else if (host_->engine().live_requests() != 0) {
        drain_until_ = std::min(drain_until_, now.mono + last_answers);
        if (now.mono < drain_until_) return;
    }
    performer_.stop();
    if (auto* audit = performer_.audit()) audit->close(now);
    host_->leave("stopping");
    host_->turn(0ms);  // says so to everybody
    phase_ = Phase::leaving;
}

void Daemon::warn_of_expiry(proto::WallTime now) {
    if (credentials_.not_after - now > expiry_warning) return;
    log_.warn(fmt::format("{}: the certificate expires at {}; renew it: mco-ca renew --help", config_.certificate.string(),
                          security::to_rfc3339(credentials_.not_after)));
}

}  // namespace mco::node
