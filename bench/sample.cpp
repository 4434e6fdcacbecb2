#include "bench/sample.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include <fmt/format.h>

namespace mco::bench {

namespace {

constexpr std::size_t commit_digits = 12;

double microseconds(Sample::Duration duration) { return static_cast<double>(duration.count()) / 1'000.0; }

}  // namespace

std::string machine() {
    utsname names{};
    ::uname(&names);
    return fmt::format("{} {}, {} processors", names.sysname, names.machine, ::sysconf(_SC_NPROCESSORS_ONLN));
}

// As git keeps it, read without git: HEAD names a branch, and the branch's file the commit.
std::string commit() {
    namespace fs = std::filesystem;
    std::error_code error;
    for (auto folder = fs::read_symlink("/proc/self/exe", error); folder.has_relative_path(); folder = folder.parent_path()) {
        std::ifstream head(folder / ".git/HEAD");
        std::string word, id;
        if (!(head >> word)) continue;
        if (word != "ref:") return word.substr(0, commit_digits);
        if (head >> word && std::ifstream(folder / ".git" / word) >> id) return id.substr(0, commit_digits);
        return {};
    }
    return {};
}

Sample::Duration Sample::rank(std::size_t percent) const {
    auto sorted = durations_;
    std::sort(sorted.begin(), sorted.end());
    return sorted.at((sorted.size() * percent + 99) / 100 - 1);
}

Sample::Summary Sample::summary() const {
    auto sorted = durations_;
    std::sort(sorted.begin(), sorted.end());
    const auto rank = [&](std::size_t percent) { return sorted.at((sorted.size() * percent + 99) / 100 - 1); };
    double sum = 0;
    double squares = 0;
    for (const auto one : sorted) sum += static_cast<double>(one.count());
    const double mean = sum / static_cast<double>(sorted.size());
    for (const auto one : sorted) squares += std::pow(static_cast<double>(one.count()) - mean, 2);
    const auto whole = [](double value) { return Duration(static_cast<Duration::rep>(value)); };
    return {.least = sorted.front(),
            .p50 = rank(50),
            .p90 = rank(90),
            .p99 = rank(99),
            .most = sorted.back(),
            .mean = whole(mean),
            .deviation = whole(std::sqrt(squares / static_cast<double>(sorted.size())))};
}

std::string to_text(std::string_view name, const Parameters& parameters, const Sample& sample) {
    const auto summary = sample.summary();
    std::string line =
        fmt::format("{}: p50 {:.0f} us, p90 {:.0f} us, p99 {:.0f} us (least {:.0f}, most {:.0f}; {} rounds;", name,
                    microseconds(summary.p50), microseconds(summary.p90), microseconds(summary.p99),
                    microseconds(summary.least), microseconds(summary.most), sample.size());
    for (const auto& [key, value] : parameters) line += fmt::format(" {}={}", key, value);
    return line + fmt::format("; {})\n", machine());
}

// Names and values are ours and need no escaping.
std::string to_json(std::string_view name, const Parameters& parameters, const Sample& sample) {
    const auto summary = sample.summary();
    std::string line = fmt::format("{{\"name\":\"{}\",\"parameters\":{{", name);
    for (std::size_t i = 0; i < parameters.size(); ++i)
        line += fmt::format("{}\"{}\":\"{}\"", i == 0 ? "" : ",", parameters[i].first, parameters[i].second);
    return line +
           fmt::format(
               "}},\"version\":\"{}\",\"machine\":\"{}\",\"rounds\":{},\"least_us\":{:.1f},\"p50_us\":{:.1f},"
               "\"p90_us\":{:.1f},\"p99_us\":{:.1f},\"most_us\":{:.1f},\"mean_us\":{:.1f},\"deviation_us\":{:.1f}}}\n",
               MCO_VERSION, machine(), sample.size(), microseconds(summary.least), microseconds(summary.p50),
               microseconds(summary.p90), microseconds(summary.p99), microseconds(summary.most),
               microseconds(summary.mean), microseconds(summary.deviation));
}

}  // namespace mco::bench
