#include "client/reply_opener.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace mco::client {
namespace {

using Opened = std::optional<security::OpenedReply>;

constexpr std::size_t nodes_kept = 16'384;  // of a thread

Opened open_one(security::TrustStore& trust, security::PairKeys& keys, const ReplyOpener::Asked& asked, const proto::Answer& answer,
                proto::WallTime now) {
    if (answer.sealed.empty()) return std::nullopt;
    auto opened = security::open_reply(trust, keys, asked.request, asked.digest, answer.sealed, now);
    if (!opened || opened->node.peer != answer.node) return std::nullopt;
    return std::move(*opened);
}

}  // namespace

struct ReplyOpener::Desk {
    security::TrustStore trust;
    security::PairKeys keys;
};

ReplyOpener::ReplyOpener(security::TrustStore& trust, std::size_t processors)
    : trust_(trust), threads_(std::clamp<std::size_t>(processors, 1, threads_max)) {}

ReplyOpener::~ReplyOpener() = default;

const proto::SealPublicKey& ReplyOpener::reply_key(proto::Instant now) {
    if (!pair_until_ || now >= *pair_until_) {
        desks_.clear();
        pair_ = security::make_seal_pair();
        keys_.emplace(pair_.secret, nodes_kept);
        pair_until_ = now + key_life;
    }
    return pair_.public_key;
}

std::vector<Opened> ReplyOpener::open(const Asked& asked, std::span<const proto::Answer> answers, proto::WallTime now) {
    std::vector<Opened> opened(answers.size());
    if (!keys_) return opened;  // nobody asked for a key, so these answer nothing of ours
    if (threads_ == 1 || answers.size() <= alone_max) {
        std::transform(answers.begin(), answers.end(), opened.begin(),
                       [&](const proto::Answer& answer) { return open_one(trust_, *keys_, asked, answer, now); });
        return opened;
    }
    // A list of the revoked that came meanwhile counts for all of them.
    if (!desks_.empty() && desks_.front()->trust.revocations_version() != trust_.revocations_version()) desks_.clear();
    if (desks_.empty()) {
        while (desks_.size() < threads_)
            desks_.push_back(std::make_unique<Desk>(Desk{trust_, security::PairKeys(pair_.secret, nodes_kept)}));
    }
    const auto work = [&](std::size_t number) {
        for (std::size_t i = 0; i < answers.size(); ++i) {
            if (answers[i].node.octets[0] % threads_ == number) opened[i] = open_one(desks_[number]->trust, desks_[number]->keys, asked, answers[i], now);
        }
    };
    std::vector<std::jthread> threads;
    for (std::size_t number = 1; number < threads_; ++number) threads.emplace_back(work, number);
    work(0);
    threads.clear();  // joins them
    return opened;
}

}  // namespace mco::client
