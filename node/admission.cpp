#include "node/admission.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "node/data.hpp"
#include "proto/codec.hpp"
#include "proto/filter.hpp"
#include "proto/limits.hpp"
#include "security/rfc3339.hpp"

namespace mco::node {
namespace {

// Open to every authenticated caller, as it never was subject to policy: discovery must find the nodes that deny.
constexpr std::string_view open_agent = "discovery";

constexpr std::string_view not_authorized = "You are not authorized to call this agent or action.";

// How long a data source may take, by its DDL.
std::chrono::seconds data_time(const std::string& name, const NodeView& view) {
    const auto* source = view.data == nullptr ? nullptr : view.data->find(name);
    return source == nullptr ? std::chrono::seconds(0) : source->schema.timeout;
}

// How many nodes a request can mean at most, whoever carries it: only literal names bound it.
std::optional<std::size_t> most_targets(const proto::Filter& filter) {
    if (filter.identities.empty()) return std::nullopt;
    for (const auto& name : filter.identities) {
        if (name.starts_with('/') || name.find_first_of("[]*?{}") != std::string::npos) return std::nullopt;
    }
    return filter.identities.size();
}

}  // namespace

std::string_view name(RefusalCode code) {
    switch (code) {
        case RefusalCode::malformed:
            return "malformed";
        case RefusalCode::unauthenticated:
            return "unauthenticated";
        case RefusalCode::body_sealed:
            return "body_sealed";
        case RefusalCode::malformed_body:
            return "malformed_body";
        case RefusalCode::expired:
            return "expired";
        case RefusalCode::clock_skew:
            return "clock_skew";
        case RefusalCode::ttl_too_long:
            return "ttl_too_long";
        case RefusalCode::replayed:
            return "replayed";
        case RefusalCode::replay_full:
            return "replay_full";
        case RefusalCode::interrupted:
            return "interrupted";
        case RefusalCode::scope_denied:
            return "scope_denied";
        case RefusalCode::too_many_targets:
            return "too_many_targets";
        case RefusalCode::filter_invalid:
            return "filter_invalid";
        case RefusalCode::policy_denied:
            return "policy_denied";
        case RefusalCode::unknown_action:
            return "unknown_action";
        case RefusalCode::arguments_invalid:
            return "arguments_invalid";
        case RefusalCode::overloaded:
            return "overloaded";
        case RefusalCode::stopping:
            return "stopping";
        case RefusalCode::journal_failed:
            return "journal_failed";
        case RefusalCode::audit_failed:
            return "audit_failed";
    }
    return "unknown";
}

proto::Outcome outcome(RefusalCode code) {
    switch (code) {
        case RefusalCode::malformed:
        case RefusalCode::unauthenticated:
        case RefusalCode::expired:
        case RefusalCode::clock_skew:
        case RefusalCode::ttl_too_long:
        case RefusalCode::replayed:
        case RefusalCode::scope_denied:
        case RefusalCode::too_many_targets:
        case RefusalCode::policy_denied:
            return proto::Outcome::denied;
        case RefusalCode::body_sealed:
        case RefusalCode::malformed_body:
        case RefusalCode::replay_full:
        case RefusalCode::filter_invalid:
        case RefusalCode::unknown_action:
        case RefusalCode::arguments_invalid:
        case RefusalCode::overloaded:
        case RefusalCode::stopping:
        case RefusalCode::interrupted:
        case RefusalCode::journal_failed:
        case RefusalCode::audit_failed:
            return proto::Outcome::failed;
    }
    return proto::Outcome::denied;
}

proto::StatusCode status(RefusalCode code) {
    switch (code) {
        case RefusalCode::malformed:
        case RefusalCode::unauthenticated:
        case RefusalCode::expired:
        case RefusalCode::clock_skew:
        case RefusalCode::ttl_too_long:
        case RefusalCode::replayed:
        case RefusalCode::scope_denied:
        case RefusalCode::too_many_targets:
        case RefusalCode::policy_denied:
            return proto::StatusCode::aborted;
        case RefusalCode::unknown_action:
            return proto::StatusCode::unknown_action;
        case RefusalCode::body_sealed:
        case RefusalCode::malformed_body:
        case RefusalCode::filter_invalid:
        case RefusalCode::arguments_invalid:
            return proto::StatusCode::invalid_data;
        case RefusalCode::replay_full:
        case RefusalCode::overloaded:
        case RefusalCode::stopping:
        case RefusalCode::interrupted:
        case RefusalCode::journal_failed:
        case RefusalCode::audit_failed:
            return proto::StatusCode::other;
    }
    return proto::StatusCode::other;
}

// What is known so far of the request being decided.
struct Admission::Draft {
    security::OpenedRequest opened;
    proto::RequestBody body;
    ReplyTo reply_to;
    Subject subject;
    Registry::Entry entry;
    const proto::ActionSchema* action = nullptr;
    std::string decided_by;
    std::optional<proto::Matcher> condition = std::nullopt;
    std::optional<security::Policy> open_policy = std::nullopt;

    Refusal refuse(RefusalCode code, std::string sentence, std::string detail) const {
        return {code, std::move(sentence), std::move(detail), reply_to, subject};
    }
    bool open_to_all() const { return body.agent == open_agent; }
};

Decision Admission::decide(proto::Now now, const proto::RequestId& asked, proto::BytesView sealed,
                           const Ground& ground) {
    ++counters_.total;
    const auto nobody = [&](RefusalCode code, std::string detail) {
        ++counters_.unvalidated;
        Refusal refusal{.code = code, .sentence = {}, .detail = std::move(detail), .reply_to = {}, .subject = {}};
        refusal.subject.request = asked;
        return refusal;
    };
    if (sealed.size() > proto::limits::request_size_max)
        return nobody(RefusalCode::malformed, fmt::format("larger than {} octets", proto::limits::request_size_max));
    auto opened = security::open_request(trust_, sealed, now.wall);
    if (!opened) {
        const auto code = opened.error().code;
        const bool shape = code == proto::Errc::malformed || code == proto::Errc::unsupported;
        return nobody(shape ? RefusalCode::malformed : RefusalCode::unauthenticated, std::move(opened.error().detail));
    }
    if (opened->route.request != asked)
        return nobody(RefusalCode::malformed, "it came under the id of another request");
    ++counters_.validated;

    Draft draft{.opened = std::move(*opened),
                .body = {},
                .reply_to = {},
                .subject = {},
                .entry = {},
                .action = nullptr,
                .decided_by = {}};
    const auto& route = draft.opened.route;
    draft.reply_to = {
        .request = route.request, .digest = draft.opened.digest, .reply_key = route.reply_key, .wanted = true};
    draft.subject.request = route.request;
    draft.subject.caller = draft.opened.caller.serial;
    draft.subject.caller_name = draft.opened.caller.name;
    draft.subject.collective = route.collective;

    const auto& joined = ground.view->traits.collectives;
    if (std::find(joined.begin(), joined.end(), route.collective) == joined.end()) {
        ++counters_.filtered;
        return NotMatched{NotMatched::Why::collective};
    }
    if (auto refusal = check_time(draft, now)) return std::move(*refusal);

    if (auto refusal = open_sealed_body(draft, ground)) return std::move(*refusal);
    auto body = proto::unpack<proto::RequestBody>(draft.opened.body);
    if (!body) {
        ++counters_.invalid;
        return draft.refuse(RefusalCode::malformed_body, "This node cannot read the request.",
                            std::move(body.error().detail));
    }
    draft.body = std::move(*body);
    draft.reply_to.wanted = draft.body.wants_reply;
    draft.subject.agent = draft.body.agent;
    draft.subject.action = draft.body.action;
    draft.subject.whole = draft.body.whole;
    draft.subject.purpose = draft.body.purpose;
    describe_inputs(draft, ground);

    if (auto decision = check_meant(draft, ground)) return std::move(*decision);
    if (auto refusal = check_targets(draft)) return std::move(*refusal);
    if (auto refusal = check_rights(draft, ground)) return std::move(*refusal);
    if (auto refusal = check_arguments(draft)) return std::move(*refusal);

    AdmittedCall admitted;
    admitted.call_ = {.request = route.request,
                      .collective = route.collective,
                      .agent = std::move(draft.body.agent),
                      .action = std::move(draft.body.action),
                      .arguments = std::move(*draft.body.arguments.map()),
                      .caller = "cert=" + draft.opened.caller.name,
                      .ttl = std::chrono::milliseconds(route.ttl_ms),
                      .time = now.wall,
                      .began = now.mono,
                      .counters = counters_,
                      .node = ground.view,
                      .mesh = {}};
    admitted.admitted_ = now.mono;
    admitted.until_ = route.created + std::chrono::milliseconds(route.ttl_ms) + proto::limits::clock_skew_max;
    admitted.start_by_ =
        now.mono + (route.created + std::chrono::milliseconds(route.ttl_ms) + proto::limits::clock_skew_max - now.wall);
    admitted.finish_by_ = now.mono + draft.entry.schema->timeout + draft.entry.agent->patience();
    if (draft.open_policy) {
        for (const auto& source : ground.policy.sources({admitted.call_.caller, admitted.call_.agent, admitted.call_.action}))
            admitted.finish_by_ += data_time(source, *ground.view);
    }
    if (draft.condition) {
        for (const auto* term : proto::data_terms(draft.body.filter))
            admitted.finish_by_ += data_time(term->name, *ground.view);
    }
    admitted.condition_ = std::move(draft.condition);
    admitted.open_policy_ = std::move(draft.open_policy);
    admitted.entry_ = std::move(draft.entry);
    admitted.action_ = draft.action;
    admitted.reply_to_ = draft.reply_to;
    admitted.subject_ = std::move(draft.subject);
    admitted.decided_by_ = std::move(draft.decided_by);
    return admitted;
}

std::optional<Refusal> Admission::check_time(Draft& draft, proto::Now now) {
    using Verdict = security::ReplayWindow::Verdict;
    const auto& route = draft.opened.route;
    const auto verdict = replay_.admit(draft.opened.caller.serial, route.request, route.created,
                                       std::chrono::milliseconds(route.ttl_ms), now.wall);
    const auto times = [&] {
        return fmt::format("made {}, life {} ms, here it is {}", security::to_rfc3339(route.created), route.ttl_ms,
                           security::to_rfc3339(now.wall));
    };
    switch (verdict) {
        case Verdict::fresh:
            return std::nullopt;
        case Verdict::seen:
            ++counters_.replayed;
            return draft.refuse(RefusalCode::replayed, "This request was made before; it is performed once.",
                                "seen before");
        case Verdict::too_old:
            ++counters_.ttlexpired;
            return draft.refuse(
                RefusalCode::expired,
                fmt::format("The request is too old. This node's clock reads {}.", security::to_rfc3339(now.wall)),
                times());
        case Verdict::from_the_future:
            ++counters_.ttlexpired;
            return draft.refuse(RefusalCode::clock_skew,
                                fmt::format("The request was made in the future. This node's clock reads {}.",
                                            security::to_rfc3339(now.wall)),
                                times());
        case Verdict::ttl_too_long:
            ++counters_.ttlexpired;
            return draft.refuse(RefusalCode::ttl_too_long,
                                fmt::format("A request may live for at most {} s.",
                                            std::chrono::seconds(proto::limits::request_ttl_max).count()),
                                times());
        case Verdict::interrupted:
            ++counters_.replayed;
            return draft.refuse(RefusalCode::interrupted,
                                "unknown, the node restarted: this request ran when it did, and is not run again.",
                                "it was started before the restart");
        case Verdict::full:
            ++counters_.overloaded;
            return draft.refuse(RefusalCode::replay_full,
                                "This node has too many requests to remember; try again later.",
                                "the replay window is full");
    }
    return draft.refuse(RefusalCode::expired, "The request is too old.", "unknown verdict");
}

std::optional<Refusal> Admission::open_sealed_body(Draft& draft, const Ground& ground) {
    const auto& route = draft.opened.route;
    if (route.body_key.is_zero()) return std::nullopt;
    const auto* key = ground.keys == nullptr ? nullptr : ground.keys->find(route.body_key);
    auto body = key == nullptr ? proto::Result<proto::Bytes>(proto::fail(
                                     proto::Errc::not_found, fmt::format("the collective key {} is not here", route.body_key.hex())))
                               : security::open_body(*key, route.request, route.collective, draft.opened.body);
    if (!body) {
        ++counters_.invalid;
        return draft.refuse(RefusalCode::body_sealed, "This node does not have the collective key of the request.",
                            std::move(body.error().detail));
    }
    draft.opened.body = std::move(*body);
    return std::nullopt;
}

// What the audit trail may hold. The digest of a short secret would tell it to whoever guesses, so it is taken without those.
void Admission::describe_inputs(Draft& draft, const Ground& ground) {
    const auto* entry = ground.registry.find(draft.body.agent);
    const auto* action = entry == nullptr ? nullptr : entry->schema->find_action(draft.body.action);
    const auto* inputs = draft.body.arguments.map();
    if (action == nullptr || inputs == nullptr) return;
    auto shown = proto::recordable(*action, *inputs);
    auto counted = *inputs;
    for (const auto& input : action->inputs) {
        if (const auto found = counted.find(input.name); input.secret && found != counted.end()) found->second = shown[input.name];
    }
    draft.subject.arguments = security::digest(proto::pack(proto::Value(std::move(counted))));
    draft.subject.inputs = std::move(shown);
}

// Certificate scope first: a caller learns nothing about nodes he has no business with.
std::optional<Decision> Admission::check_meant(Draft& draft, const Ground& ground) {
    const auto& caller = draft.opened.caller;
    const bool in_scope = caller.may_join(draft.opened.route.collective) &&
                          (draft.open_to_all() || caller.may_call(draft.body.agent, draft.body.action));
    if (!in_scope) {
        ++counters_.denied;
        return draft.refuse(RefusalCode::scope_denied, std::string(not_authorized),
                            "the scope of the caller's certificate does not include it");
    }
    const auto* entry = ground.registry.find(draft.body.agent);
    if (entry == nullptr) {  // to ask for an agent is to mean the nodes that have it
        ++counters_.filtered;
        return NotMatched{NotMatched::Why::agent};
    }
    draft.entry = *entry;
    if (!draft.body.filter.empty()) {
        auto matcher = proto::Matcher::compile(draft.body.filter);
        if (!matcher) {
            ++counters_.invalid;
            return draft.refuse(RefusalCode::filter_invalid, matcher.error().detail, matcher.error().detail);
        }
        switch (matcher->judge(ground.view->traits)) {
            case proto::Verdict::no:
                ++counters_.filtered;
                return NotMatched{NotMatched::Why::filter};
            case proto::Verdict::unknown:
                draft.condition = std::move(*matcher);
                return std::nullopt;  // counted once it is known
            case proto::Verdict::yes:
                break;
        }
    }
    ++counters_.passed;
    return std::nullopt;
}

// Relays count nodes, but are not to be trusted with it: what is signed must say it. Finding nodes is nothing that a limit is for.
std::optional<Refusal> Admission::check_targets(Draft& draft) {
    const auto limit = draft.opened.caller.targets_max;
    if (limit == 0 || draft.open_to_all()) return std::nullopt;
    const auto most = most_targets(draft.body.filter);
    if (most && *most <= limit) return std::nullopt;
    ++counters_.denied;
    return draft.refuse(RefusalCode::too_many_targets,
                        fmt::format("Your certificate allows {} node{} a request, and this one {}. Name them: -I NODE.",
                                    limit, limit == 1 ? "" : "s",
                                    most ? fmt::format("names {}", *most) : "may mean any number"),
                        fmt::format("the certificate's limit is {}", limit));
}

std::optional<Refusal> Admission::check_rights(Draft& draft, const Ground& ground) {
    const std::string caller = "cert=" + draft.opened.caller.name;
    if (draft.open_to_all()) {
        draft.decided_by = "open to every authenticated caller";
    } else {
        auto verdict = ground.policy.decide({.caller = caller, .agent = draft.body.agent, .action = draft.body.action},
                                            ground.view->traits);
        if (verdict.open) {
            draft.open_policy = ground.policy;
        } else if (!verdict.allowed) {
            ++counters_.denied;
            return draft.refuse(RefusalCode::policy_denied, std::string(not_authorized),
                                std::move(verdict.decided_by));
        }
        draft.decided_by = std::move(verdict.decided_by);
    }
    return draft.condition ? check_data_rights(draft, ground, caller) : std::nullopt;
}

// To be matched or not by what a data source says is to learn what it says, so it takes the right to ask for that openly.
std::optional<Refusal> Admission::check_data_rights(Draft& draft, const Ground& ground, const std::string& caller) {
    constexpr std::string_view agent = "rpcutil", action = "get_data";
    constexpr std::string_view sentence =
        "You are not authorized to use data functions in filters here; they take the right to call rpcutil get_data.";
    if (!draft.opened.caller.may_call(agent, action)) {
        ++counters_.denied;
        return draft.refuse(RefusalCode::scope_denied, std::string(sentence),
                            "the scope of the caller's certificate does not include rpcutil/get_data");
    }
    auto verdict = ground.policy.decide({.caller = caller, .agent = std::string(agent), .action = std::string(action)},
                                        ground.view->traits);
    if (verdict.allowed) return std::nullopt;  // a rule that asks data itself does not count here
    ++counters_.denied;
    return draft.refuse(RefusalCode::policy_denied, std::string(sentence), std::move(verdict.decided_by));
}

std::optional<Refusal> Admission::check_arguments(Draft& draft) {
    draft.action = draft.entry.schema->find_action(draft.body.action);
    if (draft.action == nullptr) {
        ++counters_.invalid;
        auto sentence = fmt::format("Unknown action '{}' for agent '{}'", draft.body.action, draft.body.agent);
        return draft.refuse(RefusalCode::unknown_action, sentence, sentence);
    }
    const auto* inputs = draft.body.arguments.map();
    const auto valid = inputs == nullptr
                           ? proto::Result<void>(proto::fail(proto::Errc::invalid, "the arguments are no map"))
                           : proto::validate_inputs(*draft.action, *inputs);
    if (valid) return std::nullopt;
    ++counters_.invalid;
    return draft.refuse(RefusalCode::arguments_invalid, valid.error().detail, valid.error().detail);
}

Refusal Admission::refuse(const AdmittedCall& admitted, RefusalCode code, std::string detail) {
    std::string sentence;
    switch (code) {
        case RefusalCode::overloaded:
            sentence = "This node has too much to do; nothing was done. Try again later.";
            break;
        case RefusalCode::stopping:
            sentence = "This node is stopping; nothing was done.";
            break;
        case RefusalCode::policy_denied:
            sentence = not_authorized;
            break;
        case RefusalCode::journal_failed:
            sentence = "This node cannot write its journal; nothing was done. Its log says why.";
            break;
        case RefusalCode::audit_failed:
            sentence = "This node cannot write its audit trail; nothing was done. Its log says why.";
            break;
        case RefusalCode::malformed:
        case RefusalCode::unauthenticated:
        case RefusalCode::body_sealed:
        case RefusalCode::malformed_body:
        case RefusalCode::expired:
        case RefusalCode::clock_skew:
        case RefusalCode::ttl_too_long:
        case RefusalCode::replayed:
        case RefusalCode::replay_full:
        case RefusalCode::interrupted:
        case RefusalCode::scope_denied:
        case RefusalCode::too_many_targets:
        case RefusalCode::filter_invalid:
        case RefusalCode::unknown_action:
        case RefusalCode::arguments_invalid:
            sentence = "Nothing was done.";
            break;
    }
    return {code, std::move(sentence), std::move(detail), admitted.reply_to(), admitted.subject()};
}

}  // namespace mco::node
