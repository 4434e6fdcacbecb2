#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/links.hpp"
#include "proto/messages.hpp"

namespace mco::client {

// Our way into the mesh, with a spare. Rules:
// (1) The first two entries of different machines are dialled at once; a further one when one of them is lost, and every
//     `stagger` while none is up. So a dead or frozen entry costs at most that.
// (2) The first link that is up is the entry, the next one the spare. The others are not dialled any more.
// (3) When the entry is lost, or given up by who waits for its answer, the spare takes its place. An entry given up stays
//     linked: what it still says is heard, and when nobody else is left it is the entry again.
// Pings of the entry are answered here.
class EntryLink {
 public:
    static constexpr proto::Duration stagger = std::chrono::milliseconds(150);

    EntryLink(std::vector<Entry> entries, Links& links);  // links must outlive it

    // What one wait brought. `changed`: the entry is another one than before, or there is none now.
    struct Turn {
        std::vector<proto::Message> messages;  // of the entry and of former ones
        bool changed = false;
        bool heard = false;  // the entry said something
        bool interrupted = false;
    };
    Turn wait(proto::Instant until);

    void start();  // dials; repeated calls do nothing
    bool up() const { return current_.has_value(); }
    bool exhausted() const;                    // no entry is up and none is left to try
    bool has_alternative() const;              // another one is up, or may come up
    void give_up_entry();                      // it does not answer
    bool send(const proto::Message& message);  // to the entry
    proto::Now now() { return links_.now(); }

    std::string name() const;  // "web1 (ipc:///run/mco/mcod.sock)"
    // Why nobody is reachable: each entry with its reason, one a line.
    std::string complaints() const;

 private:
    enum class State { untried, dialling, up, given_up, lost };
    struct Candidate {
        Entry entry;
        State state = State::untried;
        Links::LinkId link = 0;
        std::string why;
    };
    void dial_another();
    void take(const Links::Event& event, Turn& turn);
    void elect();
    Candidate* candidate(Links::LinkId link);
    std::size_t count(State state) const;

    Links& links_;
    std::vector<Candidate> candidates_;
    std::optional<std::size_t> current_;  // index of the entry
    std::optional<proto::Instant> next_dial_;
    bool started_ = false;
};

}  // namespace mco::client
