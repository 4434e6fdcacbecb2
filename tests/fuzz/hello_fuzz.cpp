// A HELLO between a node and another node or a caller, where the fuzzer is the wire: it passes frames on, changes them,
// repeats old ones, or says something of its own. Whoever is `done` knows exactly the peer that is there.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "proto/codec.hpp"
#include "tests/fuzz/edits.hpp"
#include "tests/fuzz/parties.hpp"

using namespace mco;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

// One side's doings: what it was given, and whether it was ever refused.
template <typename Machine>
struct Side {
    Machine machine;
    std::vector<proto::Bytes> sent, received;
    bool done = false, dead = false;

    void give(proto::Bytes frame) {
        auto step = machine.receive(frame, fuzz::now());
        require(!step || (!dead && !done));  // neither death nor the end is left again
        if (!step) {
            dead = dead || !done;
            return;
        }
        received.push_back(std::move(frame));
        if (step->send) sent.push_back(std::move(*step->send));
        done = step->done;
        if constexpr (requires { step->refused; }) dead = step->refused.has_value();
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Parties parties;
    if (size == 0) return 0;
    const auto& client = (data[0] & 1U) != 0 ? parties.alice : parties.web1;
    auto trust = parties.trust();
    const auto record = client.role == proto::CertificateRole::caller ? proto::Bytes{} : parties.record(client);
    Side<security::HelloDialler> dialler{{client, trust, parties.web2.keys.curve.public_key, record}};
    Side<security::HelloAcceptor> acceptor{
        {parties.web2, trust, client.keys.curve.public_key, parties.record(parties.web2)}};
    dialler.sent.push_back(dialler.machine.start());

    std::span<const std::uint8_t> script(data + 1, size - 1);
    for (int steps = 0; script.size() >= 2 && steps < 16; ++steps) {
        const auto what = script[0];
        const std::size_t length = std::min<std::size_t>(script[1], script.size() - 2);
        const auto part = script.subspan(2, length);
        script = script.subspan(2 + length);
        const bool to_acceptor = (what & 1U) != 0;
        const auto& source = (what & 2U) != 0 ? acceptor.sent : dialler.sent;
        proto::Bytes frame(part.begin(), part.end());
        if ((what & 4U) == 0) {
            if (source.empty()) continue;
            frame = fuzz::edited(source[(what >> 4U) % source.size()], part);
        }
        if (to_acceptor) {
            acceptor.give(std::move(frame));
        } else {
            dialler.give(std::move(frame));
        }
    }
    if (acceptor.done) {
        require(acceptor.received == dialler.sent && acceptor.machine.peer().name == client.name);
        require(dialler.received.front() == acceptor.sent.front());
    }
    if (dialler.done) {
        require(dialler.received.front() == acceptor.sent.front() && dialler.machine.peer().name == "web2");
        require(dialler.machine.peer_record() == parties.record(parties.web2));
    }
    return 0;
}
