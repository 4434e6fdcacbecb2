#pragma once

#include <zmq.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

// Bare libzmq for the facts tests: sockets that close themselves, and a ZAP handler that the test drives. Nothing of ours.
namespace mco::facts {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Keys {
    std::array<char, 41> public_text{}, secret_text{};
    Keys() { REQUIRE(zmq_curve_keypair(public_text.data(), secret_text.data()) == 0); }
};

struct Message {
    std::vector<std::string> frames;
    std::vector<std::string> user_ids;  // of each frame, "" without
    int descriptor = -1;                // of the last frame
};

class Socket {
 public:
    Socket(void* context, int type) : handle_(zmq_socket(context, type)) {
        REQUIRE(handle_ != nullptr);
        set(ZMQ_LINGER, 0);
    }
    Socket(Socket&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Socket& operator=(Socket&&) = delete;
    ~Socket() { close(); }
    void close() {
        if (handle_ != nullptr) zmq_close(std::exchange(handle_, nullptr));
    }

    void* get() const { return handle_; }
    void set(int option, int value) { REQUIRE(zmq_setsockopt(handle_, option, &value, sizeof value) == 0); }
    void set(int option, const std::string& value) {
        REQUIRE(zmq_setsockopt(handle_, option, value.data(), value.size()) == 0);
    }
    int events() const {
        int value = 0;
        std::size_t size = sizeof value;
        REQUIRE(zmq_getsockopt(handle_, ZMQ_EVENTS, &value, &size) == 0);
        return value;
    }
    void curve_server(const Keys& own) {
        set(ZMQ_CURVE_SERVER, 1);
        set(ZMQ_CURVE_SECRETKEY, std::string(own.secret_text.data(), 40));
    }
    void curve_client(const Keys& own, const Keys& server) {
        set(ZMQ_CURVE_SERVERKEY, std::string(server.public_text.data(), 40));
        set(ZMQ_CURVE_PUBLICKEY, std::string(own.public_text.data(), 40));
        set(ZMQ_CURVE_SECRETKEY, std::string(own.secret_text.data(), 40));
    }
    // The kernel chooses: here nobody connects from this machine to a port of its own range by accident.
    std::string bind() {
        REQUIRE(zmq_bind(handle_, "tcp://127.0.0.1:*") == 0);
        std::array<char, 256> text{};
        std::size_t size = text.size();
        REQUIRE(zmq_getsockopt(handle_, ZMQ_LAST_ENDPOINT, text.data(), &size) == 0);
        return text.data();
    }
    void connect(const std::string& endpoint) { REQUIRE(zmq_connect(handle_, endpoint.c_str()) == 0); }
    // 0 or errno.
    int send(const std::vector<std::string>& frames) {
        for (std::size_t i = 0; i < frames.size(); ++i) {
            const int more = i + 1 < frames.size() ? ZMQ_SNDMORE : 0;
            if (zmq_send(handle_, frames[i].data(), frames[i].size(), ZMQ_DONTWAIT | more) < 0) return errno;
        }
        return 0;
    }
    std::optional<Message> receive() {
        Message message;
        for (;;) {
            zmq_msg_t frame;
            zmq_msg_init(&frame);
            if (zmq_msg_recv(&frame, handle_, ZMQ_DONTWAIT) < 0) {
                zmq_msg_close(&frame);
                return std::nullopt;
            }
            message.frames.emplace_back(static_cast<const char*>(zmq_msg_data(&frame)), zmq_msg_size(&frame));
            const char* user = zmq_msg_gets(&frame, "User-Id");
            message.user_ids.emplace_back(user == nullptr ? "" : user);
            message.descriptor = zmq_msg_get(&frame, ZMQ_SRCFD);
            const bool more = zmq_msg_more(&frame) != 0;
            zmq_msg_close(&frame);
            if (!more) return message;
        }
    }

 private:
    void* handle_;
};

struct MonitorEvent {
    std::uint16_t kind = 0;
    std::uint32_t value = 0;
};

// Stops the events before its own end goes: otherwise the I/O thread waits for a reader for ever.
class Monitor {
 public:
    Monitor(void* context, Socket& watched, int mask) : watched_(watched.get()), pair_(context, ZMQ_PAIR) {
        static int number = 0;
        const std::string address = "inproc://lab-" + std::to_string(++number);
        REQUIRE(zmq_socket_monitor(watched_, address.c_str(), mask) == 0);
        pair_.set(ZMQ_RCVHWM, 0);
        pair_.connect(address);
    }
    ~Monitor() { zmq_socket_monitor(watched_, nullptr, 0); }
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    void* get() const { return pair_.get(); }
    std::optional<MonitorEvent> next() {
        const auto message = pair_.receive();
        if (!message) return std::nullopt;
        MonitorEvent event;
        std::memcpy(&event.kind, message->frames.at(0).data(), sizeof event.kind);
        std::memcpy(&event.value, message->frames.at(0).data() + sizeof event.kind, sizeof event.value);
        return event;
    }

 private:
    void* watched_;
    Socket pair_;
};

class Lab {
 public:
    Lab() : context_(zmq_ctx_new()) { zmq_ctx_set(context_, ZMQ_BLOCKY, 0); }
    ~Lab() {
        zap_.reset();
        REQUIRE(zmq_ctx_term(context_) == 0);
    }
    Lab(const Lab&) = delete;
    Lab& operator=(const Lab&) = delete;

    Socket socket(int type) { return Socket(context_, type); }
    Monitor monitor(Socket& watched, int mask) { return Monitor(context_, watched, mask); }

    // Every question is answered with `status`; a welcomed key becomes "user-<first 4 octets in hex>".
    void serve_zap() {
        zap_ = std::make_unique<Socket>(context_, ZMQ_ROUTER);
        REQUIRE(zmq_bind(zap_->get(), "inproc://zeromq.zap.01") == 0);
    }
    void close_zap() { zap_.reset(); }
    std::string status = "200";
    int questions = 0;

    // Serves ZAP and looks again, until the condition holds or the limit has passed; whether it held.
    bool until(const std::function<bool()>& holds, std::chrono::milliseconds limit = 5s, std::vector<void*> also = {}) {
        const auto end = Clock::now() + limit;
        for (;;) {
            answer_zap();
            if (holds()) return true;
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
            if (left <= 0ms) return false;
            std::vector<zmq_pollitem_t> items;
            if (zap_) items.push_back({zap_->get(), 0, ZMQ_POLLIN, 0});
            for (void* handle : also) items.push_back({handle, 0, ZMQ_POLLIN, 0});
            zmq_poll(items.data(), static_cast<int>(items.size()), static_cast<long>(std::min(left, 5ms).count()));
        }
    }
    // The next event of a monitor that is one of `kinds`.
    std::optional<MonitorEvent> wait_for(Monitor& monitor, int kinds, std::chrono::milliseconds limit = 5s) {
        std::optional<MonitorEvent> found;
        until(
            [&] {
                while (auto one = monitor.next()) {
                    if ((one->kind & kinds) == 0) continue;
                    found = one;
                    return true;
                }
                return false;
            },
            limit, {monitor.get()});
        return found;
    }
    std::optional<Message> wait_message(Socket& socket, std::chrono::milliseconds limit = 5s) {
        std::optional<Message> found;
        until(
            [&] {
                found = socket.receive();
                return found.has_value();
            },
            limit, {socket.get()});
        return found;
    }

 private:
    void answer_zap() {
        while (zap_) {
            const auto asked = zap_->receive();
            if (!asked) return;
            ++questions;
            REQUIRE(asked->frames.size() == 9);
            zap_->send(
                {asked->frames[0], "", "1.0", asked->frames[3], status, "", status == "200" ? "somebody" : "", ""});
        }
    }

    void* context_;
    std::unique_ptr<Socket> zap_;
};

}  // namespace mco::facts
