#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "node/descriptor.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"

namespace mco::node {

// Where Prometheus asks: GET /metrics by HTTP/1, on a loopback address only, so it is no service to the network. One request a
// connection, a bounded number of connections and octets, and patience with none; everything else is answered with an error and closed.
// A library's server would bring threads of its own to what only the reactor may look at. One thread.
class MetricsPort {
 public:
    static constexpr std::size_t connections_max = 8;  // further ones are closed at once
    static constexpr std::size_t request_size_max = 4'096;
    static constexpr proto::Duration patience = std::chrono::seconds(5);

    // "127.0.0.1:PORT" or "[::1]:PORT"; port * is any free one. What is wrong with it; "" if nothing.
    static std::string check(std::string_view address);
    // Of a checked address. The error names it and why it cannot be bound.
    static proto::Result<std::unique_ptr<MetricsPort>> open(std::string_view address);

    int descriptor() const { return poll_.get(); }  // readable: serve() has something to do
    std::optional<proto::Instant> next_deadline() const;
    using Page = std::function<std::string()>;
    void serve(proto::Instant now, const Page& page);  // a bounded amount; also when next_deadline() has passed
    std::string url() const;

 private:
    struct Connection {
        Descriptor socket;
        proto::Instant until;
        std::string in, out;
        bool answering = false;
    };
    MetricsPort(Descriptor listener, Descriptor poll, std::string host, std::uint16_t port)
        : listener_(std::move(listener)), poll_(std::move(poll)), host_(std::move(host)), port_(port) {}
    void take(proto::Instant now);
    bool read(Connection& one, const Page& page);  // false: it is over
    bool write(Connection& one);
    void listen(bool on);

    Descriptor listener_, poll_;
    std::string host_;
    std::uint16_t port_;
    std::list<Connection> connections_;
    std::optional<proto::Instant> deaf_until_;  // out of descriptors: a moment without asking
};

}  // namespace mco::node
