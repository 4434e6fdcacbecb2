#include "mesh/sim/words.hpp"

#include <map>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mesh/sim/world.hpp"
#include "proto/codec.hpp"

namespace mco::mesh::sim {

namespace {

template <typename... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;  // clang 14 does not find it by itself

std::string_view name(NoticeKind kind) {
    switch (kind) {
        case NoticeKind::member_joined:
            return "knows";
        case NoticeKind::member_down:
            return "misses";
        case NoticeKind::member_left:
            return "says goodbye to";
        case NoticeKind::member_up:
            return "has again";
        case NoticeKind::late_reply:
            return "ignores a late word of";
        case NoticeKind::duplicate_request:
            return "was asked twice by";
        case NoticeKind::unknown_request:
            return "does not know what is meant by";
        case NoticeKind::malformed_frame:
            return "cannot read";
        case NoticeKind::refused_overload:
            return "is too busy for";
        case NoticeKind::reparented:
            return "now answers to";
        case NoticeKind::resent:
            return "asks again";
        case NoticeKind::table_full:
            return "has no room for";
        case NoticeKind::stale_record:
            return "has newer word of";
        case NoticeKind::link_replaced:
            return "drops an older link to";
        case NoticeKind::became_relay:
            return "becomes a relay:";
        case NoticeKind::became_leaf:
            return "becomes a leaf:";
        case NoticeKind::attached:
            return "attaches to";
        case NoticeKind::redirected:
            return "is sent on by, or sends on,";
        case NoticeKind::fetched:
            return "is fetched from by";
        case NoticeKind::orphaned:
            return "calls the orphans of";
        case NoticeKind::adopted:
            return "adopts";
        case NoticeKind::visited:
            return "visits";
        case NoticeKind::group_changed:
            return "hears of a group";
    }
    return "?";
}

std::string_view name(proto::Progress progress) {
    switch (progress) {
        case proto::Progress::unknown:
            return "unknown";
        case proto::Progress::working:
            return "working";
        case proto::Progress::done:
            return "done";
    }
    return "?";
}

std::string_view name(proto::Standing standing) {
    switch (standing) {
        case proto::Standing::none:
            return "none";
        case proto::Standing::primary:
            return "primary";
        case proto::Standing::standby:
            return "standby";
    }
    return "?";
}

// Whose it is to do what with it.
std::string_view words(proto::Scope scope) {
    switch (scope) {
        case proto::Scope::inject:
            return "";
        case proto::Scope::local:
            return " to relays";
        case proto::Scope::deliver:
            return " to leaves";
        case proto::Scope::group:
            return " to the group";
        case proto::Scope::standby:
            return " to the second gateway";
    }
    return "?";
}

std::string request_of(const World& world, const proto::Request& request) {
    const auto sealed = proto::unpack<proto::SealedRequest>(request.sealed);
    const auto route = sealed ? proto::unpack<proto::Route>(sealed->route) : tl::unexpected(sealed.error());
    return route ? world.name(route->request) : "?";
}

std::string text_of(const World& world, const proto::Up& up) {
    std::map<std::string, std::vector<std::string>> by_outcome;
    for (const auto& answer : up.answers)
        by_outcome[std::string(proto::name(answer.outcome))].push_back(world.name(answer.node));
    for (const auto& bare : up.bare) {
        for (const auto& node : bare.nodes) by_outcome[std::string(proto::name(bare.outcome))].push_back(world.name(node));
    }
    for (const auto& missing : up.missing)
        by_outcome[fmt::format("{} ({})", proto::name(missing.outcome), proto::name(missing.reason))].push_back(
            missing.node.is_zero() ? fmt::format("{} of {}", missing.nodes, missing.name) : world.name(missing.node));
    std::string text = fmt::format("up {} #{}", world.name(up.request), up.sequence);
    for (const auto& [outcome, nodes] : by_outcome) text += fmt::format(" · {}: {}", outcome, fmt::join(nodes, " "));
    text += fmt::format(" · {}{}", proto::to_text(up.ledger), up.ledger.closure == proto::Closure::closed ? ", closed" : "");
    for (const auto& group : up.groups)
        text += fmt::format(" · {}: {}{}", group.group, proto::to_text(group.ledger),
                            group.ledger.closure == proto::Closure::closed ? ", closed" : "");
    return text;
}

}  // namespace

std::string words(const World& world, const proto::Message& message) {
    return std::visit(Overloaded{
                          [](const proto::Hello&) { return std::string("hello"); },
                          [](const proto::HelloReply&) { return std::string("hello reply"); },
                          [](const proto::HelloProof&) { return std::string("hello proof"); },
                          [](const proto::Welcome&) { return std::string("welcome"); },
                          [](const proto::Refusal&) { return std::string("refusal"); },
                          [](const proto::Roster& one) { return fmt::format("roster of {}", one.entries.size()); },
                          [&](const proto::Request& one) {
                              return fmt::format("request {}{}{}", request_of(world, one), words(one.scope),
                                                 one.attempt > 1 ? fmt::format(" attempt {}", one.attempt) : "");
                          },
                          [&](const proto::Ack& one) {
                              return fmt::format("ack {} expected {}", world.name(one.request), one.expected);
                          },
                          [&](const proto::Up& one) { return text_of(world, one); },
                          [&](const proto::Poll& one) { return fmt::format("poll {}", world.name(one.request)); },
                          [&](const proto::Status& one) {
                              return fmt::format("status {} {}", world.name(one.request), name(one.progress));
                          },
                          [&](const proto::Cancel& one) { return fmt::format("cancel {}", world.name(one.request)); },
                          [](const proto::Ping&) { return std::string("ping"); },
                          [](const proto::Pong&) { return std::string("pong"); },
                          [](const proto::Bye&) { return std::string("bye"); },
                          [&](const proto::Refused& one) {
                              return fmt::format("refused {} {}", world.name(one.request), proto::name(one.code));
                          },
                          [&](const proto::Relays& one) { return fmt::format("{} relays of {}", one.relays.size(), one.members); },
                          [](const proto::Attach& one) { return fmt::format("attach, {}", name(one.standing)); },
                          [&](const proto::Redirect& one) {
                              return one.request.is_zero() ? std::string("redirect")
                                                           : "redirect " + world.name(one.request);
                          },
                          [](const proto::Groups& one) { return fmt::format("{} groups", one.groups.size()); },
                          [&](const proto::IHave& one) {
                              return fmt::format("have {}{}", world.name(one.request),
                                                 one.orphans_of.is_zero() ? "" : ", orphans of " + world.name(one.orphans_of));
                          },
                          [&](const proto::Fetch& one) {
                              return "fetch " + (one.request.is_zero() ? std::string("all") : world.name(one.request));
                          },
                          [](const proto::Lane&) { return std::string("lane"); },
                          [](const proto::Revocations&) { return std::string("revocations"); },
                          [&](const proto::Credit& one) {
                              return fmt::format("credit {} of {} octets", world.name(one.request), one.octets);
                          },
                          [&](const proto::Orphans& one) {
                              return fmt::format("orphans of {} in {}", world.name(one.relay), world.name(one.request));
                          },
                      },
                      message);
}

std::string words(const World& world, const Effect& effect, Place other) {
    const auto message = [&](const proto::Bytes& frame) {
        const auto decoded = proto::decode(frame);
        return decoded ? words(world, *decoded) : std::string("something unreadable");
    };
    return std::visit(
        Overloaded{
            [&](const Send& one) { return fmt::format("-> {}: {}", world.name(other), message(one.frame)); },
            [&](const Publish& one) { return fmt::format("publishes {}", message(one.frame)); },
            [](const Dial& one) { return fmt::format("dials {}", one.where.endpoint); },
            [](const Undial& one) { return fmt::format("does not dial {} any more", one.where.endpoint); },
            [](const Follow& one) { return fmt::format("follows {} for {} topics", one.where.endpoint, one.topics.size()); },
            [](const Unfollow& one) { return fmt::format("does not follow {} any more", one.where.endpoint); },
            [&](const Hangup& one) {
                return fmt::format("hangs up on {}: {}", world.name(other), proto::name(one.why));
            },
            [&](const Perform& one) { return fmt::format("performs {}", world.name(one.request)); },
            [&](const Withdraw& one) { return fmt::format("withdraws {}", world.name(one.request)); },
            [&](const Notice& one) {
                std::string text(name(one.kind));
                if (!one.about.is_zero()) text += " " + world.name(one.about);
                if (!one.request.is_zero()) text += " about " + world.name(one.request);
                return text;
            },
        },
        effect);
}

}  // namespace mco::mesh::sim
