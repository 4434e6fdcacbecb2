#include "node/log.hpp"

#include <sys/syslog.h>
#include <unistd.h>

#include <array>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>

#include "proto/config_file.hpp"
#include "proto/value.hpp"

namespace mco::node {
namespace {

constexpr std::array<std::pair<std::string_view, int>, 10> facilities{{{"user", LOG_USER},
                                                                       {"daemon", LOG_DAEMON},
                                                                       {"local0", LOG_LOCAL0},
                                                                       {"local1", LOG_LOCAL1},
                                                                       {"local2", LOG_LOCAL2},
                                                                       {"local3", LOG_LOCAL3},
                                                                       {"local4", LOG_LOCAL4},
                                                                       {"local5", LOG_LOCAL5},
                                                                       {"local6", LOG_LOCAL6},
                                                                       {"local7", LOG_LOCAL7}}};

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warn:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
        case LogLevel::fatal:
            return spdlog::level::critical;
    }
    return spdlog::level::critical;
}

proto::Result<spdlog::sink_ptr> make_sink(const LogSettings& settings) {
    try {
        switch (settings.target) {
            case LogTarget::console:
                return std::make_shared<spdlog::sinks::stderr_sink_st>();
            case LogTarget::file:
                if (settings.size_max == 0 || settings.keep == 0)
                    return std::make_shared<spdlog::sinks::basic_file_sink_st>(settings.file.string());
                return std::make_shared<spdlog::sinks::rotating_file_sink_st>(settings.file.string(), settings.size_max,
                                                                              settings.keep);
            case LogTarget::syslog:
                for (const auto& [name, number] : facilities) {
                    if (name == settings.facility)
                        return std::make_shared<spdlog::sinks::syslog_sink_st>(settings.program, LOG_PID, number,
                                                                               false);
                }
                return proto::fail(proto::Errc::invalid,
                                   fmt::format("logfacility '{}' is not known\nUse user, daemon or local0 to local7.",
                                               settings.facility));
        }
    } catch (const spdlog::spdlog_ex& error) {
        return proto::fail(
            proto::Errc::invalid,
            fmt::format("{}\nMake its folder, let this user write there, or change 'logfile'.", error.what()));
    }
    return proto::fail(proto::Errc::internal, "unknown log target");
}

// How many octets a well-formed, printable UTF-8 character takes at `at`; 0: not one.
std::size_t printable_at(std::string_view text, std::size_t at) {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = octet(at);
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    const std::size_t size = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
    if (size == 0 || at + size > text.size()) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((octet(at + i) & 0xc0) != 0x80) return 0;
    }
    const unsigned char second = octet(at + 1);
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool out_of_range = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
    const bool control = first == 0xc2 && second < 0xa0;  // C1: some terminals obey them
    return overlong || out_of_range || control ? 0 : size;
}

std::string in_one_line(std::string_view sentence) {
    std::string line;
    for (const char c : sentence) line += c == '\n' ? std::string_view("; ") : std::string_view(&c, 1);
    return line;
}

}  // namespace

std::string_view name(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "debug";
        case LogLevel::info:
            return "info";
        case LogLevel::warn:
            return "warn";
        case LogLevel::error:
            return "error";
        case LogLevel::fatal:
            return "fatal";
    }
    return "fatal";
}

std::optional<LogLevel> log_level(std::string_view text) {
    for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error, LogLevel::fatal}) {
        if (name(level) == text) return level;
    }
    return std::nullopt;
}

std::string_view name(LogArea area) {
    switch (area) {
        case LogArea::daemon:
            return "daemon";
        case LogArea::mesh:
            return "mesh";
        case LogArea::request:
            return "request";
        case LogArea::agent:
            return "agent";
    }
    return "daemon";
}

std::string set_levels(LogSettings& settings, std::string_view text) {
    settings.areas = {};
    for (const auto& part : proto::parse_list(text)) {
        const auto equals = part.find('=');
        const auto level = log_level(equals == std::string::npos ? part : part.substr(equals + 1));
        if (!level) return fmt::format("'{}' is not fatal, error, warn, info or debug, nor AREA=LEVEL", part);
        if (equals == std::string::npos) {
            settings.level = *level;
            continue;
        }
        std::size_t area = 0;
        while (area < log_areas && name(static_cast<LogArea>(area)) != std::string_view(part).substr(0, equals)) ++area;
        if (area == log_areas) return fmt::format("'{}' is no area: there are daemon, mesh, request and agent", part.substr(0, equals));
        settings.areas[area] = *level;
    }
    return text.empty() ? "it is empty: say 'info', or 'info, mesh=debug'" : "";
}

std::string escaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = printable_at(text, at);
        if (size == 0) {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at++]));
        } else {
            out += text.substr(at, size);
            at += size;
        }
    }
    return out;
}

struct Log::Writer {
    Writer(spdlog::sink_ptr sink, const LogSettings& settings) : logger(settings.program, std::move(sink)) {
        logger.set_level(spdlog::level::trace);  // levels are decided before a line is made
        logger.flush_on(spdlog::level::trace);
        const std::string time = "%Y-%m-%dT%H:%M:%S.%e%z";
        logger.set_pattern(settings.format == LogFormat::json
                               ? "{\"time\":\"" + time + "\",\"program\":\"" + settings.program + "\",\"pid\":%P,%v"
                               : time + " " + settings.program + "[%P] %v");
    }
    spdlog::logger logger;
};

Log::Log(LogSettings settings, std::unique_ptr<Writer> writer)
    : settings_(std::move(settings)), level_(settings_.level), writer_(std::move(writer)) {
    take_levels();
}
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;
Log::~Log() = default;

proto::Result<Log> Log::open(const LogSettings& settings) {
    auto sink = make_sink(settings);
    if (!sink) return tl::unexpected(sink.error());
    return Log(settings, std::make_unique<Writer>(std::move(*sink), settings));
}

void Log::write(LogLevel level, std::string_view text, LogArea area) {
    if (!wants(level, area)) return;
    const auto line = escaped(in_one_line(text));
    if (level == LogLevel::debug || limit_.pass(now_, line)) put(level, line, area);
}

void Log::answer(std::string_view text) { put(LogLevel::info, escaped(in_one_line(text)), LogArea::daemon); }

void Log::elapse(proto::Instant now) {
    now_ = now;
    if (const auto due = limit_.next_deadline(); !due || *due > now) return;
    for (const auto& left : limit_.ended(now))
        put(LogLevel::warn, fmt::format("{} more lines like this one were left out: {}", left.count, left.line), LogArea::daemon);
}

void Log::put(LogLevel level, std::string_view line, LogArea area) {
    if (settings_.format == LogFormat::json) {
        // The pattern has opened the object.
        const auto rest = proto::to_json(proto::Value::Map{{"level", name(level)}, {"area", name(area)}, {"message", line}});
        writer_->logger.log(spdlog_level(level), "{}", std::string_view(rest).substr(1));
    } else {
        writer_->logger.log(spdlog_level(level), "{}: {}", name(level), line);
    }
}

void Log::take_levels() {
    for (std::size_t i = 0; i < log_areas; ++i) levels_[i] = settings_.areas[i].value_or(level_);
}

LogLevel Log::next_level() {
    level_ = level_ == LogLevel::fatal ? LogLevel::debug : static_cast<LogLevel>(static_cast<std::uint8_t>(level_) + 1);
    levels_.fill(level_);
    return level_;
}

proto::Result<void> Log::reopen() {
    if (settings_.target != LogTarget::file) return {};
    auto sink = make_sink(settings_);
    if (!sink) return tl::unexpected(sink.error());
    writer_ = std::make_unique<Writer>(std::move(*sink), settings_);
    return {};
}

proto::Result<void> Log::change(const LogSettings& settings) {
    auto sink = make_sink(settings);
    if (!sink) return tl::unexpected(sink.error());
    writer_ = std::make_unique<Writer>(std::move(*sink), settings);
    settings_ = settings;
    level_ = settings.level;
    take_levels();
    return {};
}

}  // namespace mco::node
