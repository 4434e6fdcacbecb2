// One request at one node and at its caller, without a mesh: admission, cryptography, the whole, a replay, opening the reply.

#include <poll.h>
#include <time.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/commands.hpp"
#include "bench/estate.hpp"
#include "bench/sample.hpp"
#include "mesh/io/host.hpp"
#include "node/agents/rpcutil.hpp"
#include "node/log.hpp"
#include "node/performer.hpp"
#include "node/site.hpp"
#include "proto/schema_library.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"

namespace mco::bench {
namespace {

Sample::Duration processor_time(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

struct Asked {
    proto::Route route;
    proto::Bytes sealed;
};

std::vector<Asked> ask(const security::Identity& caller, const security::SealPair& replies, std::uint64_t calls, proto::WallTime created) {
    std::vector<Asked> all;
    for (std::uint64_t i = 0; i < calls; ++i) {
        proto::Route route{.collective = "mcollective",
                           .request = security::entropy::fresh<proto::RequestId>(),
                           .created = created,
                           .ttl_ms = 60'000,
                           .timeout_ms = 10'000,
                           .reply_key = replies.public_key,
                           .caller = caller.chain};
        proto::RequestBody body{.agent = "rpcutil", .action = "ping"};
        body.filter.facts = {*proto::parse_fact_term("country=uk")};
        auto sealed = *security::seal_request(caller.keys.sign.secret, route, body);
        all.push_back({std::move(route), std::move(sealed)});
    }
    return all;
}

// A node with rpcutil, a policy, an audit trail and a few facts, as an installation has them.
struct Node {
    explicit Node(const Estate& made) : estate(made) {}
    const Estate& estate;
    proto::Now now = mesh::io::Host::sample_clocks();
    security::Identity self = estate.issue("web1", proto::CertificateRole::node);
    security::Identity caller = estate.issue("operator", proto::CertificateRole::caller);  // as the estate's policies have it
    security::TrustStore trust = estate.trust();
    security::CollectiveKeys keys;
    node::Rpcutil rpcutil;
    node::Log log = *node::Log::open({.target = node::LogTarget::file, .file = file("mcod.log")});
    node::Site site{{.identity = "web1", .started = now.wall}, config(), *security::Policy::read(estate.policies(), {}), {&rpcutil}};

    std::filesystem::path file(std::string_view name) const { return estate.policies().parent_path() / name; }
    node::Config config() const {
        node::Config config;
        config.collectives = {"mcollective"};
        config.main_collective = "mcollective";
        config.libdirs.push_back(proto::default_libdir());
        std::ofstream(file("facts.yaml")) << "country: uk\nrole: web\n";
        config.fact_files = {file("facts.yaml")};
        return config;
    }
};

class Report {
 public:
    Report(std::uint64_t calls, bool json) : parameters_{{"calls", std::to_string(calls)}}, json_(json) {}
    Sample::Duration operator()(std::string_view name, const Sample& sample) const {
        const auto full = fmt::format("request/{}", name);
        fmt::print("{}\n", json_ ? to_json(full, parameters_, sample) : to_text(full, parameters_, sample));
        return sample.summary().p50;
    }

 private:
    Parameters parameters_;
    bool json_;
};

template <typename Work>
Sample time_each(const std::vector<Asked>& all, clockid_t clock, Work work) {
    Sample sample;
    for (const auto& asked : all) {
        const auto begin = processor_time(clock);
        work(asked);
        sample.add(processor_time(clock) - begin);
    }
    return sample;
}

}  // namespace

proto::Result<void> run_request(Arguments arguments) {
    const auto calls = arguments.number("calls", 2000, 10, 50'000);
    const bool json = arguments.flag("json");
    if (auto done = arguments.done(); !done) return done;
    security::entropy::start();
    const auto estate = Estate::make({});
    if (!estate) return tl::unexpected(estate.error());
    Node node(**estate);
    const auto now = node.now;
    const auto replies = security::make_seal_pair();
    const auto all = ask(node.caller, replies, calls, now.wall);
    const Report report(calls, json);
    std::string fault;
    const auto wrong = [&](std::string_view what) {
        if (fault.empty()) fault = what;
    };

    node::Counters counters;
    security::ReplayWindow window;
    auto admission_trust = node.estate.trust(), cryptography_trust = node.estate.trust();  // each verifies what it has not seen before
    node::Admission admission(admission_trust, window, counters);
    const auto ground = node.site.ground(now);
    report("admission", time_each(all, CLOCK_THREAD_CPUTIME_ID, [&](const Asked& asked) {
               const auto decision = admission.decide(now, asked.route.request, asked.sealed, ground);
               if (const auto* refusal = std::get_if<node::Refusal>(&decision)) wrong(refusal->detail);
               if (std::holds_alternative<node::NotMatched>(decision)) wrong("the node was not meant");
           }));

    const proto::ReplyBody body{.request = all[0].route.request, .message = "OK", .data = proto::Value::Map{{"pong", 1}}};
    security::PairKeys node_keys(node.self.keys.seal.secret, 1);
    const auto cryptography =
        report("cryptography", time_each(all, CLOCK_THREAD_CPUTIME_ID, [&](const Asked& asked) {
                   if (!security::open_request(cryptography_trust, asked.sealed, now.wall)) wrong("a request does not open");
                   if (!security::seal_reply(node_keys, node.self.chain, asked.route.reply_key, body)) wrong("a reply is not sealed");
               }));

    node::Performer performer({.self = node.self, .trust = node.trust, .keys = node.keys, .site = node.site, .log = node.log}, {});
    performer.set_audit(*security::Audit::open(node.file("audit.jsonl"), node.self));
    std::vector<proto::Bytes> answers;
    const auto whole = report("whole", time_each(all, CLOCK_PROCESS_CPUTIME_ID, [&](const Asked& asked) {
                                  performer.perform(now, asked.route.request, asked.sealed);
                                  while (performer.unfinished() > 0) {
                                      pollfd ready{performer.descriptor(), POLLIN, 0};
                                      ::poll(&ready, 1, 10'000);
                                      performer.collect(now);
                                  }
                                  auto taken = performer.take_answers();
                                  if (taken.size() != 1 || taken[0].outcome != proto::Outcome::ok) return wrong("a request was not performed");
                                  answers.push_back(std::move(taken[0].sealed));
                              }));
    if (!json) fmt::print("request/beside_cryptography: p50 {:.0f} us\n\n", static_cast<double>((whole - cryptography).count()) / 1'000);

    report("replay", time_each(all, CLOCK_THREAD_CPUTIME_ID, [&](const Asked&) {
               performer.perform(now, all.back().route.request, all.back().sealed);
               const auto taken = performer.take_answers();
               if (taken.size() != 1 || taken[0].outcome == proto::Outcome::ok) wrong("a replay was performed");
           }));

    if (!fault.empty()) return proto::fail(proto::Errc::internal, fault);
    std::vector<security::TrustStore> strangers(all.size(), node.estate.trust());
    auto known = node.estate.trust();
    security::PairKeys kept(replies.secret, 1);
    std::size_t at = 0;
    const auto open = [&](security::TrustStore& trust, security::PairKeys& keys, const Asked& asked) {
        const auto& answer = answers[at++ % answers.size()];
        if (!security::open_reply(trust, keys, asked.route.request, security::digest(asked.sealed), answer, now.wall))
            wrong("a reply does not open");
    };
    const auto report_opening = [&](std::string_view name, const auto& one) {
        report(name, time_each(all, CLOCK_THREAD_CPUTIME_ID, one));
    };
    const auto open_first = [&](security::TrustStore& trust, const Asked& asked) {
        security::PairKeys none(replies.secret, 1);
        open(trust, none, asked);
    };
    report_opening("open_reply_of_a_stranger", [&](const Asked& asked) { open_first(strangers[at], asked); });
    report_opening("open_first_reply", [&](const Asked& asked) { open_first(known, asked); });
    report_opening("open_reply", [&](const Asked& asked) { open(known, kept, asked); });
    if (!fault.empty()) return proto::fail(proto::Errc::internal, fault);
    return {};
}

}  // namespace mco::bench
