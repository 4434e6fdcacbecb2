#include "node/data/external.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "node/child_process.hpp"
#include "node/data/sources.hpp"
#include "proto/limits.hpp"
#include "proto/text_file.hpp"

namespace mco::node::data {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using proto::fail;
using proto::Value;

constexpr std::string_view protocol = "io.choria.mcorpc.external.v1.data_request";
constexpr std::string_view request_schema = "https://choria.io/schemas/mcorpc/external/v1/data_request.json";

// A folder that only we can look into, gone with the object.
class Exchange {
 public:
    Exchange() {
        std::string name = (fs::temp_directory_path() / "mco-data-XXXXXX").string();
        if (::mkdtemp(name.data()) != nullptr) folder_ = name;
    }
    ~Exchange() {
        std::error_code ignored;
        if (!folder_.empty()) fs::remove_all(folder_, ignored);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    bool usable() const { return !folder_.empty(); }
    std::string write(std::string_view name, std::string_view text) const {
        const auto file = folder_ / name;
        std::ofstream(file) << text;
        return file.string();
    }

 private:
    fs::path folder_;
};

Outputs read_reply(const std::string& file) {
    const auto text = proto::read_text_file(file, proto::limits::reply_size_max);
    if (!text) return tl::unexpected(text.error());
    auto reply = proto::parse_json(*text);
    if (!reply) return fail(Errc::malformed, "its reply is no JSON: " + reply.error().detail);
    const Value* status = reply->find("statuscode");
    if (status != nullptr && !(*status == Value(0))) {
        const Value* message = reply->find("statusmsg");
        return fail(Errc::invalid, message == nullptr ? "it failed without a word" : message->to_text());
    }
    const Value* outputs = reply->find("data");
    if (outputs == nullptr || outputs->map() == nullptr) return fail(Errc::malformed, "its reply has no \"data\"");
    return *outputs->map();
}

Outputs ask(const fs::path& program, const proto::DataSchema& schema, const Call& call, const std::string& query,
            std::stop_token stop) {
    const Exchange exchange;
    if (!exchange.usable()) return fail(Errc::overloaded, "no folder for the question can be made");
    const Value question(Value::Map{{"$schema", request_schema}, {"protocol", protocol}, {"source", schema.name}, {"query", query}});
    const auto request = exchange.write("request.json", proto::to_json(question));
    const auto reply = exchange.write("reply.json", "");
    const auto facts = exchange.write("facts.json", proto::to_json(call.node->traits.facts));
    const auto config = fs::path(call.node->config_file).parent_path() / "plugin.d" / schema.name;
    ChildProcess child;
    child.argv = {program.string(), request, reply, std::string(protocol)};
    child.environment = {{"CHORIA_EXTERNAL_REQUEST", request},
                         {"CHORIA_EXTERNAL_REPLY", reply},
                         {"CHORIA_EXTERNAL_PROTOCOL", std::string(protocol)},
                         {"CHORIA_EXTERNAL_CONFIG", config.string()},
                         {"CHORIA_EXTERNAL_FACTS", facts},
                         {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};
    child.folder = fs::temp_directory_path().string();
    child.timeout = schema.timeout;
    const auto end = run_process(child, std::move(stop));
    if (!end) return tl::unexpected(end.error());
    if (!end->ok()) return fail(Errc::invalid, fmt::format("{}: it {}", program.string(), describe(child, *end)));
    auto outputs = read_reply(reply);
    if (!outputs) return fail(outputs.error().code, fmt::format("{}: {}", program.string(), outputs.error().detail));
    return outputs;
}

}  // namespace

proto::Result<DataSources::LookUp> external(const fs::path& ddl, const proto::DataSchema& schema) {
    const auto program = ddl.parent_path() / schema.name;
    for (const auto& path : {ddl.parent_path(), program}) {
        struct stat found {};
        if (::stat(path.c_str(), &found) != 0)
            return fail(Errc::not_found, fmt::format("{}: {}", path.string(), std::generic_category().message(errno)));
        if ((found.st_uid != 0 && found.st_uid != ::geteuid()) || (found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
            return fail(Errc::denied, fmt::format("{}: it must belong to root and be written by nobody else", path.string()));
    }
    if (fs::is_directory(program) || ::access(program.c_str(), X_OK) != 0)
        return fail(Errc::denied, fmt::format("{}: it is not executable", program.string()));
    return [program, schema](const Call& call, const std::string& query, std::stop_token stop) {
        return ask(program, schema, call, query, std::move(stop));
    };
}

}  // namespace mco::node::data
