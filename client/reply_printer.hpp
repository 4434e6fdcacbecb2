#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/account.hpp"
#include "client/command.hpp"
#include "client/gather.hpp"
#include "client/progress.hpp"
#include "client/results.hpp"
#include "proto/ddl.hpp"

namespace mco::client {

// How a command shows replies, as its options say.
struct Showing {
    enum class Layout : std::uint8_t { blocks, raw, folded, table, json, json_lines };
    enum class Display : std::uint8_t { by_ddl, ok, failed, all, none };
    Layout layout = Layout::blocks;
    Display display = Display::by_ddl;  // which replies are shown, but for JSON and raw
    bool at_once = true;                // as they come, not when all are there
};
// From --json, --jsonl, --table, --fold, --verbose, --display and --sort. `invalid`: a mode nobody knows, or layouts that exclude each other.
proto::Result<Showing> read_showing(const Options& options);
void declare_layouts(OptionSet& options);  // -j --jsonl --table --fold --display --sort

// The replies of one action as they come, a progress bar below them on a terminal, and in the end what is to be said of all.
// Results go to standard output; with JSON everything for people goes to standard error. All arguments must outlive it.
class ReplyPrinter {
 public:
    ReplyPrinter(Context& context, std::string_view agent, const proto::ActionSchema& action, Showing showing);

    Gather::Watcher watcher();  // refers to this
    // What was not printed yet, the DDL's summaries, the statistics, who is missing and the account. Sorts the replies if they
    // are to be. `nobody`: no node was meant, so there is nothing to sum up.
    enum class Meant : std::uint8_t { some, nobody };
    void finish(Gathered& gathered, const Account& account, Meant meant);

 private:
    void print(const Reply& reply);
    void show_progress() { progress_.show(replies_, std::max(matched_, replies_)); }
    bool for_programs() const;
    bool wanted(const Reply& reply) const;  // by --display and the DDL
    std::vector<const Reply*> shown(const Gathered& gathered) const;
    std::string table_or_blocks(const Gathered& gathered) const;
    std::string folded_blocks(const Gathered& gathered) const;
    std::string closing_lines(const Gathered& gathered, const Account& account) const;

    Context& context_;
    std::string_view agent_;
    const proto::ActionSchema& action_;
    Showing showing_;
    Progress progress_;
    std::uint32_t replies_ = 0, matched_ = 0;
};

}  // namespace mco::client
