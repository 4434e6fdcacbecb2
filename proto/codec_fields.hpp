#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "proto/codec_shapes.hpp"
#include "proto/limits.hpp"
#include "proto/messages.hpp"

// Private to the codec: what messages.hpp says in words, as one list of fields for each struct. Writer and Reader both walk
// this list, so they cannot drift apart, and the number of fields on the wire is the length of the list.
namespace mco::proto {

template <typename T, typename U>
concept Like = std::same_as<std::remove_const_t<T>, U>;

// ---------------------------------------------------------------------------------------------- certificates, records

template <typename Visit, Like<Certificate> T>
void each_field(Visit& visit, T& it) {
    visit.record(Octets{it.body, limits::certificate_size_max}, Fixed{it.signature.octets});
}
template <typename Visit, Like<CertificateChain> T>
void each_field(Visit& visit, T& it) {
    visit.record(Items{it.certificates, limits::chain_max});
}
template <typename Visit, Like<CertificateBody> T>
void each_field(Visit& visit, T& it) {
    visit.record(Version{it.version, 1}, Fixed{it.authority.octets}, Fixed{it.serial.octets},
                 Choice{it.role, CertificateRole::root, CertificateRole::caller}, Text{it.name, limits::name_size_max},
                 Fixed{it.sign_key.octets}, Fixed{it.curve_key.octets}, Fixed{it.seal_key.octets}, Time{it.not_before},
                 Time{it.not_after}, Fixed{it.issuer.octets},
                 Texts{it.collectives, limits::collectives_max, limits::name_size_max},
                 Texts{it.actions, limits::scope_actions_max, limits::action_glob_size_max}, Number{it.targets_max});
}
template <typename Visit, Like<PeerRecordBody> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.peer.octets}, Text{it.name, limits::name_size_max}, Number{it.incarnation},
                 Number{it.sequence}, Text{it.group, limits::name_size_max},
                 Text{it.link_endpoint, limits::endpoint_size_max}, Text{it.fanout_endpoint, limits::endpoint_size_max},
                 Fixed{it.curve_key.octets}, Texts{it.collectives, limits::collectives_max, limits::name_size_max},
                 Text{it.software, limits::name_size_max}, Choice{it.relay, RelayWish::automatic, RelayWish::never},
                 Flag{it.performs});
}
template <typename Visit, Like<SealedRecord> T>
void each_field(Visit& visit, T& it) {
    visit.record(Octets{it.body, limits::record_size_max}, Fixed{it.signature.octets}, Part{it.chain});
}

template <typename Visit, Like<RevocationBody> T>
void each_field(Visit& visit, T& it) {
    visit.record(Version{it.version, 1}, Fixed{it.authority.octets}, Number{it.number}, Time{it.made},
                 Ids{it.serials, limits::revocations_max});
}
template <typename Visit, Like<RevocationList> T>
void each_field(Visit& visit, T& it) {
    visit.record(Octets{it.body, limits::revocation_list_size_max}, Fixed{it.signature.octets});
}

// ---------------------------------------------------------------------------------------------- request and reply

template <typename Visit, Like<Route> T>
void each_field(Visit& visit, T& it) {
    visit.record(Version{it.algorithm, 1}, Text{it.collective, limits::name_size_max}, Fixed{it.request.octets},
                 Time{it.created}, Number{it.ttl_ms}, Number{it.timeout_ms}, Fixed{it.reply_key.octets},
                 Fixed{it.body_key.octets}, Part{it.caller});
}
template <typename Visit, Like<FactTerm> T>
void each_field(Visit& visit, T& it) {
    visit.record(Text{it.fact, limits::fact_name_size_max}, Choice{it.op, FactOperator::equal, FactOperator::matches_not},
                 Text{it.value, limits::filter_text_size_max});
}
template <typename Visit, Like<Step> T>
void each_field(Visit& visit, T& it) {
    visit.record(Choice{it.kind, Step::Kind::fact, Step::Kind::either}, Text{it.name, limits::filter_text_size_max},
                 Text{it.query, limits::data_query_size_max}, Text{it.field, limits::name_size_max},
                 Choice{it.op, FactOperator::equal, FactOperator::matches_not},
                 Text{it.value, limits::filter_text_size_max});
}
template <typename Visit, Like<Condition> T>
void each_field(Visit& visit, T& it) {
    visit.record(Items{it.steps, limits::condition_steps_max});
}
template <typename Visit, Like<Filter> T>
void each_field(Visit& visit, T& it) {
    visit.record(Texts{it.identities, limits::identities_max, limits::filter_text_size_max},
                 Texts{it.classes, limits::filter_terms_max, limits::filter_text_size_max},
                 Texts{it.agents, limits::filter_terms_max, limits::filter_text_size_max},
                 Items{it.facts, limits::filter_terms_max}, Items{it.conditions, limits::conditions_max});
}
template <typename Visit, Like<RequestBody> T>
void each_field(Visit& visit, T& it) {
    visit.record(Text{it.agent, limits::name_size_max}, Text{it.action, limits::name_size_max}, Part{it.filter},
                 Dynamic{it.arguments}, Flag{it.wants_reply}, Choice{it.purpose, Purpose::perform, Purpose::judge},
                 Fixed{it.whole.octets});
}
template <typename Visit, Like<SealedRequest> T>
void each_field(Visit& visit, T& it) {
    visit.record(Octets{it.route, limits::route_size_max}, Octets{it.body, limits::request_size_max},
                 Fixed{it.signature.octets});
}
template <typename Visit, Like<ReplyBody> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets}, Fixed{it.request_digest.octets}, Fixed{it.node.octets}, Number{it.sequence},
                 Choice{it.status, StatusCode::ok, StatusCode::other}, Sentence{it.message, limits::text_size_max},
                 Dynamic{it.data});
}
template <typename Visit, Like<SealedReply> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets}, Part{it.node}, Fixed{it.nonce}, Octets{it.box, limits::reply_size_max});
}

// ---------------------------------------------------------------------------------------------- HELLO

template <typename Visit, Like<Hello> T>
void each_field(Visit& visit, T& it) {
    visit.record(Number{it.version_min}, Number{it.version_max}, Part{it.chain}, Fixed{it.nonce.octets},
                 Number{it.revocations});
}
template <typename Visit, Like<HelloReply> T>
void each_field(Visit& visit, T& it) {
    visit.record(Number{it.version}, Part{it.chain}, Fixed{it.nonce.octets}, Number{it.revocations},
                 Fixed{it.proof.octets});
}
template <typename Visit, Like<HelloProof> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.proof.octets}, Octets{it.record, limits::record_size_max});
}
template <typename Visit, Like<Welcome> T>
void each_field(Visit& visit, T& it) {
    visit.record(Octets{it.record, limits::record_size_max}, Time{it.clock});
}
template <typename Visit, Like<Refusal> T>
void each_field(Visit& visit, T& it) {
    visit.record(Choice{it.code, Errc::malformed, Errc::internal}, Sentence{it.reason, limits::reason_size_max});
}

template <typename Visit, Like<Lane> T>
void each_field(Visit& visit, T& it) {
    visit.record(Number{it.link}, Number{it.number});
}

// ---------------------------------------------------------------------------------------------- mesh

template <typename Visit, Like<RosterEntry> T>
void each_field(Visit& visit, T& it) {
    visit.record(Octets{it.record, limits::record_size_max}, Choice{it.state, MemberState::up, MemberState::left},
                 Number{it.since_ms});
}
template <typename Visit, Like<Roster> T>
void each_field(Visit& visit, T& it) {
    visit.record(Items{it.entries, limits::roster_entries_per_frame_max});
}
template <typename Visit, Like<Relays> T>
void each_field(Visit& visit, T& it) {
    visit.record(Number{it.members}, Ids{it.relays, limits::relays_max});
}
template <typename Visit, Like<Attach> T>
void each_field(Visit& visit, T& it) {
    visit.record(Choice{it.standing, Standing::none, Standing::standby}, Number{it.relays});
}
template <typename Visit, Like<Redirect> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets}, Records{it.records, limits::redirect_records_max, limits::record_size_max});
}
template <typename Visit, Like<CollectiveCount> T>
void each_field(Visit& visit, T& it) {
    visit.record(Text{it.collective, limits::name_size_max}, Number{it.members});
}
template <typename Visit, Like<GroupSummary> T>
void each_field(Visit& visit, T& it) {
    visit.record(Text{it.group, limits::name_size_max}, Number{it.version},
                 Items{it.collectives, limits::collectives_max},
                 Records{it.gateways, limits::gateways_max, limits::record_size_max});
}
template <typename Visit, Like<Groups> T>
void each_field(Visit& visit, T& it) {
    visit.record(Items{it.groups, limits::groups_max});
}
template <typename Visit, Like<Request> T>
void each_field(Visit& visit, T& it) {
    visit.record(Choice{it.scope, Scope::inject, Scope::standby}, Number{it.attempt}, Fixed{it.accountant.octets},
                 Fixed{it.gateway.octets}, Number{it.left_ms}, Number{it.sequence}, Octets{it.sealed, limits::request_size_max});
}
template <typename Visit, Like<Ack> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets}, Number{it.attempt}, Number{it.expected});
}
template <typename Visit, Like<Answer> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.node.octets}, Choice{it.outcome, Outcome::ok, Outcome::cancelled},
                 Octets{it.sealed, limits::reply_size_max});
}
template <typename Visit, Like<Bare> T>
void each_field(Visit& visit, T& it) {
    visit.record(Choice{it.outcome, Outcome::ok, Outcome::cancelled}, Ids{it.nodes, limits::results_per_frame_max});
}
template <typename Visit, Like<Missing> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.node.octets}, Text{it.name, limits::name_size_max},
                 Choice{it.reason, Reason::down, Reason::group_unreachable},
                 Choice{it.outcome, Outcome::ok, Outcome::cancelled}, Number{it.since_ms}, Number{it.nodes});
}
template <typename Visit, Like<Ledger> T>
void each_field(Visit& visit, T& it) {
    visit.record(Number{it.expected}, Counts{it.counts}, Choice{it.closure, Closure::open, Closure::closed});
}
template <typename Visit, Like<Up> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets}, Number{it.attempt}, Number{it.sequence},
                 Items{it.answers, limits::results_per_frame_max}, Items{it.bare, outcome_count},
                 Items{it.missing, limits::results_per_frame_max}, Part{it.ledger},
                 Items{it.groups, limits::groups_max + 1});
}
template <typename Visit, Like<GroupLedger> T>
void each_field(Visit& visit, T& it) {
    visit.record(Text{it.group, limits::name_size_max}, Part{it.ledger});
}
template <typename Visit, Like<Credit> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets}, Number{it.octets});
}
template <typename Visit, Like<IHave> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets}, Number{it.attempt}, Fixed{it.orphans_of.octets});
}
template <typename Visit, Like<Fetch> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets});
}
template <typename Visit, Like<Orphans> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets}, Fixed{it.relay.octets});
}
template <typename Visit, Like<Poll> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets}, Number{it.attempt});
}
template <typename Visit, Like<Status> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets}, Number{it.attempt}, Choice{it.progress, Progress::unknown, Progress::done});
}
template <typename Visit, Like<Cancel> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets});
}
template <typename Visit, Like<Ping> T>
void each_field(Visit& visit, T& it) {
    visit.record(Number{it.token}, Number{it.roster_digest});
}
template <typename Visit, Like<Pong> T>
void each_field(Visit& visit, T& it) {
    visit.record(Number{it.token});
}
template <typename Visit, Like<Bye> T>
void each_field(Visit& visit, T& it) {
    visit.record(Sentence{it.reason, limits::reason_size_max});
}
template <typename Visit, Like<Refused> T>
void each_field(Visit& visit, T& it) {
    visit.record(Fixed{it.request.octets}, Choice{it.code, Errc::malformed, Errc::internal},
                 Sentence{it.reason, limits::reason_size_max});
}

template <typename Visit, Like<Revocations> T>
void each_field(Visit& visit, T& it) {
    visit.record(Records{it.lists, limits::roots_max, limits::revocation_list_size_max + 128});
}

}  // namespace mco::proto
