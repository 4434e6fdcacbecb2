#include "tests/e2e/script.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <regex>
#include <sstream>

#include <fmt/format.h>

namespace mco::test {
namespace {

struct Step {
    std::size_t line = 0;
    std::string command;
    std::vector<std::string> expected;
    std::vector<std::string> errors;
    std::string input;
    bool silent = false;
    int status = 0;
};

std::vector<Step> read_steps(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::vector<Step> steps;
    std::size_t number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        if (line.empty() || line.starts_with("#")) continue;
        if (line.starts_with("$ ")) {
            steps.push_back({.line = number, .command = line.substr(2)});
        } else if (steps.empty()) {
            steps.push_back({.line = number, .command = "(a line before the first command)"});
        } else if (line.starts_with("< ")) {
            steps.back().input += line.substr(2) + "\n";
        } else if (line == "!") {
            steps.back().silent = true;
        } else if (line.starts_with("! ")) {
            steps.back().errors.push_back(line.substr(2));
        } else if (line.starts_with("? ")) {
            steps.back().status = std::stoi(line.substr(2));
        } else {
            steps.back().expected.push_back(line);
        }
    }
    return steps;
}

void replace_first(std::string& text, const std::string& name, const std::string& value) {
    if (const auto at = text.find(name); at != std::string::npos) text.replace(at, name.size(), value);
}

std::vector<std::string> split_words(const std::string& command, const std::string& directory) {
    std::vector<std::string> words;
    std::optional<std::string> word;
    char quote = 0;
    for (const char c : command) {
        if (quote != 0) {
            if (c == quote)
                quote = 0;
            else
                *word += c;
        } else if (c == '\'' || c == '"') {
            quote = c;
            if (!word) word.emplace();
        } else if (c == ' ') {
            if (word) words.push_back(*word);
            word.reset();
        } else {
            if (!word) word.emplace();
            *word += c;
        }
    }
    if (word) words.push_back(*word);
    for (auto& each : words) {
        replace_first(each, "$DIR", directory);
        replace_first(each, "$SOURCE", MCO_SOURCE_DIR);
    }
    return words;
}

std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

bool line_matches(const std::string& expected, const std::string& line) {
    if (expected.starts_with("~ ")) return std::regex_search(line, std::regex(expected.substr(2)));
    return line == (expected == "." ? "" : expected);
}

// The first disagreement between what was expected and what was printed, or nothing.
std::optional<std::string> compare(const std::vector<std::string>& expected, const std::vector<std::string>& printed) {
    std::size_t at = 0;
    for (const auto& want : expected) {
        if (want.starts_with("~* ")) {
            const std::regex any(want.substr(3));
            while (at < printed.size() && std::regex_search(printed[at], any)) ++at;
        } else if (at == printed.size()) {
            return fmt::format("stdout ended where this was expected: {}", want);
        } else if (!line_matches(want, printed[at])) {
            return fmt::format("expected: {}\n     got: {}", want, printed[at]);
        } else {
            ++at;
        }
    }
    if (at < printed.size()) return fmt::format("unexpected line of stdout: {}", printed[at]);
    return std::nullopt;
}

std::optional<std::string> run_step(const Step& step, const Fleet& fleet) {
    std::string command = step.command;
    const std::string suffix = " | sort";
    const bool sorted = command.ends_with(suffix);
    if (sorted) command.resize(command.size() - suffix.size());
    auto words = split_words(command, fleet.dir().path().string());
    std::map<std::string, std::string> environment;
    while (!words.empty() && words.front() != "mco" && words.front().find('=') != std::string::npos) {
        const auto at = words.front().find('=');
        environment[words.front().substr(0, at)] = words.front().substr(at + 1);
        words.erase(words.begin());
    }
    if (words.empty() || words.front() != "mco") return "a command is: mco WORDS...";
    words.erase(words.begin());

    const auto finished = fleet.mco(std::move(words), std::move(environment), step.input);
    auto printed = split_lines(finished.out);
    if (sorted) std::sort(printed.begin(), printed.end());
    std::optional<std::string> wrong = compare(step.expected, printed);
    if (!wrong && finished.status != step.status)
        wrong = fmt::format("exit status {}, not {}", finished.status, step.status);
    if (!wrong && step.silent && !finished.err.empty()) wrong = "stderr is not empty";
    for (const auto& error : step.errors) {
        if (!wrong && !std::regex_search(finished.err, std::regex(error)))
            wrong = fmt::format("stderr does not have: {}", error);
    }
    if (wrong) *wrong += fmt::format("\n--- stdout\n{}--- stderr\n{}", finished.out, finished.err);
    return wrong;
}

}  // namespace

std::vector<std::filesystem::path> scripts_in(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> scripts;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.is_regular_file()) scripts.push_back(entry.path());
    }
    std::sort(scripts.begin(), scripts.end());
    return scripts;
}

std::vector<Mismatch> run_script(const std::filesystem::path& file, const Fleet& fleet) {
    std::vector<Mismatch> mismatches;
    for (const auto& step : read_steps(file)) {
        if (auto wrong = run_step(step, fleet))
            mismatches.push_back(
                {step.line, fmt::format("{}:{}: $ {}\n{}", file.filename().string(), step.line, step.command, *wrong)});
    }
    if (read_steps(file).empty()) mismatches.push_back({0, file.string() + " has no command"});
    return mismatches;
}

}  // namespace mco::test
