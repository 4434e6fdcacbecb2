#pragma once

#include <zmq.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// Bare libzmq for the floor: as little as possible between the clock and the library.
namespace mco::bench {

struct CurveKeys {
    std::array<char, 41> public_text{}, secret_text{};  // Z85
};

class Context {
 public:
    Context() : handle_(zmq_ctx_new()) {}
    ~Context() { zmq_ctx_term(handle_); }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    void* get() const { return handle_; }

 private:
    void* handle_;
};

// Aborts on what cannot go wrong in a benchmark of our own.
class Socket {
 public:
    Socket(const Context& context, int type);
    Socket(Socket&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Socket& operator=(Socket&&) = delete;
    ~Socket();

    void set(int option, int value);
    void set(int option, std::string_view value);
    void serve_curve(const CurveKeys& own, std::string_view zap_domain);
    void use_curve(const CurveKeys& own, const CurveKeys& server);
    std::string bind_loopback();  // a free port, chosen by the kernel
    void bind(const char* endpoint);
    void connect(const std::string& endpoint);
    void send(std::string_view frame, bool more = false);
    bool receive(std::string& into, bool& more);  // false: nothing there now
    void* get() const { return handle_; }

 private:
    void* handle_;
};

}  // namespace mco::bench
