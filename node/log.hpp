#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "node/line_limit.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"

namespace mco::node {

// info: a few lines a day. debug: what each request did. Nothing that a peer can trigger at will goes above debug.
enum class LogLevel : std::uint8_t { debug, info, warn, error, fatal };
std::string_view name(LogLevel level);
std::optional<LogLevel> log_level(std::string_view name);

// Who speaks. Each may have a level of its own.
enum class LogArea : std::uint8_t {
    daemon,   // start, reload, certificates, files
    mesh,     // links, members, roles
    request,  // admission, audit, execution
    agent,    // external agents and what they say
};
inline constexpr std::size_t log_areas = 4;
std::string_view name(LogArea area);

enum class LogTarget : std::uint8_t { console, file, syslog };

enum class LogFormat : std::uint8_t { text, json };

struct LogSettings {
    LogTarget target = LogTarget::console;
    std::filesystem::path file;  // of LogTarget::file
    LogLevel level = LogLevel::info;
    std::array<std::optional<LogLevel>, log_areas> areas{};  // otherwise `level`
    LogFormat format = LogFormat::text;
    std::string facility = "user";     // of LogTarget::syslog: user, daemon, local0 to local7
    std::size_t size_max = 2'097'152;  // octets; then the file is rotated; 0: never
    std::size_t keep = 5;              // rotated files kept
    std::string program = "mcod";      // who speaks
    friend bool operator==(const LogSettings&, const LogSettings&) = default;
};

// Control characters, including those of a terminal, and invalid UTF-8 as \xNN: one event stays one line, whatever a peer
// put into a name.
std::string escaped(std::string_view text);

// "info" or "info, mesh=debug, request=warn" into the two levels; what is wrong with it, "" if nothing.
std::string set_levels(LogSettings& settings, std::string_view text);

// Where the daemon's lines go. One thread: the reactor's. Lines are written at once, so that the last one before a crash
// is there. What is said again and again, above debug, is cut short by LineLimit, and counted.
class Log {
 public:
    static proto::Result<Log> open(const LogSettings& settings);  // error: the file cannot be written
    Log(Log&&) noexcept;
    Log& operator=(Log&&) noexcept;
    ~Log();

    // Errors have their hint behind a line break; here it follows after "; ". Everything else is escaped().
    void write(LogLevel level, std::string_view text, LogArea area = LogArea::daemon);
    void debug(std::string_view text, LogArea area = LogArea::daemon) { write(LogLevel::debug, text, area); }
    void info(std::string_view text, LogArea area = LogArea::daemon) { write(LogLevel::info, text, area); }
    void warn(std::string_view text, LogArea area = LogArea::daemon) { write(LogLevel::warn, text, area); }
    void error(std::string_view text, LogArea area = LogArea::daemon) { write(LogLevel::error, text, area); }
    void answer(std::string_view text);  // what an operator asked for just now: at any level, and all of it
    bool wants(LogLevel level, LogArea area = LogArea::daemon) const {  // spares the making of debug lines
        return level >= levels_[static_cast<std::size_t>(area)];
    }

    void elapse(proto::Instant now);  // once a turn: the clock of the limit, and what it left out
    std::optional<proto::Instant> next_deadline() const { return limit_.next_deadline(); }

    LogLevel level() const { return level_; }
    LogLevel next_level();         // debug, info, warn, error, fatal, debug; of all areas
    proto::Result<void> reopen();  // after somebody moved the file; on error the old one stays
    proto::Result<void> change(const LogSettings& settings);  // on error nothing changes

 private:
    struct Writer;
    Log(LogSettings settings, std::unique_ptr<Writer> writer);
    void put(LogLevel level, std::string_view line, LogArea area);
    void take_levels();
    LogSettings settings_;
    LogLevel level_;
    std::array<LogLevel, log_areas> levels_{};
    LineLimit limit_;
    proto::Instant now_{};
    std::unique_ptr<Writer> writer_;
};

}  // namespace mco::node
