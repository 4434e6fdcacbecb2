#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/estate.hpp"
#include "mesh/core/effect.hpp"
#include "node/descriptor.hpp"
#include "proto/error.hpp"

namespace mco::bench {

// N emulated nodes. They live in as few processes as the limits of descriptors allow, each with one reactor; this process only makes
// their authority, starts them one after the other, and adds up what they tell. Made before the process has threads.
class EmulatedFleet {
 public:
    struct Plan {
        std::size_t nodes = 1, groups = 1;
        std::size_t processes = 0;  // 0: as few as it takes
        std::size_t workers = 2;    // of each process
        std::size_t relays = 0;     // of each group, these relay always; 0: as the mesh finds best
        std::uint64_t seed = 1;
        std::size_t filler = 64;
        std::filesystem::path folder;  // empty: a temporary one
    };
    // Completes the plan, or tells why this machine cannot hold it. Raises this process's limits.
    static proto::Result<Plan> fit(Plan plan);

    static proto::Result<std::unique_ptr<EmulatedFleet>> start(const Plan& plan);
    ~EmulatedFleet();  // ends the processes
    EmulatedFleet(const EmulatedFleet&) = delete;
    EmulatedFleet& operator=(const EmulatedFleet&) = delete;

    struct Figures {
        std::size_t opened = 0, joined = 0, relays = 0, aware = 0, dialled = 0, turns = 0;
        std::uint64_t replies = 0;
        std::size_t memory = 0;    // resident, beyond what an empty process has
        std::size_t unlinked = 0;  // of one node that is open and linked to nobody, measured on the first ones
        std::size_t descriptors = 0;
        std::chrono::microseconds processor{};
    };
    Figures figures() const;
    bool whole() const;  // everybody has his place, and all relays know of everybody

    // Waits for news, or for the descriptor to be readable. An error: one of the processes ended, and what it said.
    proto::Result<void> wait(int descriptor, std::chrono::milliseconds longest);
    void stop();  // ends the processes and takes their last figures; the destructor does the same
    std::filesystem::path client_config() const { return estate_->client_config(); }

 private:
    struct Shard {
        pid_t pid = 0;
        node::Descriptor news;
        std::string unread;  // half a line
        Figures figures;
        std::string problem;
        bool ended = false;
    };
    explicit EmulatedFleet(Plan plan) : plan_(std::move(plan)) {}
    proto::Result<void> launch(std::size_t index);
    proto::Result<void> read_seeds();
    bool read(Shard& shard);  // false: nothing more will come
    void take_line(Shard& shard, const std::string& line);
    static std::string end_of(Shard& shard);  // which has ended

    Plan plan_;
    std::unique_ptr<Estate> estate_;
    std::vector<mesh::Address> seeds_;  // by number
    std::vector<Shard> shards_;
};

}  // namespace mco::bench
