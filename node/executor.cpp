#include "node/executor.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "node/data.hpp"

namespace mco::node {

std::optional<Executor::Finished> Executor::run(const std::shared_ptr<const AdmittedCall>& call, proto::Now now) {
    if (call->asks_data() || !call->agent().at_once(call->call().action)) return std::nullopt;
    Job job(call);
    auto done = perform(0, job);
    return finish(job, done->end, std::move(done->reply), now);
}

WorkerPool::Posted Executor::start(std::shared_ptr<const AdmittedCall> call) {
    const auto number = next_number_++;
    auto job = std::make_shared<Job>(std::move(call));
    const auto posted = pool_.post([this, number, job] {
        if (auto done = perform(number, *job)) mailbox_.put(std::move(*done));
    });
    if (posted == WorkerPool::Posted::accepted) jobs_.emplace(number, std::move(job));
    return posted;
}

// The policy first: nothing is looked up for a filter of whom it denies.
std::optional<Executor::Done> Executor::ask_data(std::uint64_t number, Job& job) {
    const auto& admitted = *job.call;
    const auto& call = admitted.call();
    const auto& node = *call.node;
    std::string problem;
    const auto ask = [&](const std::string& source, const std::string& query) -> proto::Result<proto::Value::Map> {
        if (node.data == nullptr || job.state.load() != State::asking)
            return proto::fail(proto::Errc::cancelled, "nobody waits for it any more");
        auto answer = node.data->look_up(call, source, query, job.stop.get_token());
        if (!answer && problem.empty()) problem = fmt::format("{}('{}'): {}", source, query, answer.error().detail);
        return answer;
    };
    if (const auto* policy = admitted.open_policy()) {
        const auto verdict = policy->decide_with({call.caller, call.agent, call.action}, node.traits, ask);
        if (!verdict.allowed)
            return Done{number, End::denied, {.status = proto::StatusCode::aborted, .message = verdict.decided_by, .data = {}}};
    }
    const auto* condition = admitted.condition();
    if (condition != nullptr && !condition->judge_with(node.traits, ask))
        return Done{number, End::not_meant, {.message = std::move(problem), .data = {}}};
    return std::nullopt;
}

std::optional<Executor::Done> Executor::perform(std::uint64_t number, Job& job) {
    const auto& call = *job.call;
    if (call.asks_data()) {
        if (!job.advance(State::waiting, State::asking)) return std::nullopt;
        auto done = ask_data(number, job);
        if (!job.advance(State::asking, State::running)) return std::nullopt;
        if (done) return done;
    } else if (!job.advance(State::waiting, State::running)) {
        return std::nullopt;
    }
    if (call.only_judged()) return Done{number, End::judged, {.message = "allowed", .data = {}}};
    return Done{number, End::done, call.agent().run(call.call(), job.stop.get_token())};
}

Executor::Finished Executor::finish(const Job& job, End end, ActionReply reply, proto::Now now) {
    if (!job.call->only_judged()) proto::fill_outputs(job.call->action(), reply.data);
    return {job.call, end, std::move(reply), now.mono - job.call->admitted()};
}

proto::Instant Executor::deadline(const Job& job) {
    const auto& call = *job.call;
    return job.state.load() != State::running ? std::min(call.start_by(), call.finish_by()) : call.finish_by();
}

std::vector<Executor::Finished> Executor::collect(proto::Now now) {
    std::vector<Finished> finished;
    for (auto& done : mailbox_.take()) {
        const auto found = jobs_.find(done.number);
        if (found == jobs_.end()) continue;  // it was answered for when its time was up
        finished.push_back(finish(*found->second, done.end, std::move(done.reply), now));
        jobs_.erase(found);
    }
    return finished;
}

std::vector<Executor::Finished> Executor::elapse(proto::Now now) {
    std::vector<Finished> finished;
    for (auto at = jobs_.begin(); at != jobs_.end();) {
        Job& job = *at->second;
        if (now.mono < deadline(job)) {
            ++at;
        } else if (job.give_up()) {
            job.stop.request_stop();  // of what is still asked for its filter
            finished.push_back(finish(job, End::too_late,
                                      {.status = proto::StatusCode::other,
                                       .message = !job.call->asks_data()
                                                      ? "The request waited too long for a free worker; nothing was done."
                                                      : "The request waited too long for a free worker or for the data "
                                                        "that its filter or the policy asks for; nothing was done.",
                                       .data = {}},
                                      now));
            at = jobs_.erase(at);
        } else if (now.mono < job.call->finish_by()) {
            ++at;  // it was started since its deadline was looked at
        } else {
            job.stop.request_stop();
            finished.push_back(
                finish(job, End::timed_out,
                       {.status = proto::StatusCode::aborted,
                        .message = fmt::format("timed out: the action took longer than the {} s of its DDL",
                                               job.call->schema().timeout.count()),
                        .data = {}},
                       now));
            at = jobs_.erase(at);
        }
    }
    return finished;
}

std::optional<proto::Instant> Executor::next_deadline() const {
    std::optional<proto::Instant> earliest;
    for (const auto& [number, job] : jobs_) {
        const auto at = deadline(*job);
        if (!earliest || at < *earliest) earliest = at;
    }
    return earliest;
}

std::optional<Executor::Finished> Executor::withdraw(proto::Now now, const proto::RequestId& request) {
    for (auto at = jobs_.begin(); at != jobs_.end(); ++at) {
        Job& job = *at->second;
        if (job.call->subject().request != request || !job.give_up()) continue;
        job.stop.request_stop();
        auto finished = finish(
            job, End::withdrawn,
            {.status = proto::StatusCode::aborted, .message = "cancelled before it was started", .data = {}}, now);
        jobs_.erase(at);
        return finished;
    }
    return std::nullopt;
}

void Executor::stop() {
    if (own_pool_) own_pool_->stop();
    for (auto& [number, job] : jobs_) job->stop.request_stop();
}

}  // namespace mco::node
