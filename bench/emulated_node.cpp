#include "bench/emulated_node.hpp"

#include <utility>

#include <fmt/format.h>

#include "node/host_view.hpp"
#include "proto/schema_library.hpp"

namespace mco::bench {
namespace {

using namespace std::chrono_literals;

// An address of its own for each node, as machines have: a port that is busy elsewhere does not matter.
std::string loopback(std::size_t number) {
    return fmt::format("127.{}.{}.{}", 64 + number / 62'500, number / 250 % 250, 1 + number % 250);
}

}  // namespace

proto::Result<std::unique_ptr<EmulatedNode>> EmulatedNode::open(const Plan& plan, const Shared& shared) {
    auto traits = shared.estate.write_traits(plan.name, plan.number, plan.seed, plan.filler);
    if (!traits) return tl::unexpected(traits.error());
    node::Config config;
    config.identity = plan.name;
    config.collectives = {"mcollective"};
    config.main_collective = "mcollective";
    config.libdirs = {proto::default_libdir()};
    config.fact_files = {traits->facts};
    config.classesfile = traits->classes;
    config.group = plan.group;
    config.relay = plan.relay;
    std::unique_ptr<EmulatedNode> node(
        new EmulatedNode(shared.estate.issue(plan.name, proto::CertificateRole::node), shared, std::move(config)));
    for (const auto& line : node->site_.take_news().worse) shared.log.warn(line);
    if (auto opened = node->open_host(plan, shared.venue); !opened) return tl::unexpected(opened.error());
    return node;
}

EmulatedNode::EmulatedNode(security::Identity identity, const Shared& shared, node::Config config)
    : config_(std::move(config)),
      identity_(std::move(identity)),
      trust_(shared.estate.trust()),
      site_({.identity = identity_.name, .started = mesh::io::Host::sample_clocks().wall}, config_, shared.policy,
            shared.agents),
      performer_({.self = identity_,
                  .trust = trust_,
                  .keys = keys_,
                  .site = site_,
                  .log = shared.log,
                  .look_at_mesh = [this](proto::Now now,
                                         const proto::RequestId& request) { return node::view_of(*host_, now, request, config_.group); }},
                 shared.workers) {}

proto::Result<void> EmulatedNode::open_host(const Plan& plan, mesh::io::Venue& venue) {
    mesh::io::Host::Options options;
    const auto address = loopback(plan.number);
    options.link_listen = {fmt::format("tcp://{}:*", address)};
    options.fanout_listen = fmt::format("tcp://{}:*", address);
    options.seeds = plan.seeds;
    options.collectives = config_.collectives;
    options.group = config_.group;
    options.software = fmt::format("mco-bench {}", MCO_VERSION);
    options.relay = config_.relay;
    options.homes = config_.homes;
    // They share the processors, so silence says less than a machine's would.
    const auto in_turn = std::chrono::milliseconds(plan.neighbours);
    options.timing.ack_patience += in_turn;
    options.timing.resend_patience += in_turn;
    auto host = mesh::io::Host::open(
        std::move(options), identity_, trust_,
        {.perform = [this](proto::Now now, const proto::RequestId& request,
                           proto::Bytes sealed) { performer_.perform(now, request, sealed); },
         .withdraw = [this](proto::Now now, const proto::RequestId& request) { performer_.withdraw(now, request); },
         .notice = {},
         .revocations = [](proto::Now) {},
         .log = {}},
        &venue);
    if (!host) return tl::unexpected(host.error());
    host_ = std::move(*host);
    host_->watch(performer_.descriptor(), [this](proto::Now now) { performer_.collect(now); });
    return {};
}

// As a daemon's loop does it; an engine is not to be called from within its effects, so answers wait for the end of the turn.
bool EmulatedNode::turn() {
    bool busy = host_->turn(0ms);
    performer_.elapse(mesh::io::Host::sample_clocks());
    for (auto& answer : performer_.take_answers()) {
        host_->performed(mesh::io::Host::sample_clocks(), answer.request, answer.outcome, std::move(answer.sealed));
        busy = true;
    }
    return busy;
}

std::optional<proto::Instant> EmulatedNode::next_deadline() const {
    const auto of_host = host_->next_deadline(), of_performer = performer_.next_deadline();
    if (!of_host || !of_performer) return of_host ? of_host : of_performer;
    return std::min(*of_host, *of_performer);
}

mesh::Address EmulatedNode::address() const {
    return {host_->link_endpoints().front(), identity_.keys.curve.public_key};
}

}  // namespace mco::bench
