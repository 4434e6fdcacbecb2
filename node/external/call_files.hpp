#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "node/child_process.hpp"
#include "node/descriptor.hpp"
#include "proto/error.hpp"

namespace mco::node::external {

// A private folder for the files of one call, below the system's temporary folder; gone with the object. Belongs to the
// user that the agent runs as, who may do there as he likes.
class CallFiles {
 public:
    // overloaded: the file system has no room, or does not let us.
    static proto::Result<CallFiles> make(const std::optional<ChildProcess::User>& owner);
    CallFiles(CallFiles&& other) noexcept;
    CallFiles& operator=(CallFiles&&) = delete;
    ~CallFiles();
    // Removes the folders of daemons that were killed. Those of a living one are locked.
    static void sweep();

    std::filesystem::path path(std::string_view name) const { return folder_ / name; }
    // At once and whole: whoever reads meanwhile sees the old text or the new one.
    proto::Result<void> write(std::string_view name, std::string_view text) const;
    // What the agent wrote. It may have put anything in place of the file, so that must be a plain file of its owner.
    // Errors are half a sentence: "is larger than ...".
    proto::Result<std::string> read(std::string_view name, std::size_t size_max) const;

 private:
    CallFiles(std::filesystem::path folder, std::optional<ChildProcess::User> owner);
    std::filesystem::path folder_;
    std::optional<ChildProcess::User> owner_;
    Descriptor lock_;
};

}  // namespace mco::node::external
