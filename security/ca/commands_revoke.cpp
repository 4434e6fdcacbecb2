// revoke, crl, collective-key: what is taken back, and what all nodes share.

#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "security/ca/authority.hpp"
#include "security/ca/options.hpp"
#include "security/collective_key.hpp"
#include "security/revocation.hpp"
#include "security/rfc3339.hpp"
#include "security/small_file.hpp"

namespace mco::security::ca {

proto::Result<Output> run_revoke(const Options& options, proto::WallTime now) {
    auto authority = Authority::open(options.authority, passphrase_from(options));
    if (!authority) return tl::unexpected(std::move(authority.error()));
    const auto serial = authority->serial_of(options.file);
    if (!serial) return tl::unexpected(serial.error());
    const auto number = authority->revoke({*serial}, now);
    if (!number) return tl::unexpected(number.error());
    return Output{fmt::format("revoked {} (serial {}); list {} is {}\n", options.file, serial->hex(), *number,
                              authority->revocations_file().string()),
                  "next: copy the list to one node as /etc/mco/revocations and kill -HUP its daemon; the mesh tells the others\n"};
}

proto::Result<Output> run_crl(const Options& options, proto::WallTime /*now*/) {
    const auto lists = read_revocation_file(std::filesystem::path(options.authority) / "revocations");
    if (!lists) return tl::unexpected(lists.error());
    if (lists->empty())
        return proto::fail(proto::Errc::not_found, fmt::format("{} has revoked nobody yet\nmco-ca revoke --ca {} NAME", options.authority, options.authority));
    const auto body = read_revocations(lists->front());
    if (!body) return tl::unexpected(body.error());
    if (!options.json) return Output{armour_revocations(lists->front()), {}};
    std::string serials;
    for (const auto& serial : body->serials) serials += fmt::format("{}\"{}\"", serials.empty() ? "" : ",", serial.hex());
    return Output{fmt::format(R"({{"authority":"{}","number":{},"made":"{}","serials":[{}]}})" "\n", body->authority.hex(), body->number,
                              to_rfc3339(body->made), serials),
                  {}};
}

proto::Result<Output> run_collective_key(const Options& options, proto::WallTime /*now*/) {
    const std::filesystem::path file = options.file;
    std::error_code ignored;
    const bool there = std::filesystem::exists(std::filesystem::symlink_status(file, ignored));
    if (there && !options.rotate)
        return proto::fail(proto::Errc::invalid, fmt::format("{} is there already\n--rotate puts a new key in front of it", file.string()));
    CollectiveKeys keys;
    if (there) {
        auto read = CollectiveKeys::read(file);
        if (!read) return tl::unexpected(std::move(read.error()));
        keys = std::move(*read);
    }
    keys.rotate();
    if (auto written = keys.write(file); !written) return tl::unexpected(std::move(written.error()));
    return Output{fmt::format("{} holds {} key{}, the newest is {}\n", file.string(), keys.size(), keys.size() == 1 ? "" : "s", keys.newest()->id.hex()),
                  keys.size() == 1 ? "next: copy it to every node, then to every caller, each 0600, as their `collective_key`; never to a proxy\n"
                                   : "next: copy it to every node and kill -HUP, then to every caller; requests under the older keys are read meanwhile\n"};
}

}  // namespace mco::security::ca
