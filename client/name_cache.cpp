#include "client/name_cache.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/foreign.hpp"
#include "client/user_folder.hpp"
#include "proto/filter.hpp"
#include "proto/text_file.hpp"
#include "proto/value.hpp"
#include "security/keys.hpp"

namespace mco::client {
namespace {

using proto::Value;

constexpr std::size_t fact_name_max = 200;

// A name that a shell can be given without thinking, and a terminal shown.
bool is_plain(std::string_view name) {
    return !name.empty() && name.size() <= fact_name_max &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("._-:/").find(c) != std::string_view::npos;
           });
}

bool insert(std::set<std::string>& names, std::string_view name, std::size_t most) {
    return names.size() < most && is_plain(name) && names.emplace(name).second;
}

bool insert_facts(std::set<std::string>& names, const Value& reply) {
    bool changed = false;
    if (const auto fact = foreign::text(reply, "fact"); !fact.empty()) {  // of get_fact
        const auto* value = reply.find("value");
        if (value != nullptr && !value->is_null()) changed = insert(names, fact, KnownNames::facts_max);
    }
    const auto* facts = reply.find("facts");  // of inventory
    const auto* map = facts == nullptr ? nullptr : facts->map();
    if (map == nullptr) return changed;
    for (const auto& [name, value] : *map) {
        changed |= insert(names, name, KnownNames::facts_max);
        const auto* nested = value.map();
        if (nested == nullptr) continue;
        for (const auto& [key, inner] : *nested)
            changed |= insert(names, fmt::format("{}.{}", name, key), KnownNames::facts_max);
    }
    return changed;
}

bool means_everybody(const proto::Filter& filter) {
    return filter.identities.empty() && filter.classes.empty() && filter.facts.empty() && filter.agents.empty() &&
           filter.conditions.empty();
}

Value list_of(const std::set<std::string>& names) {
    return Value::List(names.begin(), names.end());
}

std::set<std::string> set_of(const Value& value, std::string_view key, std::size_t most) {
    std::set<std::string> names;
    for (const auto& element : foreign::list(value, key)) insert(names, element.to_text(), most);
    return names;
}

}  // namespace

bool KnownNames::learn(const Call& call, const Gathered& gathered) {
    bool changed = false;
    const bool all = means_everybody(call.filter) && gathered.trouble.empty() && gathered.missing.empty() &&
                     gathered.ledger.closure == proto::Closure::closed;
    std::set<std::string> seen;
    for (const auto& reply : gathered.replies) {
        insert(seen, reply.node, nodes_max);
        if (reply.status == proto::StatusCode::ok) changed |= insert_facts(facts, reply.data);
    }
    if (all && !seen.empty()) {
        changed |= seen != nodes;
        nodes = std::move(seen);
        return changed;
    }
    for (const auto& node : seen) changed |= insert(nodes, node, nodes_max);
    return changed;
}

std::optional<std::filesystem::path> name_cache_file(const Environment& environment, const Config& config,
                                                     std::string_view collective) {
    constexpr std::size_t key_size = 16, trust_size_max = 1024 * 1024;
    // The same authorities under another path are the same mesh.
    const auto trust = proto::read_text_file(config.trust, trust_size_max);
    const auto mesh = (trust ? *trust : config.trust.string()) + "\n" + std::string(collective);
    const auto cache_name = "names-" + security::digest(proto::as_bytes(mesh)).hex().substr(0, key_size);
    const auto folder = user_folder(environment, "XDG_CACHE_HOME", ".cache");
    return folder ? std::optional(*folder / cache_name) : std::nullopt;
}

namespace {

void forget_the_oldest(const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    std::error_code error;
    std::vector<std::pair<fs::file_time_type, fs::path>> caches;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        if (!entry->path().filename().string().starts_with("names-")) continue;
        std::error_code gone;
        const auto written = entry->last_write_time(gone);
        if (!gone) caches.emplace_back(written, entry->path());
    }
    if (caches.size() <= caches_max) return;
    std::sort(caches.begin(), caches.end());
    for (std::size_t i = 0; i < caches.size() - caches_max; ++i) fs::remove(caches[i].second, error);
}

}  // namespace

KnownNames read_names(const std::filesystem::path& file) {
    KnownNames names;
    const auto text = proto::read_text_file(file, KnownNames::file_size_max);
    const auto value = text ? proto::parse_json(*text) : proto::Result<Value>(Value());
    if (!value) return names;
    names.nodes = set_of(*value, "nodes", KnownNames::nodes_max);
    names.facts = set_of(*value, "facts", KnownNames::facts_max);
    return names;
}

void write_names(const std::filesystem::path& file, const KnownNames& names) {
    namespace fs = std::filesystem;
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    fs::permissions(file.parent_path(), fs::perms::owner_all, error);
    const Value::Map lists{{"nodes", list_of(names.nodes)}, {"facts", list_of(names.facts)}};
    (void)proto::replace_file(file, proto::to_json(lists) + "\n", 0600);  // what completion knows may be lost
    forget_the_oldest(file.parent_path());
}

}  // namespace mco::client
