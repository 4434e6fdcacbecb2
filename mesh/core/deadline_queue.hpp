#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "proto/time.hpp"

namespace mco::mesh {

// All waiting of a machine: one deadline a name. Names that fall due together come out in the order in which they were
// set, so equal inputs give equal effects. `Name` is an ordered value without pointers.
template <typename Name>
class DeadlineQueue {
 public:
    // Replaces the deadline that the name had.
    void set(const Name& name, proto::Instant when) {
        cancel(name);
        const Place place{when, ++set_so_far_};
        queue_.emplace(place, name);
        places_.emplace(name, place);
    }
    void cancel(const Name& name) {
        const auto found = places_.find(name);
        if (found == places_.end()) return;
        queue_.erase(found->second);
        places_.erase(found);
    }

    std::optional<proto::Instant> next() const {
        return queue_.empty() ? std::nullopt : std::optional(queue_.begin()->first.when);
    }
    // Takes the earliest one that is due: at its deadline, not before.
    std::optional<Name> take_due(proto::Instant now) {
        if (queue_.empty() || queue_.begin()->first.when > now) return std::nullopt;
        const Name name = queue_.begin()->second;
        cancel(name);
        return name;
    }

    bool contains(const Name& name) const { return places_.contains(name); }
    std::size_t size() const { return queue_.size(); }
    template <typename Visit>
    void each(Visit visit) const {
        for (const auto& [place, name] : queue_) visit(name);
    }

 private:
    struct Place {
        proto::Instant when{};
        std::uint64_t number = 0;
        friend auto operator<=>(const Place&, const Place&) = default;
    };
    std::map<Place, Name> queue_;
    std::map<Name, Place> places_;
    std::uint64_t set_so_far_ = 0;
};

}  // namespace mco::mesh
