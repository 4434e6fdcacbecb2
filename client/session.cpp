#include "client/session.hpp"

#include <algorithm>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "client/batches.hpp"
#include "client/discovery.hpp"
#include "client/last_run.hpp"
#include "client/name_cache.hpp"
#include "client/preview.hpp"
#include "client/target.hpp"
#include "client/words.hpp"
#include "proto/limits.hpp"
#include "security/certificate.hpp"
#include "security/entropy.hpp"
#include "security/key_file.hpp"
#include "security/revocation.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

std::string date(proto::WallTime time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

// What every node would refuse, said at once and with the file's name. Whether the authority is theirs only they know.
Result<void> check_certificate(const security::Identity& self, const Config& config, proto::WallTime now) {
    const auto invalid = [&](const std::string& what, std::string_view hint) {
        return fail(Errc::unauthenticated, fmt::format("{}: {}\n{}", config.certificate.string(), what, hint));
    };
    if (self.role != proto::CertificateRole::caller)
        return invalid(
            fmt::format("this is the certificate of a {}; only a caller's may give orders", proto::name(self.role)),
            "Make one with: mco-ca issue --role caller --name NAME --ca DIR --out DIR");
    if (!config.identity.empty() && config.identity != self.name)
        return invalid(
            fmt::format("it is for '{}', but {} says identity = {}", self.name, config.file.string(), config.identity),
            "Take the line out, or name the right certificate.");
    for (const auto& certificate : self.chain.certificates) {
        const auto body = security::read_body(certificate);
        if (!body) return tl::unexpected(body.error());
        if (body->not_after + proto::limits::clock_skew_max < now)
            return invalid(fmt::format("the certificate of '{}' expired on {}", body->name, date(body->not_after)),
                           "Ask for a new one: mco-ca sign, or mco-ca issue.");
        if (body->not_before - proto::limits::clock_skew_max > now)
            return invalid(
                fmt::format("the certificate of '{}' is not valid before {}", body->name, date(body->not_before)),
                "Is this machine's clock right?");
    }
    return {};
}

// For the completion of later command lines.
void learn_names(const Environment& environment, const Config& config, const Call& call, const Gathered& gathered) {
    const auto file = name_cache_file(environment, config, call.collective);
    if (!file) return;
    auto names = read_names(*file);
    if (names.learn(call, gathered)) write_names(*file, names);
}

}  // namespace

Result<std::unique_ptr<Session>> Session::open(Context& context) {
    const auto file = choose_config(context.options.value("config"), context.world.environment);
    if (!file) return tl::unexpected(file.error());
    auto loaded = load_config(*file);
    if (!loaded) return tl::unexpected(loaded.error());
    for (const auto& warning : loaded->warnings) context.err() << "mco: " << visible(warning) << '\n';
    if (!loaded->config.color && !context.options.has("color")) context.terminal.colour = false;
    auto libdirs = loaded->config.libdirs;
    libdirs.insert(libdirs.end(), context.world.libdirs.begin(), context.world.libdirs.end());
    return std::unique_ptr<Session>(
        new Session(context, std::move(loaded->config), proto::SchemaLibrary(std::move(libdirs))));
}

Result<proto::AgentSchema> Session::schema(const std::string& agent) const { return library_.load(agent); }

std::vector<std::string> Session::agents() const {
    std::vector<std::string> names;
    for (const auto& listed : library_.list()) names.push_back(listed.name);
    return names;
}

Result<Call> Session::prepare(const Target& target, const proto::AgentSchema& schema, const proto::ActionSchema& action,
                              proto::Value::Map arguments) const {
    const auto timeout_max = std::chrono::seconds(proto::limits::request_timeout_max).count();
    const auto typed = context_.options.number("timeout", 1, timeout_max);
    if (!typed) return tl::unexpected(typed.error());
    const auto discovery = context_.options.number("discovery-timeout", 0, timeout_max);
    if (!discovery) return tl::unexpected(discovery.error());
    const auto ttl = context_.options.number("ttl", 1, std::chrono::seconds(proto::limits::request_ttl_max).count());
    if (!ttl) return tl::unexpected(ttl.error());
    const auto window = schema.timeout + target.data_time + (*discovery ? std::chrono::seconds(**discovery) : config_.discovery_timeout);
    Call call;
    call.agent = schema.name;
    call.action = action.name;
    call.collective = target.collective;
    call.filter = target.filter;
    call.arguments = std::move(arguments);
    call.timeout = *typed ? std::chrono::seconds(**typed)
                          : std::min<std::chrono::seconds>(window, proto::limits::request_timeout_max);
    call.ttl = *ttl ? std::chrono::seconds(**ttl) : config_.ttl;
    return call;
}

Result<void> Session::identify() {
    if (identity_) return {};
    security::entropy::start();
    auto roots = security::read_certificates(config_.trust);
    if (!roots) return tl::unexpected(roots.error());
    auto trust = security::TrustStore::make(std::move(*roots));
    if (!trust) return fail(trust.error().code, fmt::format("{}: {}", config_.trust.string(), trust.error().detail));
    auto identity = security::read_identity(config_.secret_keys, config_.certificate);
    if (!identity) return tl::unexpected(identity.error());
    if (auto good = check_certificate(*identity, config_, context_.world.now().wall); !good)
        return tl::unexpected(good.error());
    if (!config_.revocations.empty()) {
        if (auto adopted = security::adopt_file(*trust, config_.revocations); !adopted) return tl::unexpected(adopted.error());
    }
    if (!config_.collective_key.empty()) {
        auto keys = security::CollectiveKeys::read(config_.collective_key);
        if (!keys) return tl::unexpected(keys.error());
        keys_ = std::move(*keys);
    }
    trust_ = std::make_unique<security::TrustStore>(std::move(*trust));
    identity_ = std::make_unique<security::Identity>(std::move(*identity));
    return {};
}

Result<Gathered> Session::call(const Target& target, const Call& call, Gather::Watcher watcher) {
    const bool looks_only = call.agent == discovery_agent || call.purpose == proto::Purpose::judge;
    if (looks_only || !(context_.options.has("preview") || context_.options.has("can-i")))
        return target.nodes ? call_nodes(target, call, std::move(watcher)) : call_once(call, std::move(watcher));
    auto question = call;
    question.purpose = proto::Purpose::judge;
    question.wants_reply = true;
    const auto shown = context_.options.has("preview") ? show_preview(context_, *this, target, question)
                                                       : show_rights(context_, *this, target, question);
    if (!shown) return tl::unexpected(shown.error());
    context_.settled = *shown;
    return fail(Errc::cancelled, "nothing was to be done");
}

// One batch after the other.
Result<Gathered> Session::call_nodes(const Target& target, const Call& call, Gather::Watcher watcher) {
    Batches batches(*target.nodes);
    auto part = call;
    for (auto names = batches.next(target.batch); !names.empty(); names = batches.next(target.batch)) {
        const bool alone = names.size() == target.nodes->size();
        if (!alone && !call.wants_reply)
            return fail(Errc::invalid, "batches wait for replies; they cannot be used with --no-results");
        if (!alone && !part.whole) part.whole = security::entropy::fresh<proto::RequestId>();
        part.filter = {};
        part.filter.agents = call.filter.agents;
        part.filter.identities.assign(names.begin(), names.end());
        Gather::Watcher inner{.reply = watcher.reply, .progress = [&](const proto::Ledger& ledger) {
                                  watcher.progress(batches.with(ledger));
                              }};
        auto gathered = call_once(part, std::move(inner));
        if (!gathered && batches.empty()) return gathered;
        if (!gathered) {
            batches.stop(gathered.error().detail);
            break;
        }
        const bool interrupted = gathered->interrupted;
        batches.add(std::move(*gathered), names);
        const bool last = batches.next(target.batch).empty();
        if (interrupted || (!last && !pause(target.batch_pause))) {
            batches.stop("interrupted: the nodes whose turn did not come were not asked");
            break;
        }
    }
    auto whole = batches.take();
    if (part.whole) whole.request = *part.whole;
    return whole;
}

Result<Gathered> Session::call_once(const Call& call, Gather::Watcher watcher) {
    if (auto known = identify(); !known) return tl::unexpected(known.error());
    if (!links_) {
        links_ = context_.world.open_links(*identity_, *trust_);
        entry_.emplace(config_.entries, *links_);
        entry_->start();  // dials while the request is signed
        opener_.emplace(*trust_, std::thread::hardware_concurrency());
    }
    const auto now = context_.world.now();
    const auto sealed = seal(call, *identity_, opener_->reply_key(now.mono), now.wall, keys_.newest());
    if (!sealed) return tl::unexpected(sealed.error());
    auto gathered = Gather(*entry_, *opener_, *sealed, std::move(watcher)).run();
    if (!gathered && gathered.error().code == Errc::unreachable) {
        // Nodes are silent to strangers. They may believe other authorities than we do, so this is a hint and no refusal.
        const auto ours = trust_->verify(identity_->chain, context_.world.now().wall);
        if (!ours)
            gathered.error().detail +=
                fmt::format("\nPerhaps they do not accept {}: {}", config_.certificate.string(), ours.error().detail);
    }
    if (gathered) learn_names(context_.world.environment, config_, call, *gathered);
    // A word nobody knows, as good as certainly: with the nodes' collectives in doubt there would be some expected.
    if (gathered && gathered->ledger.closure == proto::Closure::closed && gathered->ledger.expected == 0)
        context_.err() << fmt::format("mco: no node of this mesh is in the collective '{}'\n",
                                      visible(call.collective));
    return gathered;
}

bool Session::pause(proto::Duration time) {
    if (!entry_) return true;  // nothing was called yet
    const auto until = links_->now().mono + time;
    while (links_->now().mono < until) {
        if (entry_->wait(until).interrupted) return false;
    }
    return true;
}

void Session::remember(const Gathered& gathered, const Account& account) {
    const auto file = last_run_file(context_.world.environment);
    if (!file) return;  // an account of a machine, without a home
    auto run = last_run(gathered, account);
    run.command = context_.line;
    run.when = context_.started.wall;
    if (auto written = write_last_run(*file, run); !written)
        context_.err() << "mco: -I @last will not know this command: " << visible(written.error().detail) << '\n';
}

ExitStatus Session::status(const Account& account, Choice choice) const {
    const auto status = exit_status(account, choice);
    return status == ExitStatus::incomplete && config_.compat_exit ? ExitStatus::ok : status;
}

}  // namespace mco::client
