#include "client/applications/audit_collect.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/account.hpp"
#include "client/session.hpp"
#include "client/terminal.hpp"
#include "client/words.hpp"
#include "proto/value.hpp"
#include "security/audit_trail.hpp"
#include "security/certificate.hpp"
#include "security/keys.hpp"

namespace mco::client::applications {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using proto::fail;
using proto::Result;

// The end of what is kept of one node.
struct End {
    std::uint64_t sequence = 0;
    proto::Digest hash{};
};

Result<std::map<std::string, End>> ends_in(const fs::path& folder) {
    std::map<std::string, End> ends;
    std::error_code failed;
    for (fs::directory_iterator at(folder, failed); !failed && at != fs::directory_iterator(); at.increment(failed)) {
        if (at->path().extension() != ".jsonl") continue;
        auto& end = ends[at->path().stem().string()];
        auto read = security::each_audit_line(at->path(), [&](const security::AuditLine& line) {
            if (!line.whole) return false;
            end = {security::sequence_of(line.text).value_or(end.sequence), security::digest(proto::as_bytes(line.text))};
            return true;
        });
        if (!read) return tl::unexpected(read.error());
    }
    if (failed) return fail(Errc::denied, fmt::format("{}: {}", folder.string(), failed.message()));
    return ends;
}

class Collection {
 public:
    Collection(Context& context, fs::path folder, std::map<std::string, End> ends)
        : context_(context), folder_(std::move(folder)), ends_(std::move(ends)) {}

    proto::Value::Map since() const {
        proto::Value::Map all;
        for (const auto& [node, end] : ends_) all.emplace(node, static_cast<std::int64_t>(end.sequence));
        return all;
    }
    Result<void> take(const Reply& reply);
    std::vector<std::string> take_unfinished() { return std::exchange(unfinished_, {}); }
    std::uint64_t taken() const { return taken_; }
    std::uint64_t refused() const { return refused_; }

 private:
    void complain(const Reply& reply, std::string_view why) {
        ++refused_;
        context_.err() << fmt::format("{}: {}\n", visible(reply.node), visible(why));
    }
    Result<void> append(const fs::path& file, std::string_view text, std::ios::openmode mode);

    Context& context_;
    fs::path folder_;
    std::map<std::string, End> ends_;
    std::vector<std::string> unfinished_;
    std::uint64_t taken_ = 0, refused_ = 0;
};

Result<void> Collection::append(const fs::path& file, std::string_view text, std::ios::openmode mode) {
    std::ofstream stream(file, std::ios::binary | mode);
    stream << text << std::flush;
    if (!stream || ::chmod(file.c_str(), 0600) != 0)
        return fail(Errc::denied, fmt::format("{}: cannot be written\nMake room, or name a folder that you may write.", file.string()));
    return {};
}

Result<void> Collection::take(const Reply& reply) {
    if (reply.status != proto::StatusCode::ok) return complain(reply, reply.message), Result<void>();
    if (!security::check_name(reply.node)) return complain(reply, "its name is no file name"), Result<void>();
    const auto* records = reply.data.find("records");
    const auto* more = reply.data.find("more");
    const auto* head = reply.data.find("head");
    if (records == nullptr || records->list() == nullptr || more == nullptr || more->flag() == nullptr || head == nullptr ||
        head->text() == nullptr)
        return complain(reply, "its answer is none of the agent audit"), Result<void>();
    auto end = ends_[reply.node];
    std::string text;
    for (const auto& record : *records->list()) {
        const auto* line = record.text();
        const auto value = line == nullptr ? proto::Result<proto::Value>(proto::fail(Errc::malformed, "")) : proto::parse_json(*line);
        const auto sequence = line == nullptr ? std::nullopt : security::sequence_of(*line);
        if (!value || !sequence || line->find('\n') != std::string::npos)
            return complain(reply, fmt::format("behind line {} comes something that is no line of a trail", end.sequence)), Result<void>();
        const auto* previous = value->find("prev");
        if (*sequence <= end.sequence || (*sequence == end.sequence + 1 && end.sequence != 0 &&
                                          (previous == nullptr || previous->to_text() != end.hash.hex())))
            return complain(reply, fmt::format("its line {} does not continue line {} as it was collected: one of them was changed",
                                               *sequence, end.sequence)),
                   Result<void>();
        if (*sequence > end.sequence + 1 && end.sequence != 0)
            complain(reply, fmt::format("lines {} to {} are gone there", end.sequence + 1, *sequence - 1));
        end = {*sequence, security::digest(proto::as_bytes(*line))};
        text += *line + '\n';
    }
    const auto known = security::parse_audit_head(*head->text());
    if (known && known->sequence < end.sequence)
        return complain(reply, fmt::format("it says that its trail ends at line {}; line {} was collected before", known->sequence, end.sequence)),
               Result<void>();
    const auto file = folder_ / (reply.node + ".jsonl");
    if (!text.empty()) {
        if (auto written = append(file, text, std::ios::app); !written) return written;
    }
    if (auto written = append(file.string() + ".head", *head->text(), std::ios::trunc); !written) return written;
    ends_[reply.node] = end;
    taken_ += records->list()->size();
    if (*more->flag()) unfinished_.push_back(reply.node);
    return {};
}

}  // namespace

Result<ExitStatus> collect_audit(Context& context, std::span<const std::string> words) {
    const auto folder = context.options.value("to");
    if (!folder || !words.empty()) return fail(Errc::invalid, "collect needs --to FOLDER\nLike this: mco audit collect --to /srv/audit");
    std::error_code failed;
    if (fs::create_directories(*folder, failed)) ::chmod(folder->c_str(), 0700);
    auto ends = ends_in(*folder);
    if (!ends) return tl::unexpected(ends.error());
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    const auto schema = (*session)->schema("audit");
    if (!schema) return tl::unexpected(schema.error());
    const auto* action = schema->find_action("records");
    if (action == nullptr) return fail(Errc::not_found, "the DDL of agent audit has no action records");
    const auto target = (*session)->target("audit");
    if (!target) return tl::unexpected(target.error());

    Collection collection(context, *folder, std::move(*ends));
    const auto ask = [&](const Target& whom) -> Result<Gathered> {
        const auto call = (*session)->prepare(whom, *schema, *action, {{"since", collection.since()}});
        if (!call) return tl::unexpected(call.error());
        auto gathered = (*session)->call(whom, *call, {});
        if (!gathered) return gathered;
        for (const auto& reply : gathered->replies) {
            if (auto taken = collection.take(reply); !taken) return tl::unexpected(taken.error());
        }
        return gathered;
    };
    const auto first = ask(*target);
    if (!first) return tl::unexpected(first.error());
    const auto account = settle(*first, *target);
    bool interrupted = first->interrupted;
    for (auto nodes = collection.take_unfinished(); !nodes.empty() && !interrupted; nodes = collection.take_unfinished()) {
        for (const auto& node : nodes) {  // those with more than one page, one by one
            const auto one = (*session)->target_node(node, "audit");
            if (!one) return tl::unexpected(one.error());
            const auto more = ask(*one);
            if (!more) return tl::unexpected(more.error());
            interrupted = interrupted || more->interrupted;
        }
    }
    context.out() << fmt::format("{} from {} in {}\n", counted(collection.taken(), "new line", "new lines"),
                                 counted(account.replies, "node", "nodes"), visible(*folder));
    context.out() << absent_block(account, context.terminal) << ledger_lines(account, Show::if_not_whole);
    if (collection.refused() != 0) return ExitStatus::failed;
    return (*session)->status(account, target->choice);
}

}  // namespace mco::client::applications
