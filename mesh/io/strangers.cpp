#include "mesh/io/strangers.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace mco::mesh::io {
namespace {

// Of a socket, and of no other until the machine restarts; nothing: the descriptor is none.
std::optional<std::uint64_t> cookie_of(int descriptor) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) return std::nullopt;
    return cookie;
}

std::uint64_t octets_received(int descriptor) {
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;  // a Unix socket has a time only
}

}  // namespace

void Strangers::accepted(int descriptor, proto::Duration patience) {
    const auto cookie = cookie_of(descriptor);
    if (!cookie) return;
    cookies_.insert_or_assign(descriptor, *cookie);
    wait_for(descriptor, *cookie, patience);
}

void Strangers::distrust(int descriptor, proto::Duration patience) {
    const auto known = cookies_.find(descriptor);
    if (known != cookies_.end()) wait_for(descriptor, known->second, patience);
}

void Strangers::gone(int descriptor) {
    cookies_.erase(descriptor);
    waiting_.erase(descriptor);
}

void Strangers::wait_for(int descriptor, std::uint64_t cookie, proto::Duration patience) {
    if (waiting_.empty()) next_look_ = {};
    waiting_.insert_or_assign(descriptor, Stranger{cookie, octets_received(descriptor), patience, std::nullopt});
}

std::size_t Strangers::expel(proto::Now now) {
    if (waiting_.empty() || now.mono < next_look_) return 0;
    next_look_ = now.mono + look_every;
    std::size_t expelled = 0;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        auto& [descriptor, stranger] = *at;
        if (!stranger.until) stranger.until = now.mono + stranger.patience;
        const bool same = cookie_of(descriptor) == stranger.cookie;
        const bool over = same && (now.mono >= *stranger.until || octets_received(descriptor) > stranger.octets + octets_max);
        if (over) {
            ::shutdown(descriptor, SHUT_RDWR);
            ++expelled;
        }
        at = over || !same ? waiting_.erase(at) : std::next(at);
    }
    return expelled;
}

std::optional<proto::Instant> Strangers::next_deadline() const {
    return waiting_.empty() ? std::nullopt : std::optional(next_look_);
}

}  // namespace mco::mesh::io
