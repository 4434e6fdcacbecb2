#include "mesh/io/host.hpp"

#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

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

struct Host::Impl::Polled {
    std::vector<zmq_pollitem_t> items;
    std::vector<void*> handles;

    void add(void* handle) { items.push_back({handle, 0, ZMQ_POLLIN, 0}); }
    void add(int descriptor) { items.push_back({nullptr, descriptor, ZMQ_POLLIN, 0}); }
    bool ready(std::size_t from, std::size_t to) const {
        return std::any_of(items.begin() + static_cast<std::ptrdiff_t>(from),
                           items.begin() + static_cast<std::ptrdiff_t>(to),
                           [](const zmq_pollitem_t& item) { return item.revents != 0; });
    }
};

Host::Impl::Impl(Options options_, const security::Identity& self_, security::TrustStore& trust_, Owner owner_)
    : options(std::move(options_)),
      self(self_),
      trust(trust_),
      owner(std::move(owner_)),
      rng(security::entropy::number()),
      polled(std::make_unique<Polled>()) {}

Host::Impl::~Impl() {
    if (!leaving) return;
    // The words of farewell are in libzmq's queues; they get a moment to reach the network.
    if (server) server->linger(farewell_max);
    for (auto& [where, link] : dialled) link.socket->linger(farewell_max);
}

proto::Result<void> Host::Impl::open(Venue* shared) {
    venue = shared;
    if (venue == nullptr) {
        auto opened = Venue::open({.io_threads = options.io_threads});
        if (!opened) return tl::unexpected(opened.error());
        own_venue = std::move(*opened);
        venue = own_venue.get();
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
    for (const auto& [where, follower] : followers) sooner(follower.next_deadline());
    return next;
}

bool Host::Impl::turn(std::chrono::milliseconds longest) {
    bool busy = apply_effects();  // of what the owner told us since the last turn

    // Who is polled where: nothing in this list changes before the effects are applied at the end.
    auto& items = polled->items;
    items.clear();
    const auto add_all = [&](const auto& source) {
        polled->handles.clear();
        source.append_handles(polled->handles);
        for (void* handle : polled->handles) polled->add(handle);
    };
    polled->add(venue->handle());
    const std::size_t server_from = items.size();
    add_all(*server);
    const std::size_t fanout_from = items.size();
    if (fanout) polled->add(fanout->handle());
    const std::size_t dialled_from = items.size();
    std::vector<std::size_t> ends;
    for (const auto& [where, link] : dialled) {
        for (void* handle : link.socket->pollable()) polled->add(handle);
        ends.push_back(items.size());
    }
    for (const auto& [where, follower] : followers) {
        add_all(follower);
        ends.push_back(items.size());
    }
    const std::size_t watched_from = items.size();
    for (const auto& one : watched) polled->add(one.descriptor);

    // An interrupted wait is a turn that found nothing.
    const auto before = sample_clocks();
    if (zmq_poll(items.data(), static_cast<int>(items.size()), poll_timeout(before.mono, next_deadline(), longest)) <
        0) {
        for (auto& item : items) item.revents = 0;
    }
    const auto now = sample_clocks();
    const auto due = [&](const std::optional<proto::Instant>& deadline) { return deadline && *deadline <= now.mono; };

    busy = busy || polled->ready(0, items.size());
    if (polled->ready(0, server_from)) venue->service(now);
    if (polled->ready(server_from, fanout_from) || due(server->next_deadline())) serve_links(now);
    std::size_t from = dialled_from;
    auto end = ends.begin();
    for (auto& [where, link] : dialled) {
        if (polled->ready(from, *end) || due(link.socket->next_deadline())) serve_dialled(now, link);
        from = *end++;
    }
    // After the links: a subscription counts only if the link of its key is known.
    if (polled->ready(fanout_from, dialled_from)) serve_fanout(now);
    for (auto& [where, follower] : followers) {
        if (polled->ready(from, *end) || due(follower.next_deadline())) serve_follower(now, where, follower);
        from = *end++;
    }
    venue->desk().settle(now);
    for (std::size_t i = 0; i < watched.size(); ++i) {
        if (watched_from + i < items.size() && items[watched_from + i].revents != 0) watched[i].ready(now);
    }
    engine->elapse(now);
    return apply_effects() || busy;
}

void Host::Impl::append_handles(std::vector<void*>& into) const {
    server->append_handles(into);
    if (fanout) into.push_back(fanout->handle());
    for (const auto& [where, link] : dialled) {
        for (void* handle : link.socket->pollable()) into.push_back(handle);
    }
    for (const auto& [where, follower] : followers) follower.append_handles(into);
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

void Host::append_handles(std::vector<void*>& into) const { impl_->append_handles(into); }

void Host::watch(int descriptor, std::function<void(proto::Now)> ready) {
    impl_->watched.push_back({descriptor, std::move(ready)});
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
