#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <semaphore>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "node/mailbox.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"
#include "proto/value.hpp"

namespace mco::node {

// Programs that print facts: facter, and executables of a facts.d folder. They may be slow, so a thread of their own runs them, one
// after the other, at once and then again after each `interval`. The owner, one thread, takes what they said.
class FactPrograms {
 public:
    struct Program {
        std::string name;  // which it is, for merging and for problems
        std::vector<std::string> argv;
        friend bool operator==(const Program&, const Program&) = default;
    };
    struct Told {
        std::string name;
        proto::Value::Map facts;
        std::string problem;  // not empty: there are no new facts
    };

    FactPrograms(std::vector<Program> programs, proto::Duration interval);
    ~FactPrograms();  // ends the program that runs

    // Waits until each was run once, but not longer than this. To be asked once, at the start.
    bool wait_first(proto::Duration limit);
    int descriptor() const { return mailbox_.descriptor(); }  // readable: take() has something
    std::vector<Told> take() { return mailbox_.take(); }

 private:
    void work(std::stop_token stop);

    const std::vector<Program> programs_;
    const proto::Duration interval_;
    Mailbox<Told> mailbox_;
    std::binary_semaphore first_{0};
    std::jthread worker_;  // last: it uses the others until it ends
};

// What a program or a .txt file of a facts.d folder says: one JSON object, lines "name=value", or YAML. An error names the line.
proto::Result<proto::Value> parse_printed_facts(std::string_view text);

}  // namespace mco::node
