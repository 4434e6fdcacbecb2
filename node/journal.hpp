#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/error.hpp"
#include "proto/ids.hpp"
#include "proto/time.hpp"

namespace mco::node {

// Which requests were started here, so that each runs at most once also across a crash: a line before the action begins, a
// line when it has ended. What was started and not ended when the daemon died is `interrupted`: nobody knows what became of it.
// One file in the state folder, private to the daemon; one thread. Entries are forgotten once no replay of them could be
// accepted and they have ended; the file is written anew when half of its lines are about such.
class Journal {
 public:
    struct Entry {
        proto::RequestId request{};
        proto::Serial caller{};
        proto::WallTime until{};  // a request is refused by its age from then on
        std::string collective, caller_name, agent, action;  // without blanks
    };
    static constexpr auto interrupted_for = std::chrono::hours(24);  // the longest that a caller waits for an answer

    // What the file holds of the past goes to `past` and `interrupted`. A folder that cannot be made or a file that cannot be
    // read or written is no error yet: `problem` tells, and started() tries again.
    explicit Journal(const std::filesystem::path& folder) : file_(folder / "journal") {}
    struct Past {
        std::vector<Entry> ended, interrupted;
        std::string problem;  // a sentence with the next step; empty: all is well
    };
    Past open(proto::WallTime now);
    Journal(Journal&& other) noexcept;
    Journal& operator=(Journal&&) = delete;
    ~Journal();

    // On disk when it returns, if the action changes the machine; otherwise as soon as the system likes. An error means that
    // nothing is known to be written: what changes the machine must not be started.
    enum class Written : std::uint8_t { soon, on_disk };
    proto::Result<void> started(const Entry& entry, Written written, proto::WallTime now);
    void ended(const proto::RequestId& request, const proto::Serial& caller);
    std::size_t lines() const { return lines_; }

 private:
    struct Known {
        Entry entry;
        bool ended = false;
    };
    proto::Result<void> open_file();
    proto::Result<void> append(std::string_view line);
    void compact(proto::WallTime now);

    std::filesystem::path file_;
    int descriptor_ = -1;
    std::size_t lines_ = 0;
    std::size_t compact_at_ = 1'024;
    std::unordered_map<proto::RequestId, std::vector<Known>> known_;  // bounded by the replay window, which comes first
};

}  // namespace mco::node
