#include "node/facts.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "proto/text_file.hpp"
#include "security/rfc3339.hpp"

namespace mco::node {
namespace {

constexpr std::size_t folder_files_max = 64;
constexpr proto::Duration pause_least = std::chrono::seconds(10);  // between two runs of programs

proto::Value with_text_leaves(const proto::Value& value) {
    if (const auto* list = value.list()) {
        proto::Value::List texts;
        texts.reserve(list->size());
        for (const auto& element : *list) texts.push_back(with_text_leaves(element));
        return texts;
    }
    if (const auto* map = value.map()) {
        proto::Value::Map texts;
        for (const auto& [key, element] : *map) texts.emplace(key, with_text_leaves(element));
        return texts;
    }
    return value.to_text();
}

proto::Result<proto::Value> parse_facts(const std::filesystem::path& file, std::string_view text) {
    if (file.extension() == ".json") return parse_json_facts(text);
    if (file.extension() == ".txt") return parse_printed_facts(text);
    return parse_yaml_facts(text);
}

// Whether it could only have been put there by somebody who may do everything here anyway; else what is wrong.
std::string object_to_owner(const std::filesystem::path& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0)
        return fmt::format("{}: {}", path.string(), std::generic_category().message(errno));
    if (found.st_uid != 0 && found.st_uid != ::geteuid())
        return fmt::format("{}: it belongs to another user; chown it to root", path.string());
    if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fmt::format("{}: others may write it; chmod go-w it", path.string());
    return {};
}

}  // namespace

proto::Result<proto::Value> parse_json_facts(std::string_view text) {
    auto parsed = proto::parse_json(text);
    if (!parsed) return parsed;
    if (parsed->map() == nullptr) return proto::fail(proto::Errc::malformed, "it is not one JSON object");
    return with_text_leaves(*parsed);
}

Facts::Facts(FactSources sources) : from_(std::move(sources)) {
    for (std::size_t i = 0; i < from_.files.size(); ++i)
        sources_[{Rank::file, fmt::format("{:06}", i)}].file = from_.files[i];
    look_into_folder();
}

void Facts::settle(proto::Duration limit) {
    if (programs_) programs_->wait_first(limit);
}

// Sources that stay keep what they know. A changed set of programs starts anew.
void Facts::look_into_folder() {
    namespace fs = std::filesystem;
    folder_stamp_ = stamp_of(from_.folder);
    folder_problem_.clear();
    std::vector<FactPrograms::Program> programs;
    if (from_.facter) programs.push_back({"facter", {"facter", "--json"}});
    std::map<Key, Source> kept;
    for (auto& [key, source] : sources_) {
        if (key.first == Rank::file) kept.emplace(key, std::move(source));
    }
    std::vector<fs::path> files;
    std::error_code error;
    if (!from_.folder.empty() && folder_stamp_.size >= 0) {
        folder_problem_ = object_to_owner(from_.folder);
        for (fs::directory_iterator entry(from_.folder, error); folder_problem_.empty() && !error && entry != fs::directory_iterator();
             entry.increment(error)) {
            if (!entry->path().filename().string().starts_with('.')) files.push_back(entry->path());
        }
        if (error) folder_problem_ = fmt::format("{}: {}", from_.folder.string(), error.message());
    }
    std::sort(files.begin(), files.end());
    if (files.size() > folder_files_max) {
        folder_problem_ = fmt::format("{}: only the first {} of {} files are read", from_.folder.string(), folder_files_max, files.size());
        files.resize(folder_files_max);
    }
    const auto keep = [&](const Key& key) -> Source& {
        const auto known = sources_.find(key);
        return kept.emplace(key, known == sources_.end() ? Source{} : std::move(known->second)).first->second;
    };
    if (from_.facter) keep({Rank::facter, "facter"});
    for (const auto& file : files) {
        constexpr std::array known{".yaml", ".yml", ".json", ".txt"};
        const bool data = std::find(known.begin(), known.end(), file.extension()) != known.end();
        if (!data && (!fs::is_regular_file(file, error) || ::access(file.c_str(), X_OK) != 0)) continue;
        if (const auto objection = object_to_owner(file); !objection.empty()) {
            folder_problem_ += (folder_problem_.empty() ? "" : "; ") + objection;
            continue;
        }
        auto& source = keep({Rank::folder, file.string()});
        if (data) {
            source.file = file;
        } else {
            programs.push_back({file.string(), {file.string()}});
        }
    }
    sources_ = std::move(kept);
    if (programs == running_) return;
    running_ = programs;
    programs_.reset();
    if (!programs.empty()) programs_ = std::make_unique<FactPrograms>(std::move(programs), std::max(from_.reread_after, pause_least));
}

void Facts::read(Source& source, proto::WallTime now) {
    source.problem.clear();
    auto found = proto::read_text_file(source.file, proto::limits::facts_size_max);
    if (!found) {
        if (found.error().code == proto::Errc::not_found) source.facts.clear();
        source.problem = std::move(found.error().detail);
        return;
    }
    auto parsed = parse_facts(source.file, *found);
    if (!parsed) {
        source.problem = fmt::format("{}: {}", source.file.string(), parsed.error().detail);
    } else if (parsed->map()->empty()) {
        source.problem = fmt::format("{}: there are no facts in it", source.file.string());
    } else {
        source.facts = std::move(*parsed->map());
        source.good_at = now;
    }
}

bool Facts::take_told(proto::WallTime now) {
    if (!programs_) return false;
    bool any = false;
    for (auto& told : programs_->take()) {
        const auto found = sources_.find({told.name == "facter" ? Rank::facter : Rank::folder, told.name});
        if (found == sources_.end()) continue;
        any = true;
        auto& source = found->second;
        source.problem = std::move(told.problem);
        if (!source.problem.empty()) continue;
        source.facts = std::move(told.facts);
        source.good_at = now;
    }
    return any;
}

bool Facts::refresh(proto::Now now) {
    const bool reread = !read_once_ || now.mono - read_at_ >= from_.reread_after;
    bool touched = false;
    if (!from_.folder.empty() && (reread || stamp_of(from_.folder) != folder_stamp_)) {
        look_into_folder();
        touched = true;
    }
    touched = take_told(now.wall) || touched;
    for (auto& [key, source] : sources_) {
        if (source.file.empty()) continue;
        const auto stamp = stamp_of(source.file);
        if (!reread && stamp == source.stamp) continue;
        source.stamp = stamp;
        read(source, now.wall);
        touched = true;
    }
    if (reread) {
        read_at_ = now.mono;
        read_once_ = true;
    }
    if (!touched) return false;
    return merge();
}

bool Facts::merge() {
    proto::Value::Map merged;
    std::string problem = folder_problem_;
    for (const auto& [key, source] : sources_) {
        for (const auto& [name, value] : source.facts) merged.insert_or_assign(name, value);
        if (source.problem.empty()) continue;
        if (!problem.empty()) problem += "; ";
        problem += source.problem;
        if (!source.facts.empty()) problem += fmt::format(" (its facts are of {})", security::to_rfc3339(source.good_at));
    }
    bool changed = problem != problem_;
    problem_ = std::move(problem);
    if (!merged.empty() || sources_.empty()) {
        proto::Value values(std::move(merged));
        changed = changed || values != values_;
        values_ = std::move(values);
    }
    return changed;
}

}  // namespace mco::node
