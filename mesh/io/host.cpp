#include "mesh/io/host.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <utility>

#include <fmt/format.h>

#include "mesh/io/host_impl.hpp"
#include "mesh/io/memory.hpp"
#include "mesh/io/poll_timeout.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"

namespace mco::mesh::io {

namespace {

using proto::Errc;
using namespace std::chrono_literals;

constexpr auto farewell_max = 200ms;

// At the limit libzmq's accept loop spins, so a fifth of the descriptors stays free.
std::size_t links_max() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return proto::limits::links_max;
    return std::min<std::size_t>(proto::limits::links_max, static_cast<std::size_t>(limit.rlim_cur) / 5 * 4);
}

std::string host_name() {
    char name[HOST_NAME_MAX + 1] = {};
    return ::gethostname(name, HOST_NAME_MAX) == 0 ? std::string(name) : std::string("localhost");
}

}  // namespace

Host::Impl::Impl(Options options_, const security::Identity& self_, security::TrustStore& trust_, Owner owner_)
    : options(std::move(options_)),
      self(self_),
      trust(trust_),
      owner(std::move(owner_)),
      rng(security::entropy::number()) {}

Host::Impl::~Impl() {
    if (!leaving) return;
    // The words of farewell are in libzmq's queues; they get a moment to reach the network.
    if (server) server->linger(farewell_max);
    for (auto& [where, link] : dialled) link.socket->linger(farewell_max);
}

proto::Result<void> Host::Impl::open(Venue* shared) {
    auto waits = Poller::open();
    if (!waits) return tl::unexpected(waits.error());
    poller = std::move(*waits);
    venue = shared;
    if (venue == nullptr) {
        auto opened = Venue::open({.io_threads = options.io_threads});
        if (!opened) return tl::unexpected(opened.error());
        own_venue = std::move(*opened);
        venue = own_venue.get();
        desk_source.emplace(*poller).add(venue->descriptor());
    }
    place.emplace(venue->desk(), gate);
    if (const auto bound_links = bind_links(); !bound_links) return bound_links;

    proto::PeerRecordBody body;
    body.peer = self.peer;
    body.name = self.name;
    body.incarnation = static_cast<std::uint64_t>(sample_clocks().wall.time_since_epoch().count());
    body.group = options.group;
    body.curve_key = self.keys.curve.public_key;
    body.collectives = options.collectives;
    body.software = options.software;
    body.relay = options.relay;
    body.performs = options.performs;
    if (const auto* reached = first_tcp()) {
        body.link_endpoint = advertised(*reached);
        if (const auto bound_fanout = bind_fanout(); !bound_fanout) return bound_fanout;
        body.fanout_endpoint = fanout_endpoint;
    } else if (options.relay == proto::RelayWish::always) {
        return proto::fail(Errc::invalid,
                           "a relay must be reachable by others\nConfigure listen = tcp://HOST:PORT, or no relay.");
    }
    record = security::seal_record(self.keys.sign.secret, self.chain, body);
    if (record.size() > proto::limits::record_size_max)
        return proto::fail(Errc::invalid, fmt::format("our record has {} octets; at most {}\nName fewer collectives.",
                                                      record.size(), proto::limits::record_size_max));
    // What others will check is checked here first, so that a mistake is told where it can be mended.
    if (const auto valid = security::open_record(trust, record, sample_clocks().wall); !valid)
        return tl::unexpected(valid.error());
    server->introduce(record);

    Engine::Memory memory;
    if (!options.memory.empty()) {
        auto unpacked = unpack_memory(trust, std::exchange(options.memory, {}), sample_clocks().wall);
        if (unpacked) memory = std::move(*unpacked);
        if (!unpacked) log(fmt::format("what this node remembered of the mesh is not used: {}", unpacked.error().detail));
    }
    std::erase_if(options.seeds, [&](const Address& seed) { return seed.key == self.keys.curve.public_key; });
    engine.emplace(Engine::Self{.record = std::make_shared<const Record>(Record{std::move(body), record}),
                                .seeds = options.seeds,
                                .homes = options.homes,
                                .confined = options.confined,
                                .known = {},
                                .memory = std::move(memory)},
                   options.timing, rng);
    place->employ({.full = [this] { return server->full(); },
                  .greeting =
                      [this](const proto::CurvePublicKey& key) {
                          if (server->greeting(key)) return true;
                          return std::any_of(dialled.begin(), dialled.end(),
                                             [&](const auto& one) { return one.first.key == key; });
                      }});
    engine->start(sample_clocks());
    return {};
}

proto::Result<void> Host::Impl::bind_links() {
    auto opened = LinkServer::open(venue->context(), self, trust, gate, place->domain(security::LinkGate::Plane::link), counters,
                                   {.links_max = links_max(), .greetings_max = proto::limits::unverified_links_max});
    if (!opened) return tl::unexpected(opened.error());
    server.emplace(std::move(*opened));
    poll_for(server_source.emplace(*poller), *server);
    for (const auto& text : options.link_listen) {
        const auto wanted = Endpoint::parse(text);
        if (!wanted) return tl::unexpected(wanted.error());
        auto heard = server->listen(*wanted, rng);
        if (!heard) return tl::unexpected(heard.error());
        bound.push_back(std::move(*heard));
    }
    return {};
}

proto::Result<void> Host::Impl::bind_fanout() {
    if (options.fanout_listen.empty()) return {};
    const auto wanted = Endpoint::parse(options.fanout_listen);
    if (!wanted) return tl::unexpected(wanted.error());
    auto opened = Fanout::open(venue->context(), self.keys.curve,
                               place->domain(security::LinkGate::Plane::fanout), counters);
    if (!opened) return tl::unexpected(opened.error());
    fanout.emplace(std::move(*opened));
    fanout_source.emplace(*poller).add(fanout->handle());
    const auto heard = fanout->listen(*wanted, rng);
    if (!heard) return tl::unexpected(heard.error());
    if (const auto proved = fanout->prove_strangers_are_refused(venue->context(), venue->desk(), *place, *heard,
                                                                 self.keys.curve.public_key);
        !proved)
        return proved;
    fanout_endpoint = advertised(*heard);
    return {};
}

const Endpoint* Host::Impl::first_tcp() const {
    const auto found =
        std::find_if(bound.begin(), bound.end(), [](const Endpoint& one) { return one.kind == Endpoint::Kind::tcp; });
    return found == bound.end() ? nullptr : &*found;
}

std::string Host::Impl::advertised(const Endpoint& heard) const {
    Endpoint told = heard;
    if (!options.advertise_host.empty()) {
        told.host = options.advertise_host;
    } else if (told.every_address()) {
        told.host = host_name();
        log(fmt::format("others are told to reach us at {}, the name of this machine; set advertise to tell another",
                        told.text()));
    }
    return told.text();
}

std::optional<proto::Instant> Host::Impl::next_deadline() const {
    std::optional<proto::Instant> next = engine->next_deadline();
    const auto sooner = [&](const std::optional<proto::Instant>& other) {
        if (other && (!next || *other < *next)) next = other;
    };
    if (own_venue) sooner(venue->next_deadline());
    sooner(server->next_deadline());
    for (const auto& [where, link] : dialled) sooner(link.socket->next_deadline());
    for (const auto& [where, followed] : followers) sooner(followed.socket.next_deadline());
    return next;
}

bool Host::Impl::turn(std::chrono::milliseconds longest) {
    apply_effects();  // of what the owner told us since the last turn
    const auto before = sample_clocks();
    poller->wait(poll_timeout(before.mono, drained() ? next_deadline() : before.mono, longest));
    const auto now = sample_clocks();
    const auto due = [&](Poller::Source& source, const std::optional<proto::Instant>& deadline) {
        return std::exchange(source.ready, false) || (deadline && *deadline <= now.mono);
    };

    if (desk_source && due(*desk_source, venue->next_deadline())) venue->service(now);
    if (due(*server_source, server->next_deadline())) serve_links(now);
    for (auto& [where, link] : dialled) {
        if (due(link.source, link.socket->next_deadline())) serve_dialled(now, link);
    }
    // After the links: a subscription counts only if the link of its key is known.
    if (fanout && due(*fanout_source, std::nullopt)) serve_fanout(now);
    for (auto& [where, followed] : followers) {
        if (due(followed.source, followed.socket.next_deadline())) serve_follower(now, where, followed);
    }
    venue->desk().settle(now);
    for (auto& one : watched) {
        if (due(one.source, std::nullopt)) one.ready(now);
    }
    engine->elapse(now);
    apply_effects();
    return !drained();
}

// Whatever was used since the last question may have more than its descriptor will tell of.
bool Host::Impl::drained() {
    bool all = true;
    const auto ask = [&](Poller::Source& source, auto& socket) {
        source.ready = source.ready || !socket.drained();
        all = all && !source.ready;
    };
    if (desk_source) ask(*desk_source, venue->desk());
    ask(*server_source, *server);
    if (fanout) ask(*fanout_source, *fanout);
    for (auto& [where, link] : dialled) ask(link.source, *link.socket);
    for (auto& [where, followed] : followers) ask(followed.source, followed.socket);
    return all;
}

// A stranger can cause these at will, so there is one line a second at most.
void Host::Impl::log_refused(proto::Now now, const std::string& why) {
    if (refusal_logged != proto::Instant::min() && now.mono - refusal_logged < 1s) {
        ++refusals_unsaid;
        return;
    }
    log(refusals_unsaid == 0 ? fmt::format("refused a connection: {}", why)
                             : fmt::format("refused a connection: {} (and {} others since)", why, refusals_unsaid));
    refusal_logged = now.mono;
    refusals_unsaid = 0;
}

Host::Host(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Host::~Host() = default;

proto::Result<std::unique_ptr<Host>> Host::open(Options options, const security::Identity& self,
                                                security::TrustStore& trust, Owner owner, Venue* venue) {
    auto impl = std::make_unique<Impl>(std::move(options), self, trust, std::move(owner));
    if (const auto opened = impl->open(venue); !opened) return tl::unexpected(opened.error());
    return std::unique_ptr<Host>(new Host(std::move(impl)));
}

bool Host::turn(std::chrono::milliseconds longest) { return impl_->turn(longest); }

std::optional<proto::Instant> Host::next_deadline() const { return impl_->next_deadline(); }

int Host::descriptor() const { return impl_->poller->descriptor(); }

std::size_t Host::connections() const {
    std::size_t count = 0;
    for (const auto& [where, link] : impl_->dialled) count += link.socket->connections();
    for (const auto& [where, followed] : impl_->followers) count += followed.socket.established() ? 1 : 0;
    return count;
}

void Host::watch(int descriptor, std::function<void(proto::Now)> ready) {
    auto& one = impl_->watched.emplace_back(*impl_->poller, std::move(ready));
    one.source.ready = false;
    one.source.add(descriptor);
}

void Host::performed(proto::Now now, const proto::RequestId& request, proto::Outcome outcome,
                     proto::Bytes sealed_reply) {
    impl_->engine->performed(now, request, outcome, std::move(sealed_reply));
}

void Host::revocations_changed(proto::Now now) { impl_->obey_revocations(now, 0); }

void Host::leave(std::string reason) {
    impl_->leaving = true;
    impl_->engine->leave(sample_clocks(), std::move(reason));
}

bool Host::ready() const { return impl_->engine->joined(); }

std::vector<std::string> Host::link_endpoints() const {
    std::vector<std::string> texts;
    for (const auto& one : impl_->bound) texts.push_back(one.text());
    return texts;
}

std::string Host::fanout_endpoint() const { return impl_->fanout_endpoint; }

proto::Bytes Host::memory() const {
    const auto now = sample_clocks();
    return pack_memory(impl_->engine->memory(now), now.wall);
}

const Engine& Host::engine() const { return *impl_->engine; }

const Host::Counters& Host::counters() const {
    impl_->counters.refused_zap = impl_->place->refused();
    return impl_->counters;
}

proto::Now Host::sample_clocks() { return io::sample_clocks(); }

}  // namespace mco::mesh::io
