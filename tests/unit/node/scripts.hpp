#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "node/agents/programs.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::test {

// Programs that do what the test says, found before the machine's own.
class Scripts {
 public:
    // `text` is for /bin/sh, with $LOG for a file that log() returns.
    std::filesystem::path add(std::string_view name, std::string_view text) const {
        const auto file =
            dir_.write(name, "#!/bin/sh\nLOG='" + (dir_ / "log").string() + "'\n" + std::string(text) + "\n");
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
        return file;
    }
    std::string log() const;
    node::Programs programs() const { return node::Programs(dir_.path().string() + ":/usr/bin:/bin"); }
    const TempDir& dir() const { return dir_; }

 private:
    TempDir dir_;
};

}  // namespace mco::test
