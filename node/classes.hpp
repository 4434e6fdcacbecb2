#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "node/file_stamp.hpp"

namespace mco::node {

// The classes a configuration management tool gave this machine: one name a line. Read again on use when the file
// changed; while it cannot be read the last names stay, and when it is gone there are none. One thread.
class Classes {
 public:
    explicit Classes(std::filesystem::path file) : file_(std::move(file)) {}

    bool refresh();  // true if names() or problem() changed
    const std::vector<std::string>& names() const { return names_; }
    const std::string& problem() const { return problem_; }  // empty: none; a file that does not exist is none

 private:
    std::filesystem::path file_;  // empty: no classes
    bool read_once_ = false;
    FileStamp stamp_;
    std::vector<std::string> names_;
    std::string problem_;
};

}  // namespace mco::node
