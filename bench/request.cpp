// One request at one node and at its caller, without a mesh: admission, cryptography, the whole, a replay, opening the reply.

#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/commands.hpp"
#include "bench/sample.hpp"
#include "node/agents/rpcutil.hpp"
#include "node/log.hpp"
#include "node/performer.hpp"
#include "node/site.hpp"
#include "proto/schema_library.hpp"
#include "security/certificate.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"

namespace mco::bench {
namespace {

using namespace std::chrono_literals;

constexpr proto::WallTime epoch{proto::Duration(1'800'000'000'000'000)};
constexpr proto::Now now{proto::Instant(1'000s), epoch};

Sample::Duration processor_time(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// A folder for the policy and the logs; gone with the object.
class Folder {
 public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "mco-bench-XXXXXX").string();
        if (::mkdtemp(name.data()) != nullptr) path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::filesystem::path& path() const { return path_; }

 private:
    std::filesystem::path path_;
};

// A root in memory, and what it signed.
class Root {
 public:
    Root() : key_(security::make_sign_pair()), serial_(security::entropy::fresh<proto::Serial>()) {
        certificate_ = sign({.role = proto::CertificateRole::root, .name = "root", .sign_key = key_.public_key}, serial_);
    }
    security::TrustStore trust() const { return *security::TrustStore::make({certificate_}); }
    security::Identity issue(std::string_view name, proto::CertificateRole role) const {
        security::Identity made{.keys = security::make_key_set(), .name = std::string(name), .role = role};
        made.peer = security::peer_id(made.keys.sign.public_key);
        made.chain.certificates = {sign({.role = role,
                                         .name = made.name,
                                         .sign_key = made.keys.sign.public_key,
                                         .curve_key = made.keys.curve.public_key,
                                         .seal_key = made.keys.seal.public_key},
                                        security::entropy::fresh<proto::Serial>())};
        return made;
    }

 private:
    proto::Certificate sign(proto::CertificateBody body, const proto::Serial& serial) const {
        body.authority = body.issuer = serial_;
        body.serial = serial;
        body.not_before = epoch - 1h;
        body.not_after = epoch + 1h;
        return *security::sign_certificate(key_.secret, body);
    }
    security::SignPair key_;
    proto::Serial serial_;
    proto::Certificate certificate_;
};

struct Asked {
    proto::Route route;
    proto::Bytes sealed;
};

std::vector<Asked> ask(const security::Identity& caller, const security::SealPair& replies, std::uint64_t calls) {
    std::vector<Asked> all;
    for (std::uint64_t i = 0; i < calls; ++i) {
        proto::Route route{.collective = "mcollective",
                           .request = security::entropy::fresh<proto::RequestId>(),
                           .created = epoch,
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
    Folder folder;
    Root root;
    security::Identity self = root.issue("web1", proto::CertificateRole::node);
    security::Identity caller = root.issue("alice", proto::CertificateRole::caller);
    security::TrustStore trust = root.trust();
    security::CollectiveKeys keys;
    node::Rpcutil rpcutil;
    node::Log log = *node::Log::open({.target = node::LogTarget::file, .file = write("mcod.log", "")});
    node::Site site{{.identity = "web1", .started = epoch}, config(), policy(), {&rpcutil}};

    std::filesystem::path write(std::string_view name, std::string_view text) const {
        const auto file = folder.path() / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
        return file;
    }
    node::Config config() const {
        node::Config config;
        config.collectives = {"mcollective"};
        config.main_collective = "mcollective";
        config.libdirs.push_back(proto::default_libdir());
        config.fact_files = {write("facts.yaml", "country: uk\nrole: web\n")};
        return config;
    }
    security::Policy policy() const {
        write("policies/rpcutil.policy", "policy default deny\nallow\tcert=alice\tping\t*\t*\n");
        return *security::Policy::read(folder.path() / "policies", {});
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
    Node node;
    if (node.folder.path().empty()) return proto::fail(proto::Errc::internal, "no folder could be made for temporary files");
    const auto replies = security::make_seal_pair();
    const auto all = ask(node.caller, replies, calls);
    const Report report(calls, json);
    std::string fault;
    const auto wrong = [&](std::string_view what) {
        if (fault.empty()) fault = what;
    };

    node::Counters counters;
    security::ReplayWindow window;
    auto admission_trust = node.root.trust(), cryptography_trust = node.root.trust();  // each verifies what it has not seen before
    node::Admission admission(admission_trust, window, counters);
    const auto ground = node.site.ground(now);
    report("admission", time_each(all, CLOCK_THREAD_CPUTIME_ID, [&](const Asked& asked) {
               const auto decision = admission.decide(now, asked.route.request, asked.sealed, ground);
               if (const auto* refusal = std::get_if<node::Refusal>(&decision)) wrong(refusal->detail);
               if (std::holds_alternative<node::NotMatched>(decision)) wrong("the node was not meant");
           }));

    const proto::ReplyBody body{.request = all[0].route.request, .message = "OK", .data = proto::Value::Map{{"pong", 1}}};
    const auto cryptography =
        report("cryptography", time_each(all, CLOCK_THREAD_CPUTIME_ID, [&](const Asked& asked) {
                   if (!security::open_request(cryptography_trust, asked.sealed, now.wall)) wrong("a request does not open");
                   if (!security::seal_reply(node.self.keys, node.self.chain, asked.route.reply_key, body)) wrong("a reply is not sealed");
               }));

    node::Performer performer({.self = node.self, .trust = node.trust, .keys = node.keys, .site = node.site, .log = node.log}, {});
    performer.set_audit(*security::Audit::open(node.folder.path() / "audit.jsonl", node.self));
    std::vector<proto::Bytes> answers;
    const auto whole = report("whole", time_each(all, CLOCK_PROCESS_CPUTIME_ID, [&](const Asked& asked) {
                                  performer.perform(now, asked.route.request, asked.sealed);
                                  pollfd ready{performer.descriptor(), POLLIN, 0};
                                  ::poll(&ready, 1, 10'000);
                                  performer.collect(now);
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
    for (const bool warm : {false, true}) {
        std::vector<security::TrustStore> stores(warm ? 1 : all.size(), node.root.trust());
        std::size_t at = 0;
        report(warm ? "open_reply" : "open_reply_of_a_stranger", time_each(all, CLOCK_THREAD_CPUTIME_ID, [&](const Asked& asked) {
                   auto& trust = stores[warm ? 0 : at];
                   if (!security::open_reply(trust, replies, asked.route.request, security::digest(asked.sealed), answers[at], now.wall))
                       wrong("a reply does not open");
                   ++at;
               }));
    }
    if (!fault.empty()) return proto::fail(proto::Errc::internal, fault);
    return {};
}

}  // namespace mco::bench
