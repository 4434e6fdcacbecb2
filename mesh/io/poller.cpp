#include "mesh/io/poller.hpp"

#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

namespace mco::mesh::io {

namespace {

constexpr std::size_t news_a_wait = 64;  // the rest is found by the next one

}  // namespace

proto::Result<std::unique_ptr<Poller>> Poller::open() {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return proto::fail(proto::Errc::overloaded,
                           fmt::format("no more file descriptors: {}\nRaise LimitNOFILE of the service (now: ulimit -n).",
                                       std::generic_category().message(errno)));
    return std::unique_ptr<Poller>(new Poller(epoll));
}

Poller::~Poller() { ::close(epoll_); }

Poller::Source::Source(Poller& poller) : poller_(poller), number_(++poller.sources_so_far_) {
    poller_.sources_.emplace(number_, this);
}

Poller::Source::~Source() { poller_.sources_.erase(number_); }

void Poller::Source::add(int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number_;
    if (::epoll_ctl(poller_.epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0 || errno == EEXIST) return;
    // Without it messages would never be seen.
    std::fprintf(stderr, "mco: epoll: %s\n", std::generic_category().message(errno).c_str());
    std::abort();
}

void Poller::Source::add(void* zmq_socket) {
    int descriptor = -1;
    std::size_t size = sizeof descriptor;
    if (zmq_getsockopt(zmq_socket, ZMQ_FD, &descriptor, &size) != 0) std::abort();  // ours, and open
    add(descriptor);
}

void Poller::wait(long milliseconds) {
    std::array<epoll_event, news_a_wait> news;
    const auto longest = static_cast<int>(std::clamp<long>(milliseconds, -1, INT_MAX));
    const int count = ::epoll_wait(epoll_, news.data(), static_cast<int>(news.size()), longest);
    for (int i = 0; i < count; ++i) {
        const auto found = sources_.find(news[static_cast<std::size_t>(i)].data.u64);
        if (found != sources_.end()) found->second->ready = true;
    }
}

}  // namespace mco::mesh::io
