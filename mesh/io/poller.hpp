#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "proto/error.hpp"

// Private to mesh/io.
namespace mco::mesh::io {

// Which of a host's sources have something to be read: epoll over the descriptors of libzmq's sockets and over plain ones. A turn then
// costs what is there to do, however many links stand. One thread.
//
// The descriptor of a libzmq socket tells of news only until any call on that socket takes the news in. So a turn ends by
// asking each source whether it is drained (Socket::drained()); one that is not stays ready.
class Poller {
 public:
    static proto::Result<std::unique_ptr<Poller>> open();  // `overloaded`: no more descriptors
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // What is read in one go. Stays where it is; the poller must outlive it.
    class Source {
     public:
        explicit Source(Poller& poller);
        ~Source();
        Source(const Source&) = delete;
        Source& operator=(const Source&) = delete;

        // One that is there already stays; a closed one leaves by itself.
        void add(int descriptor);
        void add(void* zmq_socket);
        bool ready = true;  // set by wait(), cleared by who reads

     private:
        Poller& poller_;
        std::uint64_t number_;
    };

    // Until a source is readable, at most so long (negative: no limit), and marks those that are. A signal ends it early.
    void wait(long milliseconds);
    // Readable while wait() would find something: for who waits for many pollers at once.
    int descriptor() const { return epoll_; }

 private:
    explicit Poller(int epoll) : epoll_(epoll) {}

    int epoll_;
    std::uint64_t sources_so_far_ = 0;
    std::unordered_map<std::uint64_t, Source*> sources_;  // by number, which is never used twice: news of a closed one finds nobody
};

}  // namespace mco::mesh::io
