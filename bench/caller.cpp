#include "bench/caller.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/config_file.hpp"
#include "proto/limits.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"
#include "security/key_file.hpp"
#include "security/revocation.hpp"

namespace mco::bench {
namespace {

using proto::Errc;
using proto::fail;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t frames_a_turn = 256;
constexpr std::size_t redirects_max = 4;
constexpr auto beyond_entry = 2s;  // as the client: its own deadline lies behind the entry's

}  // namespace

void CallerRequest::lengthen(std::size_t octets) {
    constexpr std::size_t name_octets = 60;
    filter.identities.emplace_back("/./");
    for (std::size_t added = 0; added < octets; added += name_octets + 2) filter.identities.emplace_back(name_octets, '-');
}

proto::Result<CallerFiles> CallerFiles::read(const std::filesystem::path& config) {
    const auto settings = proto::read_config(config);
    if (!settings) return tl::unexpected(settings.error());
    CallerFiles files;
    for (const auto& [key, value, file, line] : *settings) {
        if (key == "certificate") files.certificate = value;
        if (key == "secret_keys") files.secret_keys = value;
        if (key == "trust") files.trust = value;
        if (key == "collective_key") files.collective_key = value;
        if (key == "revocations") files.revocations = value;
        if (key != "entry") continue;
        const auto blank = value.find_last_of(" \t");
        const auto public_key = blank == std::string::npos ? std::nullopt
                                                           : proto::CurvePublicKey::from_hex(value.substr(blank + 1));
        if (!public_key) return fail(Errc::invalid, fmt::format("{}:{}: entry is not ENDPOINT KEY", file.string(), line));
        files.entries.push_back({value.substr(0, value.find_first_of(" \t")), *public_key});
    }
    if (files.entries.empty() || files.certificate.empty() || files.secret_keys.empty() || files.trust.empty())
        return fail(Errc::invalid, fmt::format("{} is no client configuration: it needs entry, certificate, secret_keys and trust",
                                               config.string()));
    return files;
}

proto::Result<std::unique_ptr<Caller>> Caller::open(const CallerFiles& files) {
    std::unique_ptr<Caller> caller(new Caller);
    auto identity = security::read_identity(files.secret_keys, files.certificate);
    if (!identity) return tl::unexpected(identity.error());
    caller->self_ = std::move(*identity);
    auto roots = security::read_certificates(files.trust);
    if (!roots) return tl::unexpected(roots.error());
    auto trust = security::TrustStore::make(std::move(*roots));
    if (!trust) return tl::unexpected(trust.error());
    caller->trust_.emplace(std::move(*trust));
    if (!files.revocations.empty()) {
        if (auto adopted = security::adopt_file(*caller->trust_, files.revocations); !adopted)
            return tl::unexpected(adopted.error());
    }
    if (!files.collective_key.empty()) {
        auto keys = security::CollectiveKeys::read(files.collective_key);
        if (!keys) return tl::unexpected(keys.error());
        caller->keys_ = std::move(*keys);
    }
    caller->entries_ = files.entries;
    return caller;
}

proto::Result<void> Caller::attach(std::chrono::milliseconds patience) {
    proto::Result<void> last;
    for (const auto& entry : entries_) {
        last = dial(entry, patience);
        if (last) return {};
    }
    return last;
}

proto::Result<void> Caller::dial(const mesh::Address& entry, std::chrono::milliseconds patience) {
    const auto begin = Clock::now();
    link_.reset();
    link_ = std::make_unique<mesh::io::DialLink>(context_, entry.endpoint, entry.key, self_, *trust_, proto::Bytes(),
                                                 mesh::io::DialLink::Retry{.keep_trying = false},
                                                 security::entropy::number());
    while (!link_->up()) {
        if (Clock::now() - begin > patience)
            return fail(Errc::unreachable, fmt::format("{} did not answer in time", entry.endpoint));
        std::vector<mesh::io::DialLink::Event> events;
        link_->service(mesh::io::sample_clocks(), frames_a_turn, events);
        for (const auto& event : events) {
            if (event.kind == mesh::io::DialLink::Event::Kind::gone) return tl::unexpected(event.why);
        }
        if (link_->up()) break;
        mesh::io::DialLink* const links[] = {link_.get()};
        mesh::io::wait(links, {}, 100ms);
    }
    attached_in_ = Clock::now() - begin;
    entry_ = link_->peer().name;
    return {};
}

proto::Result<void> Caller::start(const CallerRequest& request, Clock::time_point intended) {
    const auto begin = Clock::now();
    const auto now = mesh::io::sample_clocks();
    Open open;
    open.intended = intended;
    open.timeout = request.timeout;
    proto::Route route;
    route.collective = request.collective;
    route.request = security::entropy::fresh<proto::RequestId>();
    route.created = now.wall;
    route.ttl_ms = 60'000;
    route.timeout_ms = static_cast<std::uint32_t>(request.timeout.count());
    route.reply_key = reply_pair_.public_key;
    route.caller = self_.chain;
    proto::RequestBody body;
    body.agent = request.agent;
    body.action = request.action;
    body.filter = request.filter;
    body.arguments = request.arguments;
    auto sealed = security::seal_request(self_.keys.sign.secret, route, body, keys_.newest());
    if (!sealed) return tl::unexpected(sealed.error());
    open.sealed = std::move(*sealed);
    open.digest = security::digest(open.sealed);
    open.round.request_octets = open.sealed.size();
    open.round.sign = Clock::now() - begin;
    auto& kept = open_.emplace(route.request, std::move(open)).first->second;
    inject(kept);
    kept.round.sent = Clock::now() - intended;
    return {};
}

void Caller::inject(Open& open) {
    proto::Request frame;
    frame.scope = proto::Scope::inject;
    frame.attempt = open.attempt;
    frame.left_ms = static_cast<std::uint32_t>(open.timeout.count());
    frame.sealed = open.sealed;
    link_->send(proto::encode(frame));
}

proto::Result<void> Caller::wait(std::chrono::milliseconds longest, int descriptor) {
    mesh::io::DialLink* const links[] = {link_.get()};
    const auto now = mesh::io::wait(links, std::span(&descriptor, 1), longest);
    std::vector<mesh::io::DialLink::Event> events;
    link_->service(now, frames_a_turn, events);
    for (const auto& event : events) {
        switch (event.kind) {
            case mesh::io::DialLink::Event::Kind::up:
                break;
            case mesh::io::DialLink::Event::Kind::down:
            case mesh::io::DialLink::Event::Kind::gone:
                return tl::unexpected(event.why);
            case mesh::io::DialLink::Event::Kind::frame: {
                const auto message = proto::decode(event.frame);
                if (!message) return tl::unexpected(message.error());
                if (auto heard = hear(*message); !heard) return heard;
                break;
            }
        }
    }
    for (auto at = open_.begin(); at != open_.end();) {
        const bool late = Clock::now() - at->second.intended > at->second.timeout + beyond_entry;
        if (late) done_.push_back(std::move(at->second.round));
        at = late ? open_.erase(at) : std::next(at);
    }
    return {};
}

proto::Result<void> Caller::hear(const proto::Message& message) {
    if (const auto* up = std::get_if<proto::Up>(&message)) {
        hear_up(*up);
    } else if (const auto* ack = std::get_if<proto::Ack>(&message)) {
        const auto found = open_.find(ack->request);
        if (found != open_.end() && !found->second.round.acknowledged)
            found->second.round.acknowledged = Clock::now() - found->second.intended;
    } else if (const auto* ping = std::get_if<proto::Ping>(&message)) {
        link_->send(proto::encode(proto::Pong{.token = ping->token}));
    } else if (const auto* refused = std::get_if<proto::Refused>(&message)) {
        return fail(refused->code, fmt::format("{} refused the request: {}", entry_, refused->reason));
    } else if (const auto* redirect = std::get_if<proto::Redirect>(&message)) {
        return hear_redirect(*redirect);
    }
    return {};
}

proto::Result<void> Caller::hear_redirect(const proto::Redirect& redirect) {
    if (!open_.contains(redirect.request)) return {};
    if (++redirects_ > redirects_max) return fail(Errc::unreachable, "no entry takes requests: each names others");
    for (const auto& record : redirect.records) {
        const auto body = security::open_record(*trust_, record, mesh::io::sample_clocks().wall);
        if (!body || !body->link_endpoint.starts_with("tcp://")) continue;
        if (!dial({body->link_endpoint, body->curve_key}, 5s)) continue;
        for (auto& [id, open] : open_) {
            ++open.attempt;
            inject(open);
        }
        return {};
    }
    return fail(Errc::unreachable, fmt::format("{} takes no requests, and none of the relays it names answers", entry_));
}

void Caller::hear_up(const proto::Up& up) {
    const auto found = open_.find(up.request);
    if (found == open_.end() || up.attempt != found->second.attempt) return;
    auto& open = found->second;
    for (const auto& answer : up.answers) {
        if (answer.sealed.empty()) continue;
        open.round.reply_octets += answer.sealed.size();
        open.taken += answer.sealed.size();
        const auto begin = Clock::now();
        const auto opened = security::open_reply(*trust_, reply_keys_, up.request, open.digest, answer.sealed,
                                                 mesh::io::sample_clocks().wall);
        const auto end = Clock::now();
        open.round.opening += end - begin;
        if (opened && opened->node.peer == answer.node) {
            open.round.replies.push_back(end - open.intended);
        } else {
            ++open.round.unreadable;
        }
    }
    if (open.taken >= proto::limits::credit_step) {
        link_->send(proto::encode(
            proto::Credit{.request = up.request, .octets = static_cast<std::uint32_t>(std::exchange(open.taken, 0))}));
    }
    open.round.ledger = up.ledger;
    if (up.ledger.closure != proto::Closure::closed) return;
    open.round.closed = true;
    open.round.last = Clock::now() - open.intended;
    done_.push_back(std::move(open.round));
    open_.erase(found);
}

std::vector<Round> Caller::abandon() {
    std::vector<Round> rounds;
    for (auto& [id, open] : open_) rounds.push_back(std::move(open.round));
    open_.clear();
    return rounds;
}

}  // namespace mco::bench
