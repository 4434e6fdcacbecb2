#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/account.hpp"
#include "client/gather.hpp"
#include "client/terminal.hpp"
#include "proto/ddl.hpp"

// MCollective's layouts of replies, which scripts read. Pure functions; everything a node said is made visible here.
namespace mco::client {

std::string_view status_word(proto::StatusCode status);  // "" for ok, "Request Aborted", ...

// Name, status, message and, if ok, the outputs under their display names; closed by an empty line.
std::string node_block(const Reply& reply, const proto::ActionSchema& action, const Terminal& terminal);
// -v: name, message, and everything it sent.
std::string raw_block(const Reply& reply);
bool is_shown(const Reply& reply, proto::DisplayMode mode);

// One JSON array of objects with the keys agent, action, sender, statuscode, statusmsg, data; one line, or indented for a person.
enum class JsonForm { one_line, indented };
JsonForm json_form(const Terminal& terminal);  // indented on a terminal
std::string json_array(std::string_view agent, std::string_view action, std::span<const Reply> replies, JsonForm form);
// One element, for commands that make several calls.
std::string json_object(std::string_view agent, std::string_view action, const Reply& reply, JsonForm form);
std::string join_json(std::span<const std::string> objects, JsonForm form);

// "Finished processing 3 / 3 hosts in 46.10 ms", or the block of -v. `total` from the start of the program.
struct Finish {
    std::string caption;  // "rpcutil#ping"
    proto::Duration total{0};
};
std::string finished_line(const Gathered& gathered, const Account& account, const Terminal& terminal);
std::string statistics(const Gathered& gathered, const Account& account, const Finish& finish,
                       const Terminal& terminal);

void sort_by_node(std::vector<Reply>& replies);
double milliseconds(proto::Duration duration);
std::string local_time(proto::WallTime time);  // "2026-11-21 06:43:44 +0000"

}  // namespace mco::client
