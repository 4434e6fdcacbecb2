#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "client/command.hpp"
#include "client/links.hpp"
#include "proto/messages.hpp"
#include "proto/traits.hpp"
#include "security/keys.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::test {

using namespace std::chrono_literals;

struct PaperReply {
    proto::StatusCode status = proto::StatusCode::ok;
    std::string message = "OK";
    proto::Value::Map data = {};
};

// An authority with one caller and nodes, all with real keys, and a mesh of nothing but a clock that is a number.
struct PaperNode {
    std::string name;
    proto::Value::Map facts;
    std::vector<std::string> classes;
    // What it answers; by default rpcutil and discovery in miniature.
    proto::StatusCode status = proto::StatusCode::ok;
    std::string message = "OK";
    std::optional<proto::Value::Map> data = {};
    std::optional<proto::Missing> missing =
        {};  // does not answer: what the entry says of it (name and peer are filled in)
    proto::Duration delay = 2ms;
    std::function<PaperReply(const proto::RequestBody&)> act = {};  // does this with every request instead
};

class PaperMesh {
 public:
    explicit PaperMesh(std::vector<PaperNode> nodes);

    const proto::CertificateChain& chain(const std::string& name) const { return chains_.at(name); }
    const security::KeySet& keys(const std::string& name) const { return keys_.at(name); }
    proto::PeerId peer(const std::string& name) const { return security::peer_id(keys(name).sign.public_key); }
    const proto::Certificate& root() const { return root_; }
    security::TrustStore trust() const;
    security::Identity caller() const;
    // Keys are not copyable: the caller's are written once and read from here.
    const TempDir& dir() const { return dir_; }

    // A sealed reply of a node to a packed request, as an entry would carry it.
    proto::Answer answer(const std::string& node, proto::BytesView sealed_request, proto::StatusCode status,
                         std::string message, proto::Value data) const;
    // What a peer says of itself, as a redirect carries it.
    proto::Bytes record(const std::string& node, std::string link_endpoint,
                        std::function<void(proto::PeerRecordBody&)> change = {}) const;
    // Everything an honest entry sends for a request: Ack, an Up for each node, the closed ledger; with the delay of each.
    struct Timed {
        proto::Duration after;
        proto::Message message;
    };
    std::vector<Timed> honest(const proto::Request& request) const;

    std::vector<PaperNode> nodes;
    std::vector<proto::Missing> missing_groups;  // whole ones, told with the closed account
    proto::Now now{proto::Instant(1000s), proto::WallTime(1'790'000'000s)};

 private:
    proto::CertificateChain issue(const std::string& name, proto::CertificateRole role);
    struct Outcome {
        proto::Outcome outcome;
        proto::StatusCode status;
        std::string message;
        proto::Value data;
    };
    Outcome perform(const PaperNode& node, const proto::RequestBody& body) const;

    TempDir dir_;
    security::SignPair authority_;
    proto::Certificate root_;
    proto::Serial root_serial_{};
    std::map<std::string, security::KeySet> keys_;
    std::map<std::string, proto::CertificateChain> chains_;
};

// Links to entries of a paper mesh. Waiting moves the mesh's clock to whatever comes next.
class PaperLinks final : public client::Links {
 public:
    struct Behaviour {
        std::optional<proto::Duration> up_after = 1ms;  // empty: neither up nor lost, like a frozen process
        std::optional<std::string> refused = {};        // lost with this reason instead
        std::string name = "entry";
        // What it does with a message; by default what an honest entry does.
        std::function<void(PaperLinks&, LinkId, const proto::Message&)> hear = {};
    };
    PaperLinks(PaperMesh& mesh, std::map<std::string, Behaviour> entries) : mesh_(mesh), entries_(std::move(entries)) {}

    LinkId dial(const client::Entry& entry) override;
    void hang_up(LinkId link) override { links_.erase(link); }
    bool send(LinkId link, proto::BytesView frame) override;
    std::string peer_name(LinkId link) const override;
    proto::Now now() override { return mesh_.now; }
    void wait(proto::Instant until, std::vector<Event>& into) override;

    void deliver(LinkId link, proto::Duration after, const proto::Message& message);
    void lose(LinkId link, proto::Duration after, std::string why);
    void interrupt(proto::Duration after);
    void answer_honestly(LinkId link, const proto::Request& request);

    std::vector<std::string> dialled;  // endpoints, in order
    std::vector<std::pair<LinkId, proto::Message>> sent;
    // How many requests were injected, by attempt.
    std::vector<proto::Request> requests() const;

 private:
    PaperMesh& mesh_;
    std::map<std::string, Behaviour> entries_;
    std::map<LinkId, std::string> links_;
    std::multimap<proto::Instant, Event> future_;
    LinkId next_ = 1;
};

// mco on a paper mesh: a configuration file with real keys, strings for a terminal.
class PaperConsole {
 public:
    explicit PaperConsole(PaperMesh& mesh,
                          std::map<std::string, PaperLinks::Behaviour> entries = {{"tcp://127.0.0.1:1", {}}});

    struct Result {
        int status;
        std::string out, err;
    };
    Result run(std::vector<std::string> words);

    client::Terminal terminal;
    client::Environment environment;
    std::string extra_config;
    std::string input;  // what a person types
    bool piped = false;  // or what comes from a pipe
    PaperLinks* links = nullptr;  // of the last run, while it lasted
    std::function<void(PaperLinks&)> on_open = {};
    std::size_t opened = 0;  // how often links were asked for

 private:
    PaperMesh& mesh_;
    std::map<std::string, PaperLinks::Behaviour> entries_;
};

}  // namespace mco::test
