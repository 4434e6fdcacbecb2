#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "node/admission.hpp"
#include "node/agent.hpp"
#include "node/mailbox.hpp"
#include "node/worker_pool.hpp"
#include "proto/time.hpp"

namespace mco::node {

// Runs admitted calls on worker threads and gives back exactly one answer for each, at the latest when the timeout of its
// DDL has passed: a stuck agent costs its worker, never the caller's patience. One thread, the reactor's, calls everything.
//
// Whether a waiting call is started or given up is one atomic exchange, so nothing runs after its caller was told that it
// did not.
class Executor {
 public:
    struct Limits {
        std::size_t workers_max = 4;
        std::size_t queue_max = 256;
    };
    explicit Executor(Limits limits)
        : own_pool_(std::in_place, limits.workers_max, limits.queue_max), pool_(*own_pool_) {}
    // Of a process with many nodes, whose workers are for all of them. The pool must have ended before the executor does.
    explicit Executor(WorkerPool& shared) : pool_(shared) {}

    WorkerPool::Posted start(std::shared_ptr<const AdmittedCall> call);  // not accepted: nothing was done

    enum class End : std::uint8_t {
        done,       // the agent's own answer
        timed_out,  // it still runs, or may have run
        too_late,   // its life ended while it waited for a worker: it did not run
        withdrawn,  // cancelled by the caller before it was started: it did not run
        judged,     // its caller asked only whether it would be allowed: it did not run
        denied,     // the data that the policy asks for said that the caller may not: it did not run
        not_meant,  // the data functions of its filter said that it does not mean this node: it did not run
    };
    struct Finished {
        std::shared_ptr<const AdmittedCall> call;
        End end = End::done;
        ActionReply reply;        // denied: its message is the policy line that decided; not_meant: which data source failed, if one did
        proto::Duration took{0};  // since admission
    };
    // Instead of start(), for what is over at once (Agent::at_once()). None: this is not, or has to ask for data first.
    static std::optional<Finished> run(const std::shared_ptr<const AdmittedCall>& call, proto::Now now);
    int descriptor() const { return mailbox_.descriptor(); }  // readable: collect() has something
    std::vector<Finished> collect(proto::Now now);
    std::vector<Finished> elapse(proto::Now now);  // when next_deadline() has passed
    std::optional<proto::Instant> next_deadline() const;
    // Gives up a call that was not started yet; one that runs goes on.
    std::optional<Finished> withdraw(proto::Now now, const proto::RequestId& request);

    std::size_t unfinished() const { return jobs_.size(); }
    std::size_t busy() const { return pool_.busy(); }  // threads of the pool in an agent's hands, stuck ones included
    void stop();                                       // asks agents to end, takes no more; does not wait

 private:
    enum class State : std::uint8_t { waiting, asking, running, given_up };  // asking: what policy and filter want to know
    struct Job {
        explicit Job(std::shared_ptr<const AdmittedCall> admitted) : call(std::move(admitted)) {}
        std::shared_ptr<const AdmittedCall> call;
        std::atomic<State> state{State::waiting};
        std::stop_source stop;
        bool advance(State from, State to) { return state.compare_exchange_strong(from, to); }
        bool give_up() { return advance(State::waiting, State::given_up) || advance(State::asking, State::given_up); }
    };
    struct Done {
        std::uint64_t number;
        End end;
        ActionReply reply;
    };
    static std::optional<Done> perform(std::uint64_t number, Job& job);  // worker thread; nothing: it was given up
    static std::optional<Done> ask_data(std::uint64_t number, Job& job);  // likewise; nothing: act
    static Finished finish(const Job& job, End end, ActionReply reply, proto::Now now);
    static proto::Instant deadline(const Job& job);

    std::uint64_t next_number_ = 0;
    std::map<std::uint64_t, std::shared_ptr<Job>> jobs_;  // by number: oldest first
    Mailbox<Done> mailbox_;
    std::optional<WorkerPool> own_pool_;  // last: its threads use the mailbox until they end
    WorkerPool& pool_;                    // own or shared
};

}  // namespace mco::node
