#include "node/mesh_memory.hpp"

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "proto/text_file.hpp"

namespace mco::node {

namespace {

constexpr auto first_after = std::chrono::seconds(10);
constexpr auto interval = std::chrono::minutes(5);
constexpr std::size_t file_size_max = proto::limits::roster_max * proto::limits::record_size_max + proto::limits::frame_size_max;

}  // namespace

proto::Bytes MeshMemory::read() const {
    if (file_.empty()) return {};
    const auto text = proto::read_text_file(file_, file_size_max);
    if (text) return proto::copy(proto::as_bytes(*text));
    if (text.error().code != proto::Errc::not_found) log_.warn(text.error().detail);
    return {};
}

void MeshMemory::keep(proto::Now now, const mesh::io::Host& host) {
    if (file_.empty() || now.mono < due_) return;
    const bool first = due_ == proto::Instant{};
    due_ = now.mono + (first ? std::chrono::duration_cast<proto::Duration>(first_after) : proto::Duration(interval));
    if (!first) write(host);
}

void MeshMemory::write(const mesh::io::Host& host) {
    if (file_.empty()) return;
    const auto written = proto::replace_file(file_, proto::as_text(host.memory()), 0600);
    if (!written && !broken_)
        log_.warn(fmt::format("{}\nUntil this is mended, a restart makes this node forget who belongs to the mesh.", written.error().detail));
    broken_ = !written;
}

}  // namespace mco::node
