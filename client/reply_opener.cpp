#include "client/reply_opener.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace mco::client {
namespace {

using Opened = std::optional<security::OpenedReply>;

Opened open_one(security::TrustStore& trust, const ReplyOpener::Asked& asked, const proto::Answer& answer, proto::WallTime now) {
    if (answer.sealed.empty()) return std::nullopt;
    auto opened = security::open_reply(trust, asked.reply_pair, asked.request, asked.digest, answer.sealed, now);
    if (!opened || opened->node.peer != answer.node) return std::nullopt;
    return std::move(*opened);
}

}  // namespace

ReplyOpener::ReplyOpener(security::TrustStore& trust, std::size_t processors)
    : trust_(trust), threads_(std::clamp<std::size_t>(processors, 1, threads_max)) {}

std::vector<Opened> ReplyOpener::open(const Asked& asked, std::span<const proto::Answer> answers, proto::WallTime now) {
    std::vector<Opened> opened(answers.size());
    if (threads_ == 1 || answers.size() <= alone_max) {
        std::transform(answers.begin(), answers.end(), opened.begin(),
                       [&](const proto::Answer& answer) { return open_one(trust_, asked, answer, now); });
        return opened;
    }
    // A list of the revoked that came meanwhile counts for all of them.
    if (stores_.empty() || stores_.front().revocations_version() != trust_.revocations_version()) stores_.assign(threads_, trust_);
    const auto work = [&](std::size_t number) {
        for (std::size_t i = 0; i < answers.size(); ++i) {
            if (answers[i].node.octets[0] % threads_ == number) opened[i] = open_one(stores_[number], asked, answers[i], now);
        }
    };
    std::vector<std::jthread> threads;
    for (std::size_t number = 1; number < threads_; ++number) threads.emplace_back(work, number);
    work(0);
    threads.clear();  // joins them
    return opened;
}

}  // namespace mco::client
