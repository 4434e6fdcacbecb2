#include "bench/floor_socket.hpp"

#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

namespace mco::bench {

namespace {

void must(bool held, const char* what) {
    if (held) return;
    fmt::print(stderr, "mco-bench: {}: {}\n", what, zmq_strerror(errno));
    std::abort();
}

}  // namespace

Socket::Socket(const Context& context, int type) : handle_(zmq_socket(context.get(), type)) {
    must(handle_ != nullptr, "socket");
    set(ZMQ_LINGER, 0);
    set(ZMQ_SNDHWM, 0);
    set(ZMQ_RCVHWM, 0);
}

Socket::~Socket() {
    if (handle_ != nullptr) zmq_close(handle_);
}

void Socket::set(int option, int value) { must(zmq_setsockopt(handle_, option, &value, sizeof value) == 0, "option"); }
void Socket::set(int option, std::string_view value) {
    must(zmq_setsockopt(handle_, option, value.data(), value.size()) == 0, "option");
}

void Socket::serve_curve(const CurveKeys& own, std::string_view zap_domain) {
    set(ZMQ_CURVE_SERVER, 1);
    set(ZMQ_CURVE_SECRETKEY, std::string_view(own.secret_text.data(), 40));
    set(ZMQ_ZAP_DOMAIN, zap_domain);
}

void Socket::use_curve(const CurveKeys& own, const CurveKeys& server) {
    set(ZMQ_CURVE_SERVERKEY, std::string_view(server.public_text.data(), 40));
    set(ZMQ_CURVE_PUBLICKEY, std::string_view(own.public_text.data(), 40));
    set(ZMQ_CURVE_SECRETKEY, std::string_view(own.secret_text.data(), 40));
}

std::string Socket::bind_loopback() {
    bind("tcp://127.0.0.1:*");
    std::array<char, 256> text{};
    std::size_t size = text.size();
    must(zmq_getsockopt(handle_, ZMQ_LAST_ENDPOINT, text.data(), &size) == 0, "endpoint");
    return text.data();
}

void Socket::bind(const char* endpoint) { must(zmq_bind(handle_, endpoint) == 0, "bind"); }
void Socket::connect(const std::string& endpoint) { must(zmq_connect(handle_, endpoint.c_str()) == 0, "connect"); }

void Socket::send(std::string_view frame, bool more) {
    must(zmq_send(handle_, frame.data(), frame.size(), ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0, "send");
}

bool Socket::receive(std::string& into, bool& more) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    const bool got = zmq_msg_recv(&frame, handle_, ZMQ_DONTWAIT) >= 0;
    must(got || errno == EAGAIN || errno == EINTR, "receive");
    if (got) {
        into.assign(static_cast<const char*>(zmq_msg_data(&frame)), zmq_msg_size(&frame));
        more = zmq_msg_more(&frame) != 0;
    }
    zmq_msg_close(&frame);
    return got;
}

}  // namespace mco::bench
