// A relay in hostile hands: valid keys of a proxy, our own code below, and no good intention. Callers come to it as to any other entry;
// it passes their requests on to the nodes that it was told of, and the answers back, with one trick. What it tells callers
// about the account is always the best of news.
//
//     hostile_proxy KEYS CERTIFICATE TRUST TRICK NODE...       NODE is ENDPOINT=KEY
//
// Descriptor 3 is told the endpoint that it listens on, once all nodes are linked.

#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "mesh/core/rng.hpp"
#include "mesh/io/dial_link.hpp"
#include "mesh/io/link_server.hpp"
#include "mesh/io/venue.hpp"
#include "mesh/io/zap.hpp"
#include "proto/codec.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"
#include "security/key_file.hpp"
#include "tests/hostile/tricks.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;
using mesh::io::DialLink;
using mesh::io::LinkServer;

constexpr auto patience = 2s;  // for nodes that were sent nothing they could answer

template <typename T>
T needed(proto::Result<T> result) {
    if (result) return std::move(*result);
    fmt::print(stderr, "hostile_proxy: {}\n", result.error().detail);
    std::exit(1);
}

class HostileProxy {
 public:
    HostileProxy(security::Identity self, std::vector<proto::Certificate> roots, Trick trick)
        : self_(std::move(self)),
          trust_(needed(security::TrustStore::make(std::move(roots)))),
          trick_(trick),
          venue_(needed(mesh::io::Venue::open({}))),
          place_(venue_->desk(), gate_),
          rng_(security::entropy::number()),
          server_(needed(LinkServer::open(venue_->context(), self_, trust_, gate_, place_.domain(security::LinkGate::Plane::link), counters_,
                                          {.links_max = 64, .greetings_max = 64}))) {
        endpoint_ = needed(server_.listen(needed(mesh::io::Endpoint::parse("tcp://127.0.0.1:*")), rng_)).text();
        const proto::PeerRecordBody body{
            .peer = self_.peer,
            .name = self_.name,
            .incarnation = static_cast<std::uint64_t>(mesh::io::sample_clocks().wall.time_since_epoch().count()),
            .sequence = 1,
            .group = "default",
            .link_endpoint = endpoint_,
            .curve_key = self_.keys.curve.public_key,
            .collectives = {"mcollective"},
            .software = "mco-proxy 0.1.0",
            .performs = false};
        record_ = security::seal_record(self_.keys.sign.secret, self_.chain, body);
        server_.introduce(record_);
        place_.employ({.full = [] { return false; }, .greeting = [this](const auto& key) { return server_.greeting(key); }});
    }

    void dial(const std::string& endpoint, const proto::CurvePublicKey& key) {
        nodes_.push_back(std::make_unique<DialLink>(venue_->context(), endpoint, key, self_, trust_, record_, DialLink::Retry{}, rng_.next()));
    }
    const std::string& endpoint() const { return endpoint_; }
    bool linked() const {
        return std::all_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->up(); });
    }
    void turn();

 private:
    struct Account {
        proto::Request request;
        mesh::LinkId caller = 0;
        proto::Instant closes{};
        std::set<std::size_t> owing;
        std::vector<proto::Answer> answers;
        std::uint32_t not_matched = 0;
    };
    bool keeps_away(std::size_t node) const {
        const bool last = node + 1 == nodes_.size();
        return last && (trick_ == Trick::drop_request || trick_ == Trick::hide_node || trick_ == Trick::deny_match);
    }
    void hear_caller(proto::Now now, mesh::LinkId from, proto::Request request);
    void hear_node(std::size_t node, const proto::Up& up);
    void close(Account& account);
    void tell(mesh::LinkId caller, const proto::Message& message) { (void)server_.send(caller, proto::encode(message)); }
    void say(std::size_t node, const proto::Message& message) { nodes_[node]->send(proto::encode(message)); }

    security::Identity self_;
    security::TrustStore trust_;
    Trick trick_;
    std::unique_ptr<mesh::io::Venue> venue_;
    security::LinkGate gate_;
    mesh::io::ZapPlace place_;
    mesh::Rng rng_;
    mesh::io::Host::Counters counters_;
    LinkServer server_;
    std::string endpoint_;
    proto::Bytes record_;
    std::vector<std::unique_ptr<DialLink>> nodes_;
    mesh::LinkId next_link_ = 1;
    std::map<proto::RequestId, Account> accounts_;
    std::vector<proto::Bytes> asked_before_;
    std::vector<proto::Answer> answered_before_;
};

void HostileProxy::turn() {
    std::vector<void*> handles;
    server_.append_handles(handles);
    for (const auto& node : nodes_) node->append_handles(handles);
    std::vector<zmq_pollitem_t> items{{nullptr, venue_->descriptor(), ZMQ_POLLIN, 0}};
    for (void* handle : handles) items.push_back({handle, 0, ZMQ_POLLIN, 0});
    zmq_poll(items.data(), static_cast<int>(items.size()), 50);
    const auto now = mesh::io::sample_clocks();
    venue_->service(now);
    std::vector<LinkServer::Event> callers;
    server_.service(now, 1'000, next_link_, callers);
    for (const auto& event : callers) {
        const auto message = event.kind == LinkServer::Event::Kind::frame ? proto::decode(event.frame) : proto::fail(proto::Errc::malformed, "");
        if (!message) continue;
        if (const auto* ping = std::get_if<proto::Ping>(&*message)) tell(event.link, proto::Pong{ping->token});
        if (const auto* request = std::get_if<proto::Request>(&*message)) hear_caller(now, event.link, *request);
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        std::vector<DialLink::Event> events;
        nodes_[i]->service(now, 1'000, events);
        for (const auto& event : events) {
            const auto message = event.kind == DialLink::Event::Kind::frame ? proto::decode(event.frame) : proto::fail(proto::Errc::malformed, "");
            if (!message) continue;
            if (const auto* ping = std::get_if<proto::Ping>(&*message)) say(i, proto::Pong{ping->token});
            if (const auto* up = std::get_if<proto::Up>(&*message)) hear_node(i, *up);
        }
    }
    for (auto at = accounts_.begin(); at != accounts_.end();) {
        const bool over = at->second.owing.empty() || now.mono >= at->second.closes;
        if (over) close(at->second);
        at = over ? accounts_.erase(at) : std::next(at);
    }
}

void HostileProxy::hear_caller(proto::Now now, mesh::LinkId from, proto::Request request) {
    const auto sealed = proto::unpack<proto::SealedRequest>(request.sealed);
    const auto route = sealed ? proto::unpack<proto::Route>(sealed->route) : proto::fail(proto::Errc::malformed, "");
    if (!route) return;
    Account account{.request = request, .caller = from, .closes = now.mono + patience, .owing = {}, .answers = {}};
    std::uint8_t attempt = 0;
    for (const auto& octets : requests_for(trick_, request.sealed, asked_before_, self_)) {
        attempt = static_cast<std::uint8_t>(attempt % 250 + 1);
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (keeps_away(i)) continue;
            account.owing.insert(i);
            say(i, proto::Request{.scope = proto::Scope::deliver, .attempt = attempt, .accountant = self_.peer, .left_ms = request.left_ms, .sealed = octets});
        }
    }
    tell(from, proto::Ack{route->request, request.attempt, static_cast<std::uint32_t>(nodes_.size())});
    asked_before_.push_back(request.sealed);
    accounts_.insert_or_assign(route->request, std::move(account));
}

void HostileProxy::hear_node(std::size_t node, const proto::Up& up) {
    const auto found = accounts_.find(up.request);
    if (found == accounts_.end() || !found->second.owing.contains(node)) return;
    auto& account = found->second;
    account.answers.insert(account.answers.end(), up.answers.begin(), up.answers.end());
    if (up.ledger.closure != proto::Closure::closed) return;
    account.not_matched += up.ledger.count(proto::Outcome::not_matched);
    account.owing.erase(node);
}

void HostileProxy::close(Account& account) {
    const auto sealed = *proto::unpack<proto::SealedRequest>(account.request.sealed);
    proto::Up up{.request = proto::unpack<proto::Route>(sealed.route)->request, .attempt = account.request.attempt, .sequence = 1};
    const auto honest = account.answers;
    up.answers = answers_for(trick_, account.request.sealed, std::move(account.answers), answered_before_, self_);
    answered_before_ = honest;
    const auto kept_away = trick_ == Trick::hide_node || trick_ == Trick::deny_match ? 1U : 0U;
    up.ledger.expected = static_cast<std::uint32_t>(nodes_.size()) - (trick_ == Trick::hide_node ? 1U : 0U);
    const auto not_matched = account.not_matched + (trick_ == Trick::deny_match ? 1U : 0U);
    up.ledger.counts[static_cast<std::size_t>(proto::Outcome::not_matched)] = not_matched;
    up.ledger.counts[static_cast<std::size_t>(proto::Outcome::ok)] =
        static_cast<std::uint32_t>(nodes_.size()) - kept_away - account.not_matched;
    up.ledger.closure = proto::Closure::closed;
    tell(account.caller, up);
}

int run(const std::vector<std::string>& words) {
    if (words.size() < 5) {
        fmt::print(stderr, "usage: hostile_proxy KEYS CERTIFICATE TRUST TRICK ENDPOINT=KEY...\n");
        return 1;
    }
    security::entropy::start();
    const auto trick = trick_of(words[3]);
    if (!trick) {
        fmt::print(stderr, "hostile_proxy: {} is no trick\n", words[3]);
        return 1;
    }
    HostileProxy proxy(needed(security::read_identity(words[0], words[1])), needed(security::read_certificates(words[2])), *trick);
    for (std::size_t i = 4; i < words.size(); ++i) {
        const auto at = words[i].find('=');
        const auto key = at == std::string::npos ? std::nullopt : proto::CurvePublicKey::from_hex(words[i].substr(at + 1));
        if (!key) {
            fmt::print(stderr, "hostile_proxy: {} is not ENDPOINT=KEY\n", words[i]);
            return 1;
        }
        proxy.dial(words[i].substr(0, at), *key);
    }
    for (bool told = false;;) {
        proxy.turn();
        if (told || !proxy.linked()) continue;
        const auto line = proxy.endpoint() + "\n";
        told = ::write(3, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    }
}

}  // namespace
}  // namespace mco::test

int main(int count, char** words) { return mco::test::run({words + 1, words + count}); }
