#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "client/gather.hpp"

namespace mco::client {

// The results of several requests, each for some of the nodes, as those of one. Every node counts in the part in which it was
// asked: what other parts say of it is forgotten.
class Batches {
 public:
    // `nodes` must outlive it.
    explicit Batches(std::span<const std::string> nodes) : nodes_(nodes) {}

    // The next ones to ask: at most `batch`, and as many as fit in one request. Empty: all were asked.
    bool empty() const { return first_; }  // nothing was added yet
    std::span<const std::string> next(std::size_t batch) const;
    void add(Gathered part, std::span<const std::string> asked);
    // No further part: the others were not asked, because of this.
    void stop(std::string why);
    // The account as it stands while a part is under way.
    proto::Ledger with(const proto::Ledger& part) const;
    Gathered take();

 private:
    std::span<const std::string> nodes_;
    std::size_t asked_ = 0;
    Gathered whole_;
    bool first_ = true;
};

}  // namespace mco::client
