#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.hpp"

namespace mco::test {

// systemd as far as the agent 'service' asks it: units, their state, and jobs that end as the test says, on a socket of the
// test's own.
class FakeSystemd {
 public:
    explicit FakeSystemd(std::map<std::string, std::string> active_state_by_unit);
    ~FakeSystemd();
    std::filesystem::path socket() const { return dir_ / "private"; }
    void jobs_end_with(const std::string& result);  // "done" at first; "": they never end
    void refuse(const std::string& error_name);     // every start, stop and restart; "": none
    std::vector<std::string> calls() const;         // "StartUnit nginx.service"

    struct State;

 private:
    TempDir dir_;
    std::unique_ptr<State> state_;
    int listener_ = -1;
    std::jthread thread_;
};

}  // namespace mco::test
