#include "node/classes.hpp"

#include <string_view>
#include <utility>

#include "node/log.hpp"
#include "proto/limits.hpp"
#include "proto/text_file.hpp"

namespace mco::node {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
            line.remove_suffix(1);
        while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
        if (!line.empty()) lines.push_back(escaped(line));
    }
    return lines;
}

}  // namespace

bool Classes::refresh() {
    if (file_.empty()) return false;
    const auto stamp = stamp_of(file_);
    if (read_once_ && stamp == stamp_) return false;
    read_once_ = true;
    stamp_ = stamp;

    auto names = names_;
    std::string problem;
    auto read = proto::read_text_file(file_, proto::limits::facts_size_max);
    if (read) {
        names = lines_of(*read);
    } else if (read.error().code == proto::Errc::not_found) {
        names.clear();
    } else {
        problem = std::move(read.error().detail);
    }
    const bool changed = names != names_ || problem != problem_;
    names_ = std::move(names);
    problem_ = std::move(problem);
    return changed;
}

}  // namespace mco::node
