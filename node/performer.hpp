#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "node/admission.hpp"
#include "node/executor.hpp"
#include "node/journal.hpp"
#include "node/log.hpp"
#include "node/mesh_view.hpp"
#include "node/site.hpp"
#include "proto/ledger.hpp"
#include "proto/time.hpp"
#include "security/audit.hpp"
#include "security/collective_key.hpp"
#include "security/hello.hpp"
#include "security/pair_keys.hpp"
#include "security/replay_window.hpp"
#include "security/trust_store.hpp"

namespace mco::node {

// From the mesh's "you are meant" to this node's one answer: admission, audit, execution, sealing. Knows no sockets; who
// owns it takes the answers. One thread; work happens on the executor's.
class Performer {
 public:
    struct Parts {  // all must outlive it
        const security::Identity& self;
        security::TrustStore& trust;
        const security::CollectiveKeys& keys;
        Site& site;
        Log& log;
        // For agents that see the mesh. Called in perform() only.
        std::function<MeshView(proto::Now, const proto::RequestId&)> look_at_mesh = {};
    };
    Performer(Parts parts, Executor::Limits limits);
    Performer(Parts parts, WorkerPool& shared);  // of many nodes in one process; see Executor

    void perform(proto::Now now, const proto::RequestId& request, proto::BytesView sealed);
    void withdraw(proto::Now now, const proto::RequestId& request);
    int descriptor() const { return executor_.descriptor(); }  // readable: collect() has something
    void collect(proto::Now now);
    void elapse(proto::Now now);  // once a turn, and when next_deadline() has passed
    std::optional<proto::Instant> next_deadline() const;

    struct Answer {
        proto::RequestId request{};
        proto::Outcome outcome = proto::Outcome::ok;
        proto::Bytes sealed;  // empty: nothing the caller may read
    };
    std::vector<Answer> take_answers();  // exactly one for each perform()

    void refuse_new() { stopping_ = true; }  // from now on "stopping" is the answer
    void stop() { executor_.stop(); }
    std::size_t unfinished() const { return executor_.unfinished(); }
    std::size_t busy() const { return executor_.busy(); }

    // What the journal knows of the time before a restart; what ran then is told to log and audit trail, and to callers who ask.
    void set_journal(Journal journal, proto::Now now);
    void set_audit(std::optional<security::Audit> audit) { audit_ = std::move(audit); }
    security::Audit* audit() { return audit_ ? &*audit_ : nullptr; }
    const Counters& counters() const { return counters_; }

 private:
    void admit(proto::Now now, AdmittedCall admitted);
    void refuse(proto::Now now, const Refusal& refusal);
    void answer(const ReplyTo& to, proto::Outcome outcome, ActionReply reply);
    void finish(proto::Now now, Executor::Finished finished);
    bool enter(proto::Now now, const AdmittedCall& call, Agent::Effect effect);  // into the journal; false: it cannot be
    bool record(proto::Now now, const Subject& subject, security::AuditEvent event);  // false: could not be written
    void tell_news();

    Parts parts_;
    std::optional<security::Audit> audit_;
    bool audit_broken_ = false;
    std::optional<Journal> journal_;
    bool journal_broken_ = false;
    bool stopping_ = false;
    Counters counters_;
    security::ReplayWindow replay_;
    Admission admission_;
    Executor executor_;
    security::PairKeys reply_keys_;  // of our replies
    std::vector<Answer> answers_;
};

}  // namespace mco::node
