#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proto/error.hpp"

namespace mco::node {

// info: a few lines a day. debug: what each request did. Nothing that a peer can trigger at will goes above debug.
enum class LogLevel : std::uint8_t { debug, info, warn, error, fatal };
std::string_view name(LogLevel level);
std::optional<LogLevel> log_level(std::string_view name);

enum class LogTarget : std::uint8_t { console, file, syslog };

enum class LogFormat : std::uint8_t { text, json };

struct LogSettings {
    LogTarget target = LogTarget::console;
    std::filesystem::path file;  // of LogTarget::file
    LogLevel level = LogLevel::info;
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

// Where the daemon's lines go. One thread: the reactor's. Lines are written at once, so that the last one before a crash
// is there.
class Log {
 public:
    static proto::Result<Log> open(const LogSettings& settings);  // error: the file cannot be written
    Log(Log&&) noexcept;
    Log& operator=(Log&&) noexcept;
    ~Log();

    // Errors have their hint behind a line break; here it follows after "; ". Everything else is escaped().
    void write(LogLevel level, std::string_view text);
    void debug(std::string_view text) { write(LogLevel::debug, text); }
    void info(std::string_view text) { write(LogLevel::info, text); }
    void warn(std::string_view text) { write(LogLevel::warn, text); }
    void error(std::string_view text) { write(LogLevel::error, text); }
    bool wants(LogLevel level) const { return level >= level_; }  // spares the making of debug lines

    LogLevel level() const { return level_; }
    LogLevel next_level();         // debug, info, warn, error, fatal, debug
    proto::Result<void> reopen();  // after somebody moved the file; on error the old one stays
    proto::Result<void> change(const LogSettings& settings);  // on error nothing changes

 private:
    struct Writer;
    Log(LogSettings settings, std::unique_ptr<Writer> writer);
    LogSettings settings_;
    LogLevel level_;
    std::unique_ptr<Writer> writer_;
};

}  // namespace mco::node
