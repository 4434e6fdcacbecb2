#include "node/agents/systemd.hpp"

#include <systemd/sd-bus.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <system_error>

#include <fmt/format.h>

namespace mco::node {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

constexpr const char* destination = "org.freedesktop.systemd1";
constexpr const char* manager_path = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";
constexpr const char* unit_interface = "org.freedesktop.systemd1.Unit";
constexpr std::uint64_t answer_us = 5'000'000;  // systemd answers at once, or not at all

template <auto Release>
struct Releaser {
    template <typename T>
    void operator()(T* held) const {
        Release(held);
    }
};
using Bus = std::unique_ptr<sd_bus, Releaser<sd_bus_close_unref>>;
using Message = std::unique_ptr<sd_bus_message, Releaser<sd_bus_message_unref>>;
using Slot = std::unique_ptr<sd_bus_slot, Releaser<sd_bus_slot_unref>>;
using Text = std::unique_ptr<char, Releaser<std::free>>;

struct BusError {
    sd_bus_error held = SD_BUS_ERROR_NULL;
    ~BusError() { sd_bus_error_free(&held); }
};

std::string why(int number) { return std::generic_category().message(number < 0 ? -number : number); }

// In systemd's words, as far as it has any.
tl::unexpected<proto::Error> refusal(const std::string& unit, const BusError& error, int number) {
    const std::string_view name = error.held.name == nullptr ? "" : error.held.name;
    const std::string text = error.held.message == nullptr ? why(number) : error.held.message;
    if (name == "org.freedesktop.systemd1.NoSuchUnit") return fail(Errc::not_found, fmt::format("{}: {}", unit, text));
    if (name == "org.freedesktop.DBus.Error.AccessDenied" || number == -EACCES || number == -EPERM ||
        name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired")
        return fail(Errc::denied, fmt::format("{}: {}; the daemon's user may not do that", unit, text));
    return fail(Errc::invalid, fmt::format("{}: {}", unit, text));
}

Result<Bus> open_bus(const std::filesystem::path& socket) {
    sd_bus* raw = nullptr;
    int result = 0;
    if (::access(socket.c_str(), R_OK | W_OK) == 0) {
        result = sd_bus_new(&raw);
        Bus bus(raw);
        const auto address = fmt::format("unix:path={}", socket.string());
        if (result >= 0) result = sd_bus_set_address(bus.get(), address.c_str());
        if (result >= 0) result = sd_bus_start(bus.get());
        if (result >= 0) return bus;
    } else {
        result = sd_bus_open_system(&raw);
        if (result >= 0) return Bus(raw);
    }
    return fail(Errc::unreachable, fmt::format("systemd cannot be reached over D-Bus: {}", why(result)));
}

// "nginx" is nginx.service; "backup.timer" is itself.
std::string unit_of(const std::string& service) {
    constexpr auto kinds =
        std::to_array<std::string_view>({".service", ".socket", ".timer", ".target", ".mount", ".path"});
    for (const auto kind : kinds) {
        if (service.ends_with(kind)) return service;
    }
    return service + ".service";
}

Result<std::string> property(sd_bus* bus, const char* path, const std::string& unit, const char* name) {
    BusError error;
    char* raw = nullptr;
    const int result = sd_bus_get_property_string(bus, destination, path, unit_interface, name, &error.held, &raw);
    const Text text(raw);
    if (result < 0) return refusal(unit, error, result);
    return std::string(text.get());
}

Result<ServiceManager::State> state_of(sd_bus* bus, const std::string& unit) {
    BusError error;
    sd_bus_message* raw = nullptr;
    const int called = sd_bus_call_method(bus, destination, manager_path, manager_interface, "LoadUnit", &error.held,
                                          &raw, "s", unit.c_str());
    const Message reply(raw);
    if (called < 0) return refusal(unit, error, called);
    const char* path = nullptr;
    if (sd_bus_message_read(reply.get(), "o", &path) < 0) return fail(Errc::internal, "systemd's answer has no path");
    const auto load = property(bus, path, unit, "LoadState");
    if (!load) return tl::unexpected(load.error());
    if (*load != "loaded" && *load != "masked")
        return fail(Errc::not_found, fmt::format("there is no service {} on this machine ({})", unit, *load));
    const auto active = property(bus, path, unit, "ActiveState");
    if (!active) return tl::unexpected(active.error());
    return *active == "active" || *active == "reloading" || *active == "activating" ? ServiceManager::State::running
                                                                                   : ServiceManager::State::stopped;
}

// A job of systemd's and how it ended. The signal may come before the answer that tells the job's path.
struct Jobs {
    std::array<std::pair<std::string, std::string>, 16> ended;  // the latest: path, result
    std::size_t count = 0;

    static int removed(sd_bus_message* message, void* self, sd_bus_error*) {
        std::uint32_t id = 0;
        const char *path = nullptr, *unit = nullptr, *result = nullptr;
        if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0) return 0;
        auto& jobs = *static_cast<Jobs*>(self);
        jobs.ended[jobs.count++ % jobs.ended.size()] = {path, result};
        return 0;
    }
    const std::string* find(std::string_view path) const {
        for (const auto& [one, result] : ended) {
            if (one == path) return &result;
        }
        return nullptr;
    }
};

Result<void> await(sd_bus* bus, const Jobs& jobs, const std::string& path, const std::string& unit,
                   const std::stop_token& stop) {
    constexpr std::uint64_t step_us = 100'000;  // so that `stop` is heard
    while (!stop.stop_requested()) {
        if (const auto* result = jobs.find(path)) {
            if (*result == "done" || *result == "skipped") return {};
            return fail(Errc::invalid, fmt::format("systemd's job for {} ended with: {}\nSee: journalctl -u {}", unit,
                                                   *result, unit));
        }
        const int processed = sd_bus_process(bus, nullptr);
        if (processed < 0)
            return fail(Errc::unreachable, fmt::format("the connection to systemd was lost: {}", why(processed)));
        if (processed == 0) sd_bus_wait(bus, step_us);
    }
    return fail(Errc::expired, fmt::format("systemd's job for {} is not finished; it goes on", unit));
}

const char* method_of(ServiceManager::Change what) {
    switch (what) {
        case ServiceManager::Change::start:
            return "StartUnit";
        case ServiceManager::Change::stop:
            return "StopUnit";
        case ServiceManager::Change::restart:
            return "RestartUnit";
    }
    return "";
}

}  // namespace

bool Systemd::runs_here() const { return ::access(mark_.c_str(), F_OK) == 0; }

Result<ServiceManager::State> Systemd::state(const std::string& service, std::stop_token) const {
    const auto bus = open_bus(socket_);
    if (!bus) return tl::unexpected(bus.error());
    sd_bus_set_method_call_timeout(bus->get(), answer_us);
    return state_of(bus->get(), unit_of(service));
}

Result<void> Systemd::change(Change what, const std::string& service, std::stop_token stop) const {
    const auto bus = open_bus(socket_);
    if (!bus) return tl::unexpected(bus.error());
    sd_bus_set_method_call_timeout(bus->get(), answer_us);
    const auto unit = unit_of(service);
    Jobs jobs;
    sd_bus_slot* raw_slot = nullptr;
    const auto match = fmt::format("type='signal',interface='{}',member='JobRemoved'", manager_interface);
    int result = sd_bus_add_match(bus->get(), &raw_slot, match.c_str(), &Jobs::removed, &jobs);
    const Slot slot(raw_slot);
    BusError error;
    if (result >= 0)
        result = sd_bus_call_method(bus->get(), destination, manager_path, manager_interface, "Subscribe", &error.held,
                                    nullptr, "");
    if (result < 0) return refusal(unit, error, result);
    sd_bus_message* raw = nullptr;
    result = sd_bus_call_method(bus->get(), destination, manager_path, manager_interface, method_of(what), &error.held,
                                &raw, "ss", unit.c_str(), "replace");
    const Message reply(raw);
    if (result < 0) return refusal(unit, error, result);
    const char* path = nullptr;
    if (sd_bus_message_read(reply.get(), "o", &path) < 0) return fail(Errc::internal, "systemd's answer has no job");
    return await(bus->get(), jobs, path, unit, stop);
}

}  // namespace mco::node
