#include "node/agents/filemgr.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "node/agents/inputs.hpp"
#include "node/agents/settings.hpp"
#include "node/file_words.hpp"
#include "node/md5.hpp"

namespace mco::node {
namespace {

using proto::Value;

std::string why(int number) { return std::generic_category().message(number); }

// A relative name would mean another file after every change of the daemon's own folder.
std::string named_file(const Call& call, std::string& problem) {
    auto file = text_input(call, "file");
    if (file.empty()) file = agent_setting(call, "plugin.filemgr.touch_file");
    if (!file.starts_with('/') || file.find('\0') != std::string::npos)
        problem = fmt::format("'{}' is not an absolute path", file);
    return file;
}

// What is there is not opened: opening alone does something to a tape, a FIFO or a watchdog.
ActionReply touch(const std::string& file) {
    int result = ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
    if (result != 0 && errno == ENOENT) {
        result = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (result >= 0) {
            result = ::close(result);
        } else if (errno == EEXIST) {  // somebody made it in between
            result = ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
        }
    }
    return result == 0 ? ActionReply{} : aborted(fmt::format("Could not touch file '{}': {}", file, why(errno)));
}

ActionReply remove(const std::string& file) {
    struct stat found {};
    if (::lstat(file.c_str(), &found) != 0)
        return aborted(fmt::format("Could not remove file '{}': {}", file, why(errno)));
    if (S_ISDIR(found.st_mode)) return aborted(fmt::format("Could not remove file '{}': it is a directory", file));
    if (::unlink(file.c_str()) != 0)
        return aborted(fmt::format("Could not remove file '{}': {}", file, why(errno)));
    return {};
}

ActionReply listing(const std::string& folder, ActionReply reply) {
    std::vector<std::string> names;
    std::error_code error;
    bool cut = false;
    const std::filesystem::directory_iterator none;
    for (std::filesystem::directory_iterator entry(folder, error); !error && entry != none; entry.increment(error)) {
        cut = names.size() == Filemgr::listed_max;
        if (cut) break;
        names.push_back(entry->path().filename().string());
    }
    if (error) {
        reply.status = proto::StatusCode::aborted;
        reply.message = fmt::format("Could not list '{}': {}", folder, error.message());
        return reply;
    }
    if (cut) reply.message = fmt::format("only {} names are listed", Filemgr::listed_max);
    std::sort(names.begin(), names.end());
    reply.data["dir_listing"] = Value::List(names.begin(), names.end());
    return reply;
}

ActionReply absent(const std::string& file) {
    return {.status = proto::StatusCode::aborted,
            .message = fmt::format("{} does not exist", file),
            .data = {{"name", file}, {"output", "not present"}, {"present", 0}, {"type", "unknown"}, {"mode", "0000"}}};
}

ActionReply status(const Call& call, const std::string& file) {
    struct stat found {};
    if (::lstat(file.c_str(), &found) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return absent(file);
        return aborted(fmt::format("Could not look at file '{}': {}", file, why(errno)));
    }
    ActionReply reply{.data = {{"name", file},
                               {"output", "present"},
                               {"present", 1},
                               {"size", static_cast<std::int64_t>(found.st_size)},
                               {"mode", fmt::format("{:o}", found.st_mode)},
                               {"uid", static_cast<std::uint32_t>(found.st_uid)},
                               {"gid", static_cast<std::uint32_t>(found.st_gid)},
                               {"type", kind_of(found.st_mode)}}};
    for (const auto& [field, seconds] :
         {std::pair{"mtime", found.st_mtim.tv_sec}, std::pair{"ctime", found.st_ctim.tv_sec},
          std::pair{"atime", found.st_atim.tv_sec}}) {
        reply.data.emplace(field, local_time(seconds));
        reply.data.emplace(fmt::format("{}_seconds", field), static_cast<std::int64_t>(seconds));
    }
    if (S_ISREG(found.st_mode)) {
        auto digest = md5_of_file(file, Filemgr::digest_size_max);
        reply.data.emplace("md5", digest ? *digest : std::string());
        if (!digest) reply.message = fmt::format("without md5: {}", digest.error().detail);
    }
    if (S_ISDIR(found.st_mode) && flag_input(call, "dirlist").value_or(false)) return listing(file, std::move(reply));
    return reply;
}

}  // namespace

ActionReply Filemgr::run(const Call& call, std::stop_token) {
    std::string problem;
    const auto file = named_file(call, problem);
    if (!problem.empty())
        return {.status = proto::StatusCode::invalid_data, .message = std::move(problem), .data = {}};
    if (call.action == "touch") return touch(file);
    if (call.action == "remove") return remove(file);
    if (call.action == "status") return status(call, file);
    return unknown_action(call);
}

}  // namespace mco::node
