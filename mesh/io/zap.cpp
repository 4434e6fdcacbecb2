#include "mesh/io/zap.hpp"

#include <zmq.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace mco::mesh::io {

namespace {

using security::LinkGate;
using namespace std::chrono_literals;

constexpr auto kept_for = 1s;
constexpr std::size_t kept_max = 256;              // of a place
constexpr std::size_t questions_a_turn = 64;       // a flood delays the links, it does not starve them
constexpr std::string_view link_domain = "link/", fanout_domain = "fanout/";
constexpr std::size_t zap_frames_max =
    9;  // routing id, delimiter, version, id, domain, address, identity, mechanism, key

// The source that a token bucket is for. An ipc peer is ":uid:gid:pid": every process of a user is the same source.
std::string source_of(std::string_view address) {
    const bool ipc = address.size() > 1 && address[0] == ':' && address[1] >= '0' && address[1] <= '9';
    return ipc ? "uid" + std::string(address.substr(0, address.find(':', 1))) : std::string(address);
}

}  // namespace

ZapPlace::ZapPlace(ZapDesk& desk, LinkGate& gate)
    : desk_(desk), gate_(gate), number_(std::to_string(desk.places_so_far_++)) {
    desk_.places_.emplace(number_, this);
}

// Its sockets are closed by now: what libzmq still asks for them is nobody's, and needs no answer.
ZapPlace::~ZapPlace() {
    std::erase_if(desk_.kept_, [this](const ZapDesk::Question& question) { return question.place == this; });
    desk_.places_.erase(number_);
}

std::string ZapPlace::domain(LinkGate::Plane plane) const {
    return std::string(plane == LinkGate::Plane::link ? link_domain : fanout_domain) + number_;
}

proto::Result<ZapDesk> ZapDesk::open(const Context& context) {
    ZapDesk desk;
    auto socket = Socket::open(context, SocketKind::router);
    if (!socket) return tl::unexpected(socket.error());
    desk.socket_ = std::move(*socket);
    if (const int code = desk.socket_.bind("inproc://zeromq.zap.01"); code != 0)
        return proto::fail(proto::Errc::internal, fmt::format("cannot serve ZAP: {}", zmq_strerror(code)));
    return desk;
}

bool ZapDesk::service(proto::Now now) {
    std::size_t answered = 0;
    for (; answered < questions_a_turn; ++answered) {
        const auto received = socket_.receive(zap_frames_max);
        if (!received) break;
        on_question(now, *received);
    }
    settle(now);
    return answered == questions_a_turn;
}

void ZapDesk::on_question(proto::Now now, const Received& received) {
    // libzmq asks us over inproc; a question of another shape cannot come from the network and cannot be answered.
    if (received.frames.size() != zap_frames_max || received.too_many) return;
    const auto& frames = received.frames;
    Question question{{frames[0], frames[1]}, frames[3], {}, source_of(proto::as_text(frames[5])), now.mono + kept_for, nullptr};
    const auto domain = proto::as_text(frames[4]);
    const auto key = proto::CurvePublicKey::from(frames[8]);
    const auto plane = domain.starts_with(link_domain) ? LinkGate::Plane::link : LinkGate::Plane::fanout;
    const auto prefix = plane == LinkGate::Plane::link ? link_domain : fanout_domain;
    if (domain.starts_with(prefix)) {
        const auto at = places_.find(std::string(domain.substr(prefix.size())));
        if (at != places_.end()) question.place = at->second;
    }
    const bool understood = proto::as_text(frames[2]) == "1.0" && proto::as_text(frames[7]) == "CURVE" &&
                            key.has_value() && question.place != nullptr;
    if (!understood) return answer(question, LinkGate::Answer::never);

    question.key = *key;
    auto& place = *question.place;
    const auto& doorman = place.doorman_;
    auto decision = place.gate_.decide(plane, *key, question.address, now.mono);
    if (plane == LinkGate::Plane::link && decision == LinkGate::Answer::welcome && doorman.full && doorman.full())
        decision = LinkGate::Answer::not_now;
    if (plane == LinkGate::Plane::fanout && decision == LinkGate::Answer::not_now) {
        if (place.kept_ < kept_max && doorman.greeting && doorman.greeting(*key)) {
            ++place.kept_;
            kept_.push_back(std::move(question));
            return;
        }
    }
    if (plane == LinkGate::Plane::fanout && decision != LinkGate::Answer::welcome) place.last_refused_ = *key;
    answer(question, decision);
}

void ZapDesk::settle(proto::Now now) {
    std::erase_if(kept_, [&](const Question& question) {
        const auto decision =
            question.place->gate_.decide(LinkGate::Plane::fanout, question.key, question.address, now.mono);
        const bool wait = decision == LinkGate::Answer::not_now && now.mono < question.until;
        if (!wait) {
            --question.place->kept_;
            answer(question, decision);
        }
        return !wait;
    });
}

std::optional<proto::Instant> ZapDesk::next_deadline() const {
    if (kept_.empty()) return std::nullopt;
    return kept_.front().until;
}

void ZapDesk::answer(const Question& question, LinkGate::Answer answer) {
    const bool welcome = answer == LinkGate::Answer::welcome;
    if (!welcome && question.place != nullptr) ++question.place->refused_;
    const std::string status = std::to_string(static_cast<unsigned>(answer));
    const std::string user_id = welcome ? question.key.hex() : std::string();
    const proto::BytesView none;
    // The asking session may have gone meanwhile; a ROUTER without MANDATORY then drops the answer, as it should.
    socket_.send({question.envelope[0], question.envelope[1], proto::as_bytes("1.0"), question.id,
                  proto::as_bytes(status), none, proto::as_bytes(user_id), none});
}

}  // namespace mco::mesh::io
