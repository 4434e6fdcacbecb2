#include "node/mesh_news.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace mco::node {
namespace {

using Kind = mesh::NoticeKind;

constexpr std::size_t named_max = 16;  // of one turn

struct Change {
    Kind kind;
    std::string_view words;
};
constexpr auto changes = std::to_array<Change>({
    {Kind::member_joined, "joined the mesh"},
    {Kind::member_up, "is up again"},
    {Kind::member_down, "is down"},
    {Kind::member_left, "left"},
});

std::string_view words_of(Kind kind) {
    return std::find_if(changes.begin(), changes.end(), [&](const Change& one) { return one.kind == kind; })->words;
}

}  // namespace

void MeshNews::note(const mesh::Notice& notice) {
    switch (notice.kind) {
        case Kind::member_joined:
        case Kind::member_up:
        case Kind::member_down:
        case Kind::member_left:
            members_.push_back(notice);
            return;
        case Kind::became_relay:
            return log_.info("this node passes requests on to others now", LogArea::mesh);
        case Kind::became_leaf:
            return log_.info("this node is served by relays now", LogArea::mesh);
        case Kind::attached:
            return debug(notice, "attached");
        case Kind::redirected:
            return debug(notice, "sent to another relay");
        case Kind::group_changed:
            return debug(notice, "another group changed");
        case Kind::fetched:
            return debug(notice, "fetched from a standby relay");
        case Kind::orphaned:
            return debug(notice, "its relay was lost");
        case Kind::adopted:
            return debug(notice, "reports here, since its relay was lost");
        case Kind::visited:
            return debug(notice, "asked directly, since its relays were lost");
        case Kind::table_full:
            return debug(notice, "a table of the mesh is full");
        case Kind::late_reply:
            return debug(notice, "a reply came too late");
        case Kind::duplicate_request:
            return debug(notice, "the request is known already");
        case Kind::unknown_request:
            return debug(notice, "the request is not known");
        case Kind::malformed_frame:
            return debug(notice, "malformed frame");
        case Kind::refused_overload:
            return debug(notice, "refused: too many requests");
        case Kind::reparented:
            return debug(notice, "the request came again by another way");
        case Kind::resent:
            return debug(notice, "sent again on the link");
        case Kind::stale_record:
            return debug(notice, "a record that is older than the known one");
        case Kind::link_replaced:
            return debug(notice, "a newer link replaced the old one");
    }
}

void MeshNews::debug(const mesh::Notice& notice, std::string_view what) {
    if (log_.wants(LogLevel::debug, LogArea::mesh))
        log_.debug(fmt::format("request {}, peer {}: {}", notice.request.hex().substr(0, 12),
                               notice.about.hex().substr(0, 12), what), LogArea::mesh);
}

void MeshNews::tell(const mesh::Engine& engine) {
    if (members_.empty()) return;
    const auto news = std::exchange(members_, {});
    if (!log_.wants(LogLevel::info, LogArea::mesh)) return;
    const auto members = engine.members();
    if (news.size() > named_max) {
        for (const auto& [kind, words] : changes) {
            const auto count =
                std::count_if(news.begin(), news.end(), [&](const mesh::Notice& one) { return one.kind == kind; });
            if (count != 0) log_.info(fmt::format("of the members, each of {} {}", count, words), LogArea::mesh);
        }
        return log_.info(fmt::format("{} members are known now", members.size()), LogArea::mesh);
    }
    for (const auto& one : news) {
        const auto member = std::find_if(members.begin(), members.end(), [&](const mesh::Engine::MemberView& known) {
            return known.peer == one.about;
        });
        if (member != members.end()) {
            log_.info(fmt::format("{} {}", member->name, words_of(one.kind)), LogArea::mesh);
        } else {
            debug(one, fmt::format("of another group: {}", words_of(one.kind)));
        }
    }
}

}  // namespace mco::node
