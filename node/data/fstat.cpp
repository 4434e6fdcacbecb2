#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "node/data/sources.hpp"
#include "node/file_words.hpp"

namespace mco::node::data {

using proto::Value;

// As MCollective's, but for md5: a digest of every file an operator names is no cheap question, and MD5 proves nothing.
Outputs fstat(const Call& call, const std::string& path) {
    struct stat found {};
    if (path.find('\0') != std::string::npos || path.empty())
        return proto::fail(proto::Errc::invalid, "a path is needed");
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return Value::Map{{"name", path}, {"output", "not present"}, {"present", 0}};
        return proto::fail(proto::Errc::invalid, fmt::format("{}: {}", path, std::generic_category().message(errno)));
    }
    const auto now = std::chrono::floor<std::chrono::seconds>(call.time.time_since_epoch()).count();
    Value::Map fields{{"name", path},
                      {"output", "present"},
                      {"present", 1},
                      {"size", Value(static_cast<std::int64_t>(found.st_size))},
                      {"mode", fmt::format("{:o}", found.st_mode)},
                      {"uid", Value(static_cast<std::uint32_t>(found.st_uid))},
                      {"gid", Value(static_cast<std::uint32_t>(found.st_gid))},
                      {"type", kind_of(found.st_mode)}};
    for (const auto& [field, seconds] :
         {std::pair{"mtime", found.st_mtim.tv_sec}, std::pair{"ctime", found.st_ctim.tv_sec},
          std::pair{"atime", found.st_atim.tv_sec}}) {
        fields.emplace(field, local_time(seconds));
        fields.emplace(fmt::format("{}_seconds", field), Value(static_cast<std::int64_t>(seconds)));
        fields.emplace(fmt::format("{}_age", field), Value(static_cast<std::int64_t>(now - seconds)));
    }
    return fields;
}

}  // namespace mco::node::data
