#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/core/engine.hpp"
#include "proto/messages.hpp"

namespace mco::test {

using namespace std::chrono_literals;

// Peers are numbers here; a larger number is a larger id.
proto::PeerId peer(std::uint8_t number);
proto::RequestId request_id(std::uint32_t number);
proto::CurvePublicKey curve_key(std::uint8_t number);
proto::PeerRecordBody record(std::uint8_t number, std::uint64_t incarnation = 1, std::uint32_t sequence = 0);
mesh::Address address(std::uint8_t number);
proto::Bytes sealed(const proto::PeerRecordBody& record);
mesh::SharedRecord shared(const proto::PeerRecordBody& record);
proto::Bytes sealed_request(std::uint32_t number, std::chrono::milliseconds timeout = 10s,
                            std::string collective = "mcollective");

// One engine and a hand-cranked host: what it is told, and what it left since the last look. Our number is 50 unless said.
class Rig {
 public:
    explicit Rig(std::uint8_t self = 50, std::vector<mesh::Address> seeds = {}, mesh::Timing timing = {},
                 mesh::Engine::Memory memory = {});
    ~Rig();  // checks the invariants once more

    mesh::Engine engine;
    proto::Now now;
    void pass(proto::Duration time);  // and lets it elapse

    // Links are numbered from 1 in the order in which they come up.
    mesh::LinkId link(std::uint8_t number, mesh::Side side = mesh::Side::accepted, std::uint64_t incarnation = 1);
    mesh::LinkId link(const proto::PeerRecordBody& record, mesh::Side side = mesh::Side::accepted);
    mesh::LinkId leaf(std::uint8_t number);  // linked, attached to us as its primary, and subscribed
    mesh::LinkId client(std::uint8_t number = 200);
    void down(mesh::LinkId link) { engine.link_down(now, link); }
    void say(mesh::LinkId link, const proto::Message& message);
    void gossip(mesh::LinkId link, const proto::PeerRecordBody& record,
                proto::MemberState state = proto::MemberState::up, std::chrono::milliseconds since = 0ms);
    void subscribe(std::uint8_t number, std::string_view collective = "mcollective");
    // A client's request; its frames are read with sent<T>(client link).
    void ask(mesh::LinkId client, std::uint32_t number, std::uint8_t attempt = 1,
             std::chrono::milliseconds timeout = 10s);
    void publish(std::uint32_t number, std::uint8_t accountant, std::uint8_t attempt = 1);  // by somebody we follow
    void answer(mesh::LinkId link, std::uint32_t number, std::uint8_t from, proto::Outcome outcome = proto::Outcome::ok,
                proto::Bytes reply = {1, 2, 3});
    void performed(std::uint32_t number, proto::Outcome outcome = proto::Outcome::ok, proto::Bytes reply = {7});

    // What was left since the last forget(), in order; `sent` opens the frames of one type on one link.
    const std::vector<mesh::Effect>& effects();
    void forget();
    template <typename T>
    std::vector<T> sent(mesh::LinkId link) {
        std::vector<T> found;
        for (const auto& message : messages(link)) {
            if (const auto* one = std::get_if<T>(&message)) found.push_back(*one);
        }
        return found;
    }
    template <typename T>
    std::vector<T> all() {
        std::vector<T> found;
        for (const auto& effect : effects()) {
            if (const auto* one = std::get_if<T>(&effect)) found.push_back(*one);
        }
        return found;
    }
    bool noticed(mesh::NoticeKind kind);
    std::optional<proto::MemberState> state_of(std::uint8_t number) const;

 private:
    std::vector<proto::Message> messages(mesh::LinkId link);

    mesh::LinkId links_ = 0;
    std::vector<mesh::Effect> effects_;
};

// Of one account at one client: the ledger of the last Up, and what became of a node in all of them.
proto::Ledger last_ledger(const std::vector<proto::Up>& ups);
std::optional<proto::Missing> missing(const std::vector<proto::Up>& ups, std::uint8_t number);
std::optional<proto::Answer> answer_of(const std::vector<proto::Up>& ups, std::uint8_t number);
bool closed(const std::vector<proto::Up>& ups);

}  // namespace mco::test
