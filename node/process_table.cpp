#include "node/process_table.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "proto/text_file.hpp"

namespace mco::node {
namespace {

constexpr std::size_t file_size_max = 4U << 20U;  // an argument list may have 2 MiB by default

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

// "PID (NAME) STATE PPID PGRP ...": the name may hold blanks and parentheses, so the last one ends it.
bool read_stat(std::string_view text, ProcessRow& row) {
    const auto open = text.find('('), close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) return false;
    row.command_line = fmt::format("[{}]", text.substr(open + 1, close - open - 1));
    text.remove_prefix(close + 1);
    for (std::size_t field = 3; field <= 24; ++field) {  // numbered as in proc(5)
        text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
        const auto word = text.substr(0, text.find_first_of(" \n"));
        text.remove_prefix(word.size());
        if (field == 3) {
            row.state = word;
            continue;
        }
        const auto value = number(word);
        if (!value) {
            if (field == 4 || field == 7 || field == 20 || field >= 23) return false;
            continue;  // some counters exceed 63 bits
        }
        if (field == 4) row.parent = static_cast<pid_t>(*value);
        if (field == 7) row.tty_nr = *value;
        if (field == 20) row.threads = *value;
        if (field == 23) row.vsize = *value;
        if (field == 24) row.rss = *value;
    }
    return true;
}

void read_command_line(std::string text, ProcessRow& row) {
    while (!text.empty() && text.back() == '\0') text.pop_back();
    if (text.empty()) return;
    text.resize(std::min(text.size(), command_line_max));
    std::replace(text.begin(), text.end(), '\0', ' ');
    row.command_line = std::move(text);
}

std::optional<ProcessRow> read_process(const std::filesystem::path& folder) {
    ProcessRow row;
    row.pid = static_cast<pid_t>(number(folder.filename().native()).value_or(0));
    struct stat owner {};
    if (row.pid <= 0 || ::stat(folder.c_str(), &owner) != 0) return std::nullopt;
    row.uid = owner.st_uid;
    const auto stat = proto::read_text_file(folder / "stat", file_size_max);
    if (!stat || !read_stat(*stat, row)) return std::nullopt;
    auto words = proto::read_text_file(folder / "cmdline", file_size_max);
    if (words) read_command_line(std::move(*words), row);
    return row;
}

}  // namespace

proto::Result<void> each_process(const std::filesystem::path& proc, const std::function<bool(const ProcessRow&)>& visit,
                                 std::stop_token stop) {
    std::error_code error;
    const std::filesystem::directory_iterator none;
    for (std::filesystem::directory_iterator entry(proc, error); !error && entry != none; entry.increment(error)) {
        if (stop.stop_requested()) return proto::fail(proto::Errc::expired, "told to stop");
        const auto row = read_process(entry->path());
        if (row && !visit(*row)) return {};
    }
    if (error)
        return proto::fail(proto::Errc::denied, fmt::format("{} cannot be read: {}", proc.string(), error.message()));
    return {};
}

}  // namespace mco::node
