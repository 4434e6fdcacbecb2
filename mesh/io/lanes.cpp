#include "mesh/io/lanes.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"

namespace mco::mesh::io {

using proto::Errc;

proto::Bytes number_frame(std::uint64_t number) {
    proto::Bytes octets(8);
    for (std::size_t i = 0; i < 8; ++i) octets[i] = static_cast<std::uint8_t>(number >> (8 * (7 - i)));
    return octets;
}

std::optional<std::uint64_t> read_number(proto::BytesView frame) {
    if (frame.size() != 8) return std::nullopt;
    std::uint64_t number = 0;
    for (const auto octet : frame) number = number << 8 | octet;
    return number;
}

bool LaneOrder::take(std::uint64_t number, proto::Bytes frame, std::vector<proto::Bytes>& into) {
    if (number < due_) return false;
    if (number > due_) {
        held_octets_ += frame.size();
        return held_.emplace(number, std::move(frame)).second && held_octets_ <= proto::limits::lanes_held_max &&
               held_.size() <= proto::limits::lanes_held_max / 1024;
    }
    into.push_back(std::move(frame));
    ++due_;
    for (auto next = held_.begin(); next != held_.end() && next->first == due_; next = held_.erase(next), ++due_) {
        held_octets_ -= next->second.size();
        into.push_back(std::move(next->second));
    }
    return true;
}

DialledLanes::DialledLanes(const Context& context, const Outbound::Plan& plan, const security::CurvePair& own,
                           std::uint64_t link)
    : link_(link) {
    for (std::uint8_t number = 1; number < proto::limits::lanes_max; ++number) {
        if (auto outbound = Outbound::dial(context, plan, own))
            lanes_.push_back({.number = number, .outbound = std::move(*outbound)});
    }
}

void DialledLanes::append_handles(std::vector<void*>& into) const {
    for (const auto& lane : lanes_) lane.outbound.append_handles(into);
}

bool DialledLanes::drained() {
    return std::all_of(lanes_.begin(), lanes_.end(), [](Lane& lane) { return lane.outbound.drained(); });
}

proto::Result<void> DialledLanes::service(std::size_t frames_max, std::vector<Numbered>& into) {
    for (auto at = lanes_.begin(); at != lanes_.end();) {
        auto& lane = *at;
        const auto state = lane.outbound.observe();
        if (state == Outbound::State::established && !std::exchange(lane.joined, true))
            lane.outbound.socket().send({proto::encode(proto::Lane{link_, lane.number})});
        bool empty = false;
        for (std::size_t i = 0; i < frames_max && !empty; ++i) {
            auto received = lane.outbound.socket().receive(2);
            empty = !received.has_value();
            if (empty) break;
            if (!lane.ready) {
                const auto word = proto::decode(received->frames[0]);
                const auto* joined = word ? std::get_if<proto::Lane>(&*word) : nullptr;
                if (joined == nullptr || joined->link != link_ || joined->number != lane.number)
                    return proto::fail(Errc::malformed, "a connection of the link was not joined as it should");
                lane.ready = true;
                ready_.push_back(&lane);
                continue;
            }
            const auto number = received->frames.size() == 2 ? read_number(received->frames[0]) : std::nullopt;
            if (received->too_many || !number) return proto::fail(Errc::malformed, "a message without its number");
            into.push_back({*number, std::move(received->frames[1])});
        }
        if (state == Outbound::State::failed && empty) {
            if (lane.ready) return tl::unexpected(lane.outbound.failure());
            at = lanes_.erase(at);
        } else {
            ++at;
        }
    }
    return {};
}

}  // namespace mco::mesh::io
