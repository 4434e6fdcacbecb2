#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "client/command.hpp"
#include "client/session.hpp"

// Looking before a command is run.
namespace mco::client {

// A set of nodes that was looked at, and is to be asked as it is.
struct Frozen {
    std::string collective;
    std::vector<std::string> nodes;
};
// What --preview -j wrote. Never empty.
proto::Result<Frozen> read_frozen(const std::filesystem::path& file);

// --preview: names on stdout, a line each, or the object that --frozen reads; who did not say on stderr. The target has its nodes.
ExitStatus show_preview(Context& context, const Session& session, const Target& target, const Call& call);

// --can-i: what the nodes would answer, on stdout; nothing is performed.
proto::Result<ExitStatus> show_rights(Context& context, Session& session, const Target& target, const Call& call);

}  // namespace mco::client
