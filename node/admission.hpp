#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "node/agent.hpp"
#include "node/call.hpp"
#include "node/counters.hpp"
#include "node/registry.hpp"
#include "proto/filter.hpp"
#include "proto/ledger.hpp"
#include "proto/time.hpp"
#include "security/collective_key.hpp"
#include "security/envelope.hpp"
#include "security/policy.hpp"
#include "security/replay_window.hpp"
#include "security/trust_store.hpp"

namespace mco::node {

// Why a request is not performed. The names are stable: logs, audit and counters carry them.
enum class RefusalCode : std::uint8_t {
    malformed,        // before anybody is known: silence
    unauthenticated,  // likewise
    body_sealed,      // with a collective key that this node does not have
    malformed_body,   // the caller is known, what he signed cannot be read
    expired,
    clock_skew,
    ttl_too_long,
    replayed,
    replay_full,
    interrupted,   // it ran when this node was restarted: what became of it is unknown, and it does not run again
    scope_denied,  // the caller's certificate does not reach so far
    too_many_targets,  // the caller's certificate allows fewer nodes than the request may mean
    filter_invalid,
    policy_denied,
    unknown_action,
    arguments_invalid,
    overloaded,    // after admission: no worker and no room to wait
    stopping,      // after admission: the daemon is on its way out
    journal_failed,  // after admission: what changes the machine is not done unless it is known not to be done twice
    audit_failed,  // after admission: what changes the machine is not done unrecorded
};
std::string_view name(RefusalCode code);
proto::Outcome outcome(RefusalCode code);    // denied, or failed where asking differently or later can help
proto::StatusCode status(RefusalCode code);  // MCollective's

// To whom an answer goes, and for which octets.
struct ReplyTo {
    proto::RequestId request{};
    proto::Digest digest{};
    proto::SealPublicKey reply_key{};
    bool wanted = true;  // false: fire and forget
};

// Who asked for what, as the audit trail tells it. Fields stay empty as far as the request was not read.
struct Subject {
    proto::RequestId request{};
    proto::Serial caller{};
    std::string caller_name, agent, action, collective;
    proto::RequestId whole{};  // of a batch; 0: it is none
    proto::Purpose purpose = proto::Purpose::perform;
    proto::Digest arguments{};  // zero while it is not known which of them are secret
    std::optional<proto::Value> inputs{};
};

struct Refusal {
    RefusalCode code = RefusalCode::malformed;
    std::string sentence;             // for the caller
    std::string detail;               // for log and audit only: it may name rules, files, limits
    std::optional<ReplyTo> reply_to;  // empty: nobody is authenticated, so nobody is answered
    Subject subject;
};

// The request is sound and does not mean this node. No reply, no audit line, one counter.
struct NotMatched {
    enum class Why : std::uint8_t { collective, agent, filter } why = Why::filter;
};

// Proof that a request passed every check. Only Admission makes one and the executor accepts nothing else, so a check
// cannot be forgotten, only not compiled.
class AdmittedCall {
 public:
    AdmittedCall(AdmittedCall&&) noexcept = default;
    AdmittedCall& operator=(AdmittedCall&&) noexcept = default;

    const Call& call() const { return call_; }
    Agent& agent() const { return *entry_.agent; }
    const proto::AgentSchema& schema() const { return *entry_.schema; }
    const proto::ActionSchema& action() const { return *action_; }
    const ReplyTo& reply_to() const { return reply_to_; }
    const Subject& subject() const { return subject_; }
    const std::string& decided_by() const { return decided_by_; }  // the policy line
    bool only_judged() const { return subject_.purpose == proto::Purpose::judge; }  // that it is allowed is all its caller asks
    // What only data can tell of whether this node is meant; null: it is. To be asked on a worker, before the action.
    const proto::Matcher* condition() const { return condition_ ? &*condition_ : nullptr; }
    // Where only data can tell whether the caller may: the policy to ask with it, on a worker, before anything else; null: he may.
    const security::Policy* open_policy() const { return open_policy_ ? &*open_policy_ : nullptr; }
    bool asks_data() const { return condition() != nullptr || open_policy() != nullptr; }
    proto::Instant admitted() const { return admitted_; }
    proto::WallTime until() const { return until_; }  // its age refuses it from then on
    proto::Instant start_by() const { return start_by_; }  // its life as the caller limited it, clock skew allowed for
    proto::Instant finish_by() const { return finish_by_; }  // the DDL's timeout, and those of the data sources asked

    void show(std::shared_ptr<const MeshView> mesh) { call_.mesh = std::move(mesh); }  // decides nothing

 private:
    friend class Admission;
    AdmittedCall() = default;

    Call call_;
    Registry::Entry entry_;
    const proto::ActionSchema* action_ = nullptr;  // within entry_.schema
    ReplyTo reply_to_;
    Subject subject_;
    std::string decided_by_;
    std::optional<proto::Matcher> condition_;
    std::optional<security::Policy> open_policy_;
    proto::WallTime until_{};
    proto::Instant admitted_{}, start_by_{}, finish_by_{};
};

using Decision = std::variant<AdmittedCall, NotMatched, Refusal>;

// The one place where it is decided whether this node acts on a request. Order: size, parse, signature, certificate and
// role, revocation, collective, time and ttl, replay, certificate scope, agent and filter, policy, DDL. What depends on a
// secret of ours or on policy comes after the caller is known; what a stranger can learn is nothing.
//
// An attacker would try: another's request again (replay window), a request for another node or collective (both under the
// signature), an agent name that is a path (only the registry's names exist), a policy that is silent (deny), a filter that
// takes for ever (RE2), a filter whose data functions spy (they run for nobody who may not call rpcutil/get_data, and for nobody
// whom the policy denies the action), arguments the DDL does not allow (checked here again, whatever the client did).
class Admission {
 public:
    // All three must outlive it. One thread.
    Admission(security::TrustStore& trust, security::ReplayWindow& replay, Counters& counters)
        : trust_(trust), replay_(replay), counters_(counters) {}

    // What is decided upon; the references are used during the call only.
    struct Ground {
        std::shared_ptr<const NodeView> view;
        const Registry& registry;
        const security::Policy& policy;
        const security::CollectiveKeys* keys = nullptr;  // null: none
    };
    // `asked` is the id the mesh knows the request by; it must be the one inside.
    Decision decide(proto::Now now, const proto::RequestId& asked, proto::BytesView sealed, const Ground& ground);

    // An admitted call that is not started after all: overloaded, stopping, audit_failed, or policy_denied once data was asked.
    static Refusal refuse(const AdmittedCall& admitted, RefusalCode code, std::string detail);

 private:
    struct Draft;
    std::optional<Refusal> open_sealed_body(Draft& draft, const Ground& ground);
    static void describe_inputs(Draft& draft, const Ground& ground);
    std::optional<Refusal> check_time(Draft& draft, proto::Now now);
    std::optional<Decision> check_meant(Draft& draft, const Ground& ground);
    std::optional<Refusal> check_targets(Draft& draft);
    std::optional<Refusal> check_rights(Draft& draft, const Ground& ground);
    std::optional<Refusal> check_data_rights(Draft& draft, const Ground& ground, const std::string& caller);
    std::optional<Refusal> check_arguments(Draft& draft);

    security::TrustStore& trust_;
    security::ReplayWindow& replay_;
    Counters& counters_;
};

}  // namespace mco::node
