#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/messages.hpp"
#include "proto/time.hpp"

namespace mco::mesh::sim {

// One command of one caller, as mco behaves: a request to an entry, a spare when the first is lost or says nothing, the
// relays it is sent to instead, and a suspicious reading of everything that comes back. A pure machine like the engine; the
// world carries its frames and makes its connections.
class Client {
 public:
    struct Plan {
        proto::RequestId request{};
        std::string collective = "mcollective";
        std::chrono::milliseconds timeout{10'000};
        std::chrono::milliseconds ttl{60'000};    // after `created` nobody takes it any more
        proto::WallTime created{};                // set by the world
        std::chrono::milliseconds patience{200};  // without a word the next entry is asked
        bool slow = false;        // takes what comes, and gives no credit for it
        std::size_t credit_step = 0;  // set by the world
        std::size_t entries = 1;                  // how many links it has; the first one is asked first
    };
    explicit Client(Plan plan);

    void link_up(proto::Now now, std::size_t entry);
    void link_down(proto::Now now, std::size_t entry);
    void frame(proto::Now now, std::size_t entry, proto::BytesView frame);
    void elapse(proto::Now now);
    void cancel(proto::Now now);
    void repeat(proto::Now now, std::size_t entry);  // the same request, one attempt later, though nothing is wrong
    std::optional<proto::Instant> next_deadline() const;

    struct Out {
        std::size_t entry = 0;
        proto::Bytes frame;
    };
    std::vector<Out> take();
    // Sealed records of relays that a node named instead of itself; each becomes the next entry, whether it can be reached or
    // not (link_up or link_down).
    std::vector<proto::Bytes> take_dials();

    // What it knows of the newest attempt.
    struct Seen {
        proto::Outcome outcome = proto::Outcome::ok;
        std::optional<proto::Reason> reason;  // of missing ones
    };
    using Nodes = std::unordered_map<proto::PeerId, Seen>;
    const Plan& plan() const { return plan_; }
    const Nodes& nodes() const { return nodes_; }
    const std::map<std::string, proto::Missing>& groups_missing() const { return groups_; }  // whole ones, by name
    const std::optional<proto::Ledger>& closed() const { return closed_; }
    const std::optional<proto::Errc>& refused() const { return refused_; }
    std::optional<proto::Instant> asked_at() const { return asked_at_; }
    std::optional<proto::Instant> answered_at() const { return answered_at_; }  // when the latest answer came
    std::optional<proto::Instant> closed_at() const { return closed_at_; }
    // Cancelled before anybody took the request: nothing will come.
    bool gave_up() const { return cancelled_ && entry_ && useless_.contains(*entry_); }
    std::uint8_t attempt() const { return attempt_; }
    std::optional<std::size_t> entry() const { return entry_; }  // asked last
    std::size_t redirects() const { return redirects_; }
    const std::vector<std::string>& complaints() const { return complaints_; }
    const proto::Bytes& sealed() const { return sealed_; }

 private:
    void ask(proto::Now now, std::size_t entry);
    void ask_next(proto::Now now);
    void on_up(proto::Now now, const proto::Up& up);
    void on_redirect(proto::Now now, std::size_t entry, proto::Redirect redirect);
    void write_down(const proto::PeerId& node, Seen seen);
    void write_down(const proto::Missing& missing);
    void complain(std::string what);

    Plan plan_;
    proto::Bytes sealed_;
    std::set<std::size_t> linked_;
    std::set<std::size_t> useless_;  // leaves: they sent us on
    std::vector<Out> out_;
    std::vector<proto::Bytes> dials_;
    std::size_t entries_ = 0;
    std::optional<std::size_t> entry_;
    std::uint8_t attempt_ = 0;
    std::size_t redirects_ = 0;
    bool heard_ = false;  // something, in this attempt
    bool cancelled_ = false;
    std::optional<proto::Instant> asked_at_, patience_ends_, answered_at_, closed_at_;
    std::uint32_t sequence_ = 0;
    std::size_t taken_ = 0;
    Nodes nodes_;
    std::map<std::string, proto::Missing> groups_;
    proto::Ledger counted_;
    std::optional<proto::Ledger> closed_;
    std::optional<proto::Errc> refused_;
    std::vector<std::string> complaints_;
};

}  // namespace mco::mesh::sim
