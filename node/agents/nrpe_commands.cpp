#include "node/agents/nrpe_commands.hpp"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "security/small_file.hpp"

namespace mco::node {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using proto::fail;
using proto::Result;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    while (!text.empty() && blanks.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
    while (!text.empty() && blanks.find(text.back()) != std::string_view::npos) text.remove_suffix(1);
    return text;
}

class Reading {
 public:
    Result<void> place(const fs::path& place) {
        std::error_code error;
        return fs::is_directory(place, error) ? folder(place) : file(place);
    }
    NrpeCommands commands;

 private:
    Result<void> folder(const fs::path& folder) {
        std::vector<fs::path> files;
        std::error_code error;
        const fs::directory_iterator none;
        for (fs::directory_iterator entry(folder, error); !error && entry != none; entry.increment(error)) {
            if (entry->path().extension() == ".cfg") files.push_back(entry->path());
            if (files.size() > nrpe_files_max) return too_many();
        }
        if (error) return fail(Errc::denied, fmt::format("{} cannot be read: {}", folder.string(), error.message()));
        std::sort(files.begin(), files.end());
        for (const auto& one : files) {
            if (auto read = file(one); !read) return read;
        }
        return {};
    }

    Result<void> file(const fs::path& file) {
        if (++files_ > nrpe_files_max) return too_many();  // ends circles of includes, too
        const auto octets =
            security::read_small_file(file, proto::limits::config_size_max, security::Access::trusted);
        if (!octets && octets.error().code == Errc::not_found) return {};
        if (!octets) return tl::unexpected(octets.error());
        std::string_view text(reinterpret_cast<const char*>(octets->data()), octets->size());
        while (!text.empty()) {
            const auto end = std::min(text.find('\n'), text.size());
            if (auto read = line(trimmed(text.substr(0, end))); !read) return read;
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        return {};
    }

    Result<void> line(std::string_view line) {
        if (line.empty() || line.front() == '#') return {};
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) return {};
        const auto key = trimmed(line.substr(0, equals)), value = trimmed(line.substr(equals + 1));
        if (key == "include" || key == "include_file" || key == "include_dir") return place(fs::path(value));
        constexpr std::string_view front = "command[";
        if (!key.starts_with(front) || !key.ends_with(']')) return {};  // a setting of the NRPE daemon's
        const auto name = key.substr(front.size(), key.size() - front.size() - 1);
        if (commands.size() == nrpe_commands_max && !commands.contains(name))
            return fail(Errc::invalid, fmt::format("more than {} checks are defined", nrpe_commands_max));
        commands.insert_or_assign(std::string(name), std::string(value));
        return {};
    }

    static tl::unexpected<proto::Error> too_many() {
        return fail(Errc::invalid, fmt::format("more than {} files define checks, or they include each other",
                                               nrpe_files_max));
    }

    std::size_t files_ = 0;
};

// $ARG12$ at the front of the text: its number and how long it is.
struct Macro {
    std::size_t number = 0, size = 0;
};
std::optional<Macro> macro_at(std::string_view text) {
    constexpr std::string_view front = "$ARG";
    if (!text.starts_with(front)) return std::nullopt;
    std::size_t at = front.size(), number = 0;
    for (; at < text.size() && at < front.size() + 2 && text[at] >= '0' && text[at] <= '9'; ++at)
        number = number * 10 + static_cast<std::size_t>(text[at] - '0');
    if (number == 0 || at >= text.size() || text[at] != '$') return std::nullopt;
    return Macro{.number = number, .size = at + 1};
}

bool takes_arguments(std::string_view text) {
    for (; !text.empty(); text.remove_prefix(1)) {
        if (macro_at(text)) return true;
    }
    return false;
}

struct Word {
    std::string text;
    bool quoted = false, filled = false;
};

// Nothing: only a shell can read it.
std::optional<std::vector<Word>> divide(std::string_view text, const std::vector<std::string>& arguments) {
    constexpr std::string_view shell = "|&;<>()`*?[]{}~#\n";
    std::vector<Word> words;
    bool within = false;
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char sign = text[i];
        if (quote == 0 && (sign == ' ' || sign == '\t')) {
            within = false;
            continue;
        }
        if (!within) words.emplace_back();
        within = true;
        auto& word = words.back();
        if (sign == '$' && quote != '\'') {
            const auto macro = macro_at(text.substr(i));
            if (!macro) return std::nullopt;
            word.filled = true;
            if (macro->number <= arguments.size()) word.text += arguments[macro->number - 1];
            i += macro->size - 1;
        } else if (quote != 0) {
            if (sign == quote) {
                quote = 0;
            } else if (quote == '"' && sign == '\\' && i + 1 < text.size()) {
                const char next = text[++i];
                if (next != '"' && next != '\\' && next != '$' && next != '`') word.text += sign;
                word.text += next;
            } else if (quote == '"' && sign == '`') {
                return std::nullopt;
            } else {
                word.text += sign;
            }
        } else if (sign == '\'' || sign == '"') {
            quote = sign;
            word.quoted = true;
        } else if (sign == '\\' && i + 1 < text.size()) {
            word.text += text[++i];
        } else if (shell.find(sign) != std::string_view::npos) {
            return std::nullopt;
        } else {
            word.text += sign;
        }
    }
    if (quote != 0) return std::nullopt;  // the shell will say so
    return words;
}

}  // namespace

Result<NrpeCommands> read_nrpe_commands(const std::vector<fs::path>& places) {
    Reading reading;
    for (const auto& place : places) {
        if (auto read = reading.place(place); !read) return tl::unexpected(read.error());
    }
    return std::move(reading.commands);
}

Result<std::vector<std::string>> nrpe_argv(std::string_view text, const std::vector<std::string>& arguments) {
    const auto words = divide(text, arguments);
    const bool assigns = words && !words->empty() && words->front().text.find('=') != std::string::npos;
    if (!words || assigns) {
        if (!takes_arguments(text)) return std::vector<std::string>{"/bin/sh", "-c", std::string(text)};
        return fail(Errc::invalid,
                    "its definition takes arguments and needs a shell, which could be misled by them\n"
                    "Put what needs the shell into a script, and name that in the definition.");
    }
    std::vector<std::string> argv;
    for (const auto& word : *words) {
        if (word.filled && !word.quoted && word.text.empty()) continue;  // an argument that was left out
        argv.push_back(word.text);
    }
    if (argv.empty()) return fail(Errc::invalid, "its definition is empty");
    return argv;
}

}  // namespace mco::node
