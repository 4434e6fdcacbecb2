#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mco::bench {

// Durations of one kind, and what is said about them.
class Sample {
 public:
    using Duration = std::chrono::nanoseconds;
    void add(Duration one) { durations_.push_back(one); }
    void add(const Sample& other) { durations_.insert(durations_.end(), other.durations_.begin(), other.durations_.end()); }
    std::size_t size() const { return durations_.size(); }
    Duration rank(std::size_t percent) const;  // 1 to 100; of at least one

    struct Summary {
        Duration least{}, p50{}, p90{}, p99{}, most{}, mean{}, deviation{};
    };
    Summary summary() const;  // of at least one; a percentile is a duration that occurred (nearest rank)

 private:
    std::vector<Duration> durations_;
};

std::string machine();  // "Linux x86_64, 2 processors"
std::string commit();   // of the tree that the program lies in; empty: there is none, or git packed it

using Parameters = std::vector<std::pair<std::string, std::string>>;

// One line for a person, or one JSON object for a machine: name, parameters, version, machine, microseconds.
std::string to_text(std::string_view name, const Parameters& parameters, const Sample& sample);
std::string to_json(std::string_view name, const Parameters& parameters, const Sample& sample);

}  // namespace mco::bench
