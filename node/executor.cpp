#include "node/executor.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace mco::node {

WorkerPool::Posted Executor::start(std::shared_ptr<const AdmittedCall> call) {
    const auto number = next_number_++;
    auto job = std::make_shared<Job>(std::move(call));
    const auto posted = pool_.post([this, number, job] {
        auto expected = State::waiting;
        if (!job->state.compare_exchange_strong(expected, State::running)) return;
        auto reply = job->call->agent().run(job->call->call(), job->stop.get_token());
        mailbox_.put({number, std::move(reply)});
    });
    if (posted == WorkerPool::Posted::accepted) jobs_.emplace(number, std::move(job));
    return posted;
}

Executor::Finished Executor::finish(const Job& job, End end, ActionReply reply, proto::Now now) {
    proto::fill_outputs(job.call->action(), reply.data);
    return {job.call, end, std::move(reply), now.mono - job.call->admitted()};
}

proto::Instant Executor::deadline(const Job& job) {
    const auto& call = *job.call;
    return job.state.load() == State::waiting ? std::min(call.start_by(), call.finish_by()) : call.finish_by();
}

std::vector<Executor::Finished> Executor::collect(proto::Now now) {
    std::vector<Finished> finished;
    for (auto& done : mailbox_.take()) {
        const auto found = jobs_.find(done.number);
        if (found == jobs_.end()) continue;  // it was answered for when its time was up
        finished.push_back(finish(*found->second, End::done, std::move(done.reply), now));
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
            finished.push_back(finish(job, End::too_late,
                                      {.status = proto::StatusCode::other,
                                       .message = "The request waited too long for a free worker; nothing was done.",
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
        auto finished = finish(
            job, End::withdrawn,
            {.status = proto::StatusCode::aborted, .message = "cancelled before it was started", .data = {}}, now);
        jobs_.erase(at);
        return finished;
    }
    return std::nullopt;
}

void Executor::stop() {
    pool_.stop();
    for (auto& [number, job] : jobs_) job->stop.request_stop();
}

}  // namespace mco::node
