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
// (4) An entry that takes no requests names relays that do. They are dialled at once, unless they are linked already, and
//     the first that is up is the entry: other entries get the place only when all named ones are lost, or when none was
//     up for `stagger`. Who named them stays linked and is asked again when nobody else is left, as the relays it names
//     may be others by then; if it names some once more, it is like one given up.
// Pings of the entry are answered here.
class EntryLink {
 public:
    static constexpr proto::Duration stagger = std::chrono::milliseconds(150);
    static constexpr std::size_t named_max = 16;  // relays that others named, in all; further ones are not dialled

    EntryLink(std::vector<Entry> entries, Links& links);  // links must outlive it

    // What one wait brought. `changed`: the entry is another one than before, or there is none now.
    struct Heard {
        Links::LinkId from = 0;
        proto::Message message;
    };
    struct Turn {
        std::vector<Heard> messages;  // of the entry and of former ones
        bool changed = false;
        bool heard = false;  // the entry said something
        bool interrupted = false;
    };
    Turn wait(proto::Instant until);

    void start();  // dials; repeated calls do nothing
    bool up() const { return current_.has_value(); }
    Links::LinkId link() const { return current_ ? candidates_[*current_].link : 0; }  // the entry's; 0: none
    bool exhausted() const;               // no entry is up and none is left to try
    bool has_alternative() const;         // another one is up, or may come up
    void give_up_entry(std::string why);  // it does not answer
    // `from` takes no requests; `relays` do, as it says, or `why` tells what is wrong with all it named. If it was the
    // entry, it is so no longer; another one may be at once.
    void redirect(Links::LinkId from, const std::vector<Entry>& relays, std::string why);
    bool send(const proto::Message& message);  // to the entry
    proto::Now now() { return links_.now(); }

    std::string name() const;  // "web1 (ipc:///run/mco/mcod.sock)"
    std::string peer() const { return links_.peer_name(link()); }  // "web1"; empty: none, or lost by now
    std::string name(Links::LinkId link) const;
    // Why nobody is reachable: each entry with its reason, one a line.
    std::string complaints() const;

 private:
    enum class State { untried, dialling, up, redirected, given_up, lost };
    struct Candidate {
        Entry entry;
        State state = State::untried;
        Links::LinkId link = 0;
        std::string why = {};
        std::string named_by = {};  // empty: configured
        std::size_t redirects = 0;  // how often it named others
    };
    void dial(Candidate& candidate);
    void dial_another();
    void take(const Links::Event& event, Turn& turn);
    void elect();
    bool relays_awaited() const;
    Candidate* relay(const Entry& entry, const std::string& named_by);
    Candidate* candidate(Links::LinkId link);
    std::size_t count(State state) const;

    Links& links_;
    std::vector<Candidate> candidates_;
    std::optional<std::size_t> current_;  // index of the entry
    std::optional<proto::Instant> next_dial_;
    std::optional<proto::Instant> relays_until_;  // named relays have the place to themselves
    bool started_ = false;
};

}  // namespace mco::client
