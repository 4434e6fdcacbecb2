#include "mesh/io/counters.hpp"

#include <cstddef>

namespace mco::mesh::io {
namespace {

std::string_view name(NoticeKind kind) {
    switch (kind) {
        case NoticeKind::member_joined:
            return "mesh.member_joined";
        case NoticeKind::member_down:
            return "mesh.member_down";
        case NoticeKind::member_left:
            return "mesh.member_left";
        case NoticeKind::member_up:
            return "mesh.member_up";
        case NoticeKind::late_reply:
            return "mesh.late_reply";
        case NoticeKind::duplicate_request:
            return "mesh.duplicate_request";
        case NoticeKind::unknown_request:
            return "mesh.unknown_request";
        case NoticeKind::malformed_frame:
            return "mesh.malformed_frame";
        case NoticeKind::refused_overload:
            return "mesh.refused_overload";
        case NoticeKind::reparented:
            return "mesh.reparented";
        case NoticeKind::resent:
            return "mesh.resent";
        case NoticeKind::table_full:
            return "mesh.table_full";
        case NoticeKind::stale_record:
            return "mesh.stale_record";
        case NoticeKind::link_replaced:
            return "mesh.link_replaced";
        case NoticeKind::became_relay:
            return "mesh.became_relay";
        case NoticeKind::became_leaf:
            return "mesh.became_leaf";
        case NoticeKind::attached:
            return "mesh.attached";
        case NoticeKind::redirected:
            return "mesh.redirected";
        case NoticeKind::fetched:
            return "mesh.fetched";
        case NoticeKind::orphaned:
            return "mesh.orphaned";
        case NoticeKind::adopted:
            return "mesh.adopted";
        case NoticeKind::visited:
            return "mesh.visited";
        case NoticeKind::group_changed:
            return "mesh.group_changed";
    }
    return "mesh.unnamed";
}

}  // namespace

std::vector<Count> named(const Host::Counters& counters) {
    std::vector<Count> counts{
        {"socket.frames_in", counters.frames_in},
        {"socket.frames_out", counters.frames_out},
        {"socket.published", counters.published},
        {"socket.malformed", counters.malformed},
        {"socket.forged", counters.forged},
        {"socket.multipart", counters.dropped_multipart},
        {"socket.before_hello", counters.before_hello},
        {"socket.after_end", counters.after_end},
        {"socket.refused_key", counters.refused_zap},
        {"socket.refused_hello", counters.refused_hello},
        {"socket.foreign_topic", counters.foreign_topics},
        {"socket.expelled", counters.expelled},
        {"socket.accept_failed", counters.accept_failed},
        {"socket.send_full", counters.send_full},
        {"socket.send_unreachable", counters.send_unreachable},
        {"socket.hung_up", counters.hung_up},
        {"socket.dials", counters.dials},
        {"socket.redials", counters.redials},
    };
    for (std::size_t i = 0; i < counters.notices.size(); ++i)
        counts.push_back({name(static_cast<NoticeKind>(i)), counters.notices[i]});
    return counts;
}

}  // namespace mco::mesh::io
