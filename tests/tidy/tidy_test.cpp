// The rules of the house that a machine can check: include arrows, where third-party headers may be named, nothing missing
// from CMake, no sleeping tests, no file that should have been split. It checks facts, not taste.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace {

namespace fs = std::filesystem;

struct Source {
    std::string path;  // relative to the root, with slashes
    std::vector<std::string> lines;
};

const std::vector<std::string> rooms{"proto", "security", "mesh", "node", "client", "bench", "tests", "conf"};

std::vector<std::string> read_lines(const fs::path& file) {
    std::ifstream stream(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

std::vector<Source> sources(const std::vector<std::string>& extensions) {
    std::vector<Source> found;
    for (const auto& room : rooms) {
        const fs::path top = fs::path(MCO_SOURCE_DIR) / room;
        if (!fs::exists(top)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(top)) {
            const std::string extension = entry.path().extension();
            if (!entry.is_regular_file() ||
                std::find(extensions.begin(), extensions.end(), extension) == extensions.end())
                continue;
            found.push_back({fs::relative(entry.path(), MCO_SOURCE_DIR).generic_string(), read_lines(entry.path())});
        }
    }
    std::sort(found.begin(), found.end(), [](const Source& a, const Source& b) { return a.path < b.path; });
    return found;
}

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

// The text between the delimiters of an #include line, or nothing.
std::string included(const std::string& line, char open, char close) {
    const auto hash = line.find_first_not_of(" \t");
    if (hash == std::string::npos || !starts_with(std::string_view(line).substr(hash), "#include")) return {};
    const auto from = line.find(open);
    if (from == std::string::npos) return {};
    const auto to = line.find(close, from + 1);
    return to == std::string::npos ? std::string() : line.substr(from + 1, to - from - 1);
}

// Longest prefix wins, so that mesh/core and client's one door into mesh/io have rows of their own.
struct Arrow {
    std::string from;
    std::vector<std::string> may_include;
};
const std::vector<Arrow> arrows{
    {"proto/", {"proto/"}},
    {"security/", {"security/", "proto/"}},
    {"mesh/core/", {"mesh/core/", "proto/"}},
    {"mesh/sim/", {"mesh/sim/", "mesh/core/", "proto/"}},
    {"mesh/io/", {"mesh/io/", "mesh/core/", "security/", "proto/"}},
    {"mesh/", {"mesh/io/", "mesh/core/", "security/", "proto/"}},
    {"node/", {"node/", "mesh/io/", "mesh/core/", "security/", "proto/"}},
    {"client/", {"client/", "mesh/io/dial_link.hpp", "security/", "proto/"}},
    {"conf/", {"conf/"}},
    {"bench/", {"bench/", "mesh/", "node/", "security/", "proto/"}},
    {"tests/", {"tests/", "proto/", "security/", "mesh/", "node/", "client/", "bench/"}},
};

const Arrow* arrow_of(const std::string& path) {
    const Arrow* best = nullptr;
    for (const auto& arrow : arrows) {
        if (starts_with(path, arrow.from) && (best == nullptr || arrow.from.size() > best->from.size())) best = &arrow;
    }
    return best;
}

// Third-party headers and the only places that may name them.
struct Enclosure {
    std::string header;
    std::vector<std::string> allowed_in;
    std::size_t files_max;  // per program side; 0: any number
};
const std::vector<Enclosure> enclosures{
    {"msgpack", {"proto/codec", "tests/"}, 0},
    {"re2/", {"proto/"}, 0},
    {"tao/", {"proto/"}, 1},
    {"nlohmann/", {"proto/", "conf/agents/", "tests/"}, 0},
    {"sodium", {"security/", "tests/"}, 0},
    {"zmq", {"mesh/io/", "bench/", "tests/"}, 0},
    {"yaml-cpp/", {"proto/"}, 1},
    {"curl/", {"client/"}, 1},
    {"spdlog/", {"node/"}, 1},
    {"systemd/sd-bus", {"node/", "tests/unit/node/"}, 2},  // the client of systemd, and what it is tested with
    {"systemd/sd-daemon", {"node/"}, 1},
    {"prometheus/", {"node/"}, 1},
    {"md5.h", {"node/"}, 1},
    {"benchmark/", {"bench/"}, 0},
    {"doctest/", {"tests/"}, 0},
};

TEST_CASE("every include follows an arrow of the design") {
    for (const auto& source : sources({".hpp", ".cpp"})) {
        const Arrow* arrow = arrow_of(source.path);
        REQUIRE_MESSAGE(arrow != nullptr, source.path);
        for (const auto& line : source.lines) {
            const std::string target = included(line, '"', '"');
            if (target.empty()) continue;
            CHECK_MESSAGE(fs::exists(fs::path(MCO_SOURCE_DIR) / target),
                          source.path << " includes " << target << ", which is not a path from the root");
            const bool allowed = std::any_of(arrow->may_include.begin(), arrow->may_include.end(),
                                             [&](const std::string& prefix) { return starts_with(target, prefix); });
            CHECK_MESSAGE(allowed, source.path << " must not include " << target);
        }
    }
}

TEST_CASE("third-party headers stay where they are locked up") {
    std::map<std::string, std::vector<std::string>> users;
    for (const auto& source : sources({".hpp", ".cpp"})) {
        for (const auto& line : source.lines) {
            const std::string target = included(line, '<', '>');
            for (const auto& enclosure : enclosures) {
                if (!starts_with(target, enclosure.header)) continue;
                const bool allowed =
                    std::any_of(enclosure.allowed_in.begin(), enclosure.allowed_in.end(),
                                [&](const std::string& prefix) { return starts_with(source.path, prefix); });
                CHECK_MESSAGE(allowed, source.path << " must not include <" << target << ">");
                const bool header = source.path.ends_with(".hpp") && !starts_with(source.path, "tests/");
                const bool for_agents = source.path == "conf/agents/mco/agent.hpp";  // JSON is what its readers speak
                CHECK_MESSAGE((!header || starts_with(source.path, "bench/") || for_agents),
                              source.path << " is a header and must not include <" << target << ">");
                auto& files = users[enclosure.header];
                if (std::find(files.begin(), files.end(), source.path) == files.end()) files.push_back(source.path);
            }
        }
    }
    for (const auto& enclosure : enclosures) {
        if (enclosure.files_max != 0)
            CHECK_MESSAGE(users[enclosure.header].size() <= enclosure.files_max,
                          enclosure.header << " is used in several files");
    }
}

TEST_CASE("every source is built by name") {
    std::map<std::string, std::string> lists;  // folder of a CMakeLists.txt -> its text
    for (const auto& room : rooms) {
        const fs::path top = fs::path(MCO_SOURCE_DIR) / room;
        if (!fs::exists(top)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(top)) {
            if (entry.path().filename() != "CMakeLists.txt") continue;
            std::ifstream stream(entry.path());
            std::stringstream text;
            text << stream.rdbuf();
            CHECK_MESSAGE(text.str().find("GLOB") == std::string::npos, entry.path().string() << " globs");
            lists[fs::relative(entry.path().parent_path(), MCO_SOURCE_DIR).generic_string()] = text.str();
        }
    }
    for (const auto& source : sources({".cpp"})) {
        bool named = false;
        for (const auto& [folder, text] : lists) {
            if (!starts_with(source.path, folder + "/")) continue;
            std::string rest = source.path.substr(folder.size() + 1);
            if (rest.ends_with("_fuzz.cpp"))
                rest = "mco_fuzz_target(" + rest.substr(0, rest.size() - 9);  // named by its target
            named = named || text.find(rest) != std::string::npos;
        }
        CHECK_MESSAGE(named, source.path << " is in no CMakeLists.txt");
    }
}

TEST_CASE("no test sleeps, no thread is detached, nothing runs a shell") {
    const std::vector<std::string> sleeping{"sleep_for(", "sleep_until(", "usleep(", "nanosleep("};
    const std::vector<std::string> never{".detach()", "std::system(", "popen("};
    for (const auto& source : sources({".hpp", ".cpp"})) {
        if (source.path == "tests/tidy/tidy_test.cpp") continue;
        for (std::size_t i = 0; i < source.lines.size(); ++i) {
            if (starts_with(source.path, "tests/")) {
                for (const auto& word : sleeping)
                    CHECK_MESSAGE(source.lines[i].find(word) == std::string::npos,
                                  source.path << ":" << i + 1 << " sleeps");
            }
            for (const auto& word : never)
                CHECK_MESSAGE(source.lines[i].find(word) == std::string::npos,
                              source.path << ":" << i + 1 << " has " << word);
        }
    }
}

TEST_CASE("no source is longer than 600 lines, no header longer than 320") {
    for (const auto& source : sources({".hpp", ".cpp"}))
        CHECK_MESSAGE(source.lines.size() <= (source.path.ends_with(".hpp") ? 320U : 600U),
                      source.path << " has " << source.lines.size() << " lines");
}

TEST_CASE("headers say pragma once") {
    for (const auto& source : sources({".hpp"})) {
        REQUIRE(!source.lines.empty());
        CHECK_MESSAGE(source.lines.front() == "#pragma once", source.path);
    }
}

TEST_CASE("every room has its page") {
    for (const auto& room : rooms) CHECK_MESSAGE(fs::exists(fs::path(MCO_SOURCE_DIR) / room / "README.md"), room);
}

}  // namespace
