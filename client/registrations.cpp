#include "client/registrations.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/gather.hpp"
#include "proto/text_file.hpp"
#include "security/certificate.hpp"
#include "security/rfc3339.hpp"

namespace mco::client {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using proto::fail;
using proto::Result;
using proto::Value;

constexpr std::array<std::pair<Life, std::string_view>, 4> names{
    {{Life::startup, "startup"}, {Life::alive, "alive"}, {Life::lost, "lost"}, {Life::shutdown, "shutdown"}}};

std::string date(std::int64_t seconds) {
    constexpr auto most = std::chrono::duration_cast<std::chrono::seconds>(proto::limits::wall_time_max).count();
    return security::to_rfc3339(proto::WallTime(std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, most))));
}

Result<void> append(const fs::path& file, std::string_view line) {
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    const bool whole = descriptor >= 0 && ::write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    const int why = errno;
    if (descriptor >= 0) ::close(descriptor);
    if (whole) return {};
    return fail(Errc::denied, fmt::format("{}: {}\nMake room, or name a file that you may write.", file.string(),
                                          std::generic_category().message(descriptor < 0 ? why : ENOSPC)));
}

}  // namespace

std::string_view name(Life life) {
    return std::find_if(names.begin(), names.end(), [&](const auto& row) { return row.first == life; })->second;
}

Result<Registrations> Registrations::as_lines(fs::path file) {
    if (auto writable = append(file, ""); !writable) return tl::unexpected(writable.error());
    return Registrations(Form::lines, std::move(file));
}

Result<Registrations> Registrations::in_folder(fs::path folder) {
    std::error_code failed;
    if (fs::create_directories(folder, failed)) ::chmod(folder.c_str(), 0700);
    Registrations all(Form::folder, std::move(folder));
    for (fs::directory_iterator at(all.where_, failed); !failed && at != fs::directory_iterator(); at.increment(failed)) {
        if (at->path().extension() == ".json" && all.nodes_.size() < Gather::nodes_max) all.recall(at->path());
    }
    if (failed) return fail(Errc::denied, fmt::format("{}: {}", all.where_.string(), failed.message()));
    return all;
}

// What cannot be read is as good as not there: the node's next record takes its place.
void Registrations::recall(const fs::path& file) {
    const auto text = proto::read_text_file(file, file_size_max);
    const auto value = text ? proto::parse_json(*text) : Result<Value>(fail(Errc::not_found, ""));
    const auto* life = value ? value->find("life") : nullptr;
    const auto* started = value ? value->find("started") : nullptr;
    if (life == nullptr) return;
    Known known;
    for (const auto& [one, word] : names) {
        if (life->to_text() == word) known.life = one == Life::startup ? Life::alive : one;
    }
    if (started != nullptr && started->text() != nullptr) {
        const auto time = security::parse_rfc3339(*started->text());
        if (time) known.started = std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count();
    }
    nodes_.emplace(file.stem().string(), known);
}

Result<LifeEvent> Registrations::heard(const Record& record, proto::WallTime now) {
    const auto found = nodes_.find(record.node);
    if (found == nodes_.end() && nodes_.size() >= Gather::nodes_max)
        return fail(Errc::overloaded, fmt::format("{} holds {} nodes already\nName another place, or ask fewer nodes (-F, -T).",
                                                  where_.string(), nodes_.size()));
    if (!security::check_name(record.node)) return fail(Errc::malformed, "a node's name is no file name");
    const bool started = found == nodes_.end() || found->second.started != record.started;
    LifeEvent event{.life = started ? Life::startup : Life::alive,
                    .news = started || found->second.life != Life::alive,
                    .node = record.node,
                    .time = now,
                    .detail = started && record.started != 0 ? "since " + date(record.started) : ""};
    nodes_[record.node] = {Life::alive, record.started, round_};
    if (auto kept = keep(record, event); !kept) return tl::unexpected(kept.error());
    return event;
}

Result<void> Registrations::keep(const Record& record, const LifeEvent& event) {
    Value::Map all{{"node", record.node}, {"time", security::to_rfc3339(event.time)}, {"version", record.version}, {"record", record.body}};
    if (record.started != 0) all.emplace("started", date(record.started));
    if (form_ == Form::lines) return append(where_, proto::to_json(all) + "\n");
    all.emplace("life", name(event.life));
    return proto::replace_file(file_of(record.node), proto::to_json(all) + "\n", 0600);
}

// The last record stays; what changes is what became of the node since.
Result<void> Registrations::mark(const LifeEvent& event) {
    if (form_ == Form::lines) return {};
    const auto text = proto::read_text_file(file_of(event.node), file_size_max);
    const auto value = text ? proto::parse_json(*text) : Result<Value>(fail(Errc::not_found, ""));
    auto all = value && value->map() != nullptr ? *value->map() : Value::Map{{"node", event.node}};
    all.insert_or_assign("life", name(event.life));
    all.insert_or_assign("life_since", security::to_rfc3339(event.time));
    if (!event.detail.empty()) all.insert_or_assign("life_detail", event.detail);
    return proto::replace_file(file_of(event.node), proto::to_json(all) + "\n", 0600);
}

Result<std::vector<LifeEvent>> Registrations::close(const Account& account, std::span<const std::string> present, bool everybody,
                                                    proto::WallTime now) {
    std::vector<LifeEvent> events;
    const auto round = round_++;
    for (const auto& node : present) {
        if (const auto found = nodes_.find(node); found != nodes_.end()) found->second.round = round;
    }
    bool named = true;  // whoever is missing has a name
    for (const auto& absent : account.absent) {
        const bool group = absent.missing && is_group(*absent.missing);
        named = named && !group;
        if (!absent.missing || group || !security::check_name(absent.node)) continue;
        if (nodes_.size() >= Gather::nodes_max && !nodes_.contains(absent.node)) continue;
        const auto [at, added] = nodes_.try_emplace(absent.node);
        auto& known = at->second;
        known.round = round;
        if (!added && known.life == Life::lost) continue;
        known.life = Life::lost;
        events.push_back({.life = Life::lost, .news = true, .node = absent.node, .time = now, .detail = absent.why});
    }
    if (everybody && named && account.trouble.empty()) {
        for (auto& [node, known] : nodes_) {
            if (known.round == round || known.life == Life::shutdown) continue;
            known.life = Life::shutdown;
            events.push_back({.life = Life::shutdown, .news = true, .node = node, .time = now});
        }
    }
    for (const auto& event : events) {
        if (auto marked = mark(event); !marked) return tl::unexpected(marked.error());
    }
    return events;
}

}  // namespace mco::client
