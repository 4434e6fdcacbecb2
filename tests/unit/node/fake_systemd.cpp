#include "tests/unit/node/fake_systemd.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <stop_token>

#include <doctest/doctest.h>

namespace mco::test {

struct FakeSystemd::State {
    mutable std::mutex mutex;
    std::map<std::string, std::string> units;
    std::string result = "done", refusal;
    std::vector<std::string> calls;
    std::uint32_t jobs = 0;
};

namespace {

constexpr const char* manager_path = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";

using State = FakeSystemd::State;

std::string unit_of_path(const char* path) {
    char* name = nullptr;
    if (sd_bus_path_decode(path, "/org/freedesktop/systemd1/unit", &name) <= 0) return {};
    std::string unit(name);
    ::free(name);
    return unit;
}

int load_unit(sd_bus_message* message, void*, sd_bus_error*) {
    const char* name = nullptr;
    sd_bus_message_read(message, "s", &name);
    char* path = nullptr;
    sd_bus_path_encode("/org/freedesktop/systemd1/unit", name, &path);
    const int result = sd_bus_reply_method_return(message, "o", path);
    ::free(path);
    return result;
}

int subscribe(sd_bus_message* message, void*, sd_bus_error*) { return sd_bus_reply_method_return(message, ""); }

int change_unit(sd_bus_message* message, void* self, sd_bus_error* error) {
    auto& state = *static_cast<State*>(self);
    const std::scoped_lock lock(state.mutex);
    const char *unit = nullptr, *mode = nullptr;
    sd_bus_message_read(message, "ss", &unit, &mode);
    const std::string method = sd_bus_message_get_member(message);
    state.calls.push_back(method + " " + unit);
    if (!state.refusal.empty()) return sd_bus_error_set(error, state.refusal.c_str(), "so the test wants it");
    const auto number = ++state.jobs;
    const auto job = "/org/freedesktop/systemd1/job/" + std::to_string(number);
    if (state.result == "done") state.units[unit] = method == "StopUnit" ? "inactive" : "active";
    // As systemd may do it: the signal is out before the answer is read.
    if (!state.result.empty())
        sd_bus_emit_signal(sd_bus_message_get_bus(message), manager_path, manager_interface, "JobRemoved", "uoss",
                           number, job.c_str(), unit, state.result.c_str());
    return sd_bus_reply_method_return(message, "o", job.c_str());
}

int property(sd_bus*, const char* path, const char*, const char* name, sd_bus_message* reply, void* self,
             sd_bus_error*) {
    auto& state = *static_cast<State*>(self);
    const std::scoped_lock lock(state.mutex);
    const auto unit = state.units.find(unit_of_path(path));
    const bool known = unit != state.units.end();
    const bool load = std::strcmp(name, "LoadState") == 0;
    return sd_bus_message_append(reply, "s", load ? (known ? "loaded" : "not-found")
                                                  : (known ? unit->second.c_str() : "inactive"));
}

const sd_bus_vtable manager_table[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("LoadUnit", "s", "o", load_unit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Subscribe", "", "", subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("StartUnit", "ss", "o", change_unit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("StopUnit", "ss", "o", change_unit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RestartUnit", "ss", "o", change_unit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
    SD_BUS_VTABLE_END,
};
const sd_bus_vtable unit_table[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("LoadState", "s", property, 0, 0),
    SD_BUS_PROPERTY("ActiveState", "s", property, 0, 0),
    SD_BUS_VTABLE_END,
};

int any_unit(sd_bus*, const char*, const char*, void* self, void** found, sd_bus_error*) {
    *found = self;
    return 1;
}

void serve(int connection, State& state, const std::stop_token& stop) {
    sd_bus* bus = nullptr;
    sd_id128_t id{};
    id.bytes[0] = 1;
    sd_bus_new(&bus);
    sd_bus_set_fd(bus, connection, connection);
    sd_bus_set_server(bus, 1, id);
    sd_bus_set_anonymous(bus, 1);
    sd_bus_set_trusted(bus, 1);
    sd_bus_add_object_vtable(bus, nullptr, manager_path, manager_interface, manager_table, &state);
    sd_bus_add_fallback_vtable(bus, nullptr, "/org/freedesktop/systemd1/unit", "org.freedesktop.systemd1.Unit",
                               unit_table, any_unit, &state);
    sd_bus_start(bus);
    while (!stop.stop_requested()) {
        const int processed = sd_bus_process(bus, nullptr);
        if (processed < 0) break;
        if (processed == 0) sd_bus_wait(bus, 20'000);
    }
    sd_bus_flush_close_unref(bus);
}

}  // namespace

FakeSystemd::FakeSystemd(std::map<std::string, std::string> units) : state_(std::make_unique<State>()) {
    state_->units = std::move(units);
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = socket().string();
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 16) == 0);
    thread_ = std::jthread([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            pollfd one{.fd = listener_, .events = POLLIN, .revents = 0};
            if (::poll(&one, 1, 20) <= 0) continue;
            const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (connection >= 0) serve(connection, *state_, stop);
        }
    });
}

FakeSystemd::~FakeSystemd() {
    thread_.request_stop();
    thread_.join();
    ::close(listener_);
}

void FakeSystemd::jobs_end_with(const std::string& result) {
    const std::scoped_lock lock(state_->mutex);
    state_->result = result;
}

void FakeSystemd::refuse(const std::string& error_name) {
    const std::scoped_lock lock(state_->mutex);
    state_->refusal = error_name;
}

std::vector<std::string> FakeSystemd::calls() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->calls;
}

}  // namespace mco::test
