#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace mco::test {

// Answers one HTTP request a connection with what it is given, on a port that the kernel chose.
class SmallServer {
 public:
    SmallServer(int status, std::string body) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(listener_, 4) == 0);
        REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
        answer_ = "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\nConnection: close\r\n\r\n" + body;
        thread_ = std::jthread([this] { serve(); });
    }
    ~SmallServer() { stop(); }
    std::uint16_t port() const { return port_; }
    // What was asked, head and body; ends the server.
    std::vector<std::string> stop() {
        if (thread_.joinable()) {
            ::shutdown(listener_, SHUT_RDWR);
            thread_.join();
            ::close(listener_);
        }
        return requests_;
    }

 private:
    void serve() {
        while (true) {
            const int peer = ::accept(listener_, nullptr, nullptr);
            if (peer < 0) return;
            std::string request;
            char portion[4096];
            while (!is_whole(request)) {
                const auto count = ::read(peer, portion, sizeof portion);
                if (count <= 0) break;
                request.append(portion, static_cast<std::size_t>(count));
            }
            requests_.push_back(request);
            (void)::send(peer, answer_.data(), answer_.size(), MSG_NOSIGNAL);
            ::close(peer);
        }
    }
    static bool is_whole(const std::string& request) {
        if (!request.empty() && request.front() != 'P') return true;  // TLS: nothing will ever be whole
        const auto head = request.find("\r\n\r\n");
        const auto length = request.find("Content-Length: ");
        return head != std::string::npos &&
               (length == std::string::npos || request.size() - head - 4 >= std::stoul(request.substr(length + 16)));
    }

    int listener_;
    std::uint16_t port_ = 0;
    std::string answer_;
    std::vector<std::string> requests_;
    std::jthread thread_;
};

}  // namespace mco::test
