// From the engine to the sockets.

#include <utility>

#include <fmt/format.h>

#include "mesh/io/host_impl.hpp"
#include "security/entropy.hpp"

namespace mco::mesh::io {

// Performing an effect may tell the engine something (a full queue, a dead peer), which may cause more effects.
bool Host::Impl::apply_effects() {
    for (bool any = false;; any = true) {
        effects.clear();
        engine->drain(effects);
        if (effects.empty()) return any;
        const auto now = sample_clocks();
        auto batch = std::move(effects);
        for (auto& effect : batch) std::visit([&](auto& one) { perform(now, one); }, effect);
        effects = std::move(batch);
    }
}

bool Host::Impl::send(proto::Now now, LinkId link, proto::BytesView frame) {
    const auto found = links.find(link);
    if (found == links.end()) {
        ++counters.send_unreachable;
        return false;
    }
    Sent sent = Sent::unreachable;
    switch (found->second.side) {
        case Side::accepted:
            sent = server->send(link, frame);
            break;
        case Side::dialled: {
            ++counters.frames_out;
            const auto at = dialled.find(found->second.where);
            // Down is told by the link's own monitor; what is not taken while it is up, is a full queue.
            if (at != dialled.end()) sent = at->second.socket->send(frame) ? Sent::ok : Sent::full;
            break;
        }
    }
    switch (sent) {
        case Sent::ok:
            return true;
        case Sent::full:
            ++counters.send_full;
            engine->link_full(now, link);
            return false;
        case Sent::unreachable:
            ++counters.send_unreachable;
            link_down(now, link, "the connection closed");
            return false;
    }
    return false;
}

void Host::Impl::perform(proto::Now now, Send& one) { send(now, one.to, one.frame); }

void Host::Impl::perform(proto::Now, Publish& one) {
    if (fanout) {
        fanout->publish(one.topic, one.frame);
    } else {
        ++counters.send_unreachable;
    }
}

void Host::Impl::perform(proto::Now, Dial& one) {
    if (dialled.contains(one.where)) return;
    ++counters.dials;
    auto socket = std::make_unique<DialLink>(venue->context(), one.where.endpoint, one.where.key, self, trust, record,
                                             DialLink::Retry{}, security::entropy::number());
    dialled.try_emplace(one.where, *poller, std::move(socket));
}

void Host::Impl::perform(proto::Now now, Undial& one) {
    const auto found = dialled.find(one.where);
    if (found == dialled.end()) return;
    const LinkId link = found->second.link;
    if (link != 0) gate.release(one.where.key);
    dialled.erase(found);
    if (link != 0) link_down(now, link, "not needed any more");
}

void Host::Impl::perform(proto::Now now, Follow& one) {
    const auto known_one = followers.find(one.where);
    if (known_one == followers.end()) {
        followers.try_emplace(one.where, *poller, venue->context(), one.where, std::move(one.topics), self, security::entropy::number());
        return;
    }
    known_one->second.socket.retopic(std::move(one.topics));
    known_one->second.socket.hurry(now);
}

void Host::Impl::perform(proto::Now, Unfollow& one) { followers.erase(one.where); }

void Host::Impl::perform(proto::Now now, Hangup& one) {
    const auto found = links.find(one.link);
    if (found == links.end()) return;
    ++counters.hung_up;
    const std::string why = fmt::format("hung up: {}", proto::name(one.why));
    switch (found->second.side) {
        case Side::accepted:
            server->hang_up(one.link, one.why, why);
            break;
        case Side::dialled: {
            const auto at = dialled.find(found->second.where);
            if (at == dialled.end() || at->second.link != one.link) break;
            at->second.link = 0;
            gate.release(found->second.where.key);
            at->second.socket->hang_up(now, {one.why, why});
            break;
        }
    }
    link_down(now, one.link, why);
}

void Host::Impl::perform(proto::Now now, Perform& one) { owner.perform(now, one.request, std::move(one.sealed)); }

void Host::Impl::perform(proto::Now now, Withdraw& one) {
    if (owner.withdraw) owner.withdraw(now, one.request);
}

void Host::Impl::perform(proto::Now now, Notice& one) {
    ++counters.notices[static_cast<std::size_t>(one.kind)];
    if (owner.notice) owner.notice(now, one);
}

}  // namespace mco::mesh::io
