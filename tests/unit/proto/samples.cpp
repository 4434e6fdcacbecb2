#include "tests/unit/proto/samples.hpp"

#include <cstdint>
#include <limits>

namespace mco::tests {

using namespace mco::proto;

namespace {

WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

Bytes octets(std::size_t size, std::uint8_t first) {
    Bytes bytes(size);
    for (auto& octet : bytes) octet = first++;
    return bytes;
}

template <typename T>
Result<Bytes> read_and_write(BytesView octets) {
    const auto record = unpack<T>(octets);
    if (!record) return tl::unexpected(record.error());
    return pack(*record);
}

template <typename T>
SealedSample sealed(std::string name, const T& sample) {
    return {std::move(name), pack(sample), &read_and_write<T>};
}

}  // namespace

CertificateBody sample_certificate_body() {
    return {.version = 1,
            .authority = numbered<Serial>(1),
            .serial = numbered<Serial>(2),
            .role = CertificateRole::caller,
            .name = "alice.example",
            .sign_key = numbered<SignPublicKey>(3),
            .curve_key = numbered<CurvePublicKey>(4),
            .seal_key = numbered<SealPublicKey>(5),
            .not_before = at(1'700'000'000),
            .not_after = at(1'800'000'000),
            .issuer = numbered<Serial>(6),
            .collectives = {"mcollective", "web"},
            .actions = {"rpcutil/*", "*/status"},
            .targets_max = 70'000};
}

CertificateChain sample_chain() {
    return {.certificates = {{pack(sample_certificate_body()), numbered<Signature>(7)},
                             {octets(300, 8), numbered<Signature>(9)}}};
}

PeerRecordBody sample_record_body() {
    return {.peer = numbered<PeerId>(10),
            .name = "web1.example",
            .incarnation = 1'700'000'000'000'000,
            .sequence = 258,
            .group = "dc1",
            .link_endpoint = "tcp://192.0.2.7:21000",
            .fanout_endpoint = "tcp://192.0.2.7:21001",
            .curve_key = numbered<CurvePublicKey>(11),
            .collectives = {"mcollective"},
            .software = "mcod 0.1.0"};
}

SealedRecord sample_record() { return {pack(sample_record_body()), numbered<Signature>(12), sample_chain()}; }

Route sample_route() {
    return {.algorithm = 1,
            .collective = "mcollective",
            .request = numbered<RequestId>(13),
            .created = at(1'750'000'000),
            .ttl_ms = 60'000,
            .timeout_ms = 10'000,
            .reply_key = numbered<SealPublicKey>(14),
            .caller = sample_chain()};
}

Value sample_value() {
    constexpr auto smallest = std::numeric_limits<std::int64_t>::min();
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    Value::List edges;
    for (const std::int64_t number : {smallest,
                                      smallest / 2,
                                      std::int64_t{-2147483649},
                                      std::int64_t{-2147483648},
                                      std::int64_t{-32769},
                                      std::int64_t{-32768},
                                      std::int64_t{-129},
                                      std::int64_t{-128},
                                      std::int64_t{-33},
                                      std::int64_t{-32},
                                      std::int64_t{-1},
                                      std::int64_t{0},
                                      std::int64_t{127},
                                      std::int64_t{128},
                                      std::int64_t{255},
                                      std::int64_t{256},
                                      std::int64_t{65535},
                                      std::int64_t{65536},
                                      std::int64_t{4294967295},
                                      std::int64_t{4294967296},
                                      largest}) {
        edges.emplace_back(number);
    }
    Value::List texts;
    for (const std::size_t size : {0U, 1U, 31U, 32U, 255U, 256U}) texts.emplace_back(std::string(size, 'x'));
    return Value::Map{{"edges", edges},
                      {"empty list", Value::List{}},
                      {"empty map", Value::Map{}},
                      {"flags", Value::List{true, false, Value()}},
                      {"nested", Value::Map{{"a", Value::Map{{"b", Value::List{Value::List{1}}}}}}},
                      {"real", Value::List{0.5, -1e300, std::numeric_limits<double>::infinity()}},
                      {"texts", texts},
                      {"\xC3\xBCnic\xC3\xB6"
                       "de \xF0\x9F\x92\xA1",
                       "\xE2\x82\xAC"}};
}

RequestBody sample_request_body() {
    return {.agent = "rpcutil",
            .action = "get_fact",
            .filter = {.identities = {"web1", "/^db/"},
                       .classes = {"apache"},
                       .agents = {"service"},
                       .facts = {{"country", FactOperator::equal, "uk"}, {"uptime_days", FactOperator::matches, "^1"}},
                       .conditions = {{{{.kind = Step::Kind::data, .name = "fstat", .query = "/etc/hosts", .field = "size",
                                         .op = FactOperator::greater, .value = "0"},
                                        {.kind = Step::Kind::negate}}}}},
            .arguments = Value::Map{{"fact", "os.family"}, {"all", true}},
            .wants_reply = false,
            .purpose = Purpose::judge,
            .whole = numbered<RequestId>(12)};
}

SealedRequest sample_request() { return {pack(sample_route()), pack(sample_request_body()), numbered<Signature>(15)}; }

ReplyBody sample_reply_body() {
    return {.request = numbered<RequestId>(13),
            .request_digest = numbered<Digest>(16),
            .node = numbered<Serial>(17),
            .sequence = 3,
            .status = StatusCode::missing_data,
            .message = "no such fact",
            .data = sample_value()};
}

SealedReply sample_reply() {
    SealedReply reply{.request = numbered<RequestId>(13), .node = sample_chain(), .box = octets(500, 18)};
    for (auto& octet : reply.nonce) octet = 19;
    return reply;
}

std::vector<Message> sample_messages() {
    Ledger ledger;
    ledger.expected = 36;
    for (std::uint32_t i = 0; i < outcome_count; ++i) ledger.counts[i] = i + 1;
    ledger.closure = Closure::closed;
    const Bytes record = pack(sample_record());
    return {
        Hello{2, 3, sample_chain(), numbered<Nonce>(20), 9},
        HelloReply{2, sample_chain(), numbered<Nonce>(21), 10, numbered<Signature>(22)},
        HelloProof{numbered<Signature>(23), record},
        Welcome{record, at(1'760'000'000)},
        Refusal{Errc::unauthenticated, "the certificate has expired"},
        Roster{
            {{record, MemberState::up, 0}, {record, MemberState::left, 5000}, {octets(40, 24), MemberState::down, 1}}},
        Request{Scope::local, 2, numbered<PeerId>(25), numbered<PeerId>(24), 9'999, 77, pack(sample_request())},
        Ack{numbered<RequestId>(13), 2, 300},
        Up{numbered<RequestId>(13),
           2,
           4,
           {{numbered<PeerId>(26), Outcome::failed, pack(sample_reply())}, {numbered<PeerId>(27), Outcome::denied, {}}},
           {{Outcome::not_matched, {numbered<PeerId>(30), numbered<PeerId>(31)}}, {Outcome::ok, {}}},
           {{numbered<PeerId>(28), "web3", Reason::silent, Outcome::lost, 0},
            {numbered<PeerId>(29), "web4", Reason::down, Outcome::unreachable, 3'600'000},
            {{}, "dc3", Reason::group_unreachable, Outcome::unreachable, 0, 400}},
           ledger,
           {{"dc2", ledger}, {"dc4", {}}}},
        Poll{numbered<RequestId>(13), 2},
        Status{numbered<RequestId>(13), 2, Progress::done},
        Cancel{numbered<RequestId>(13)},
        Ping{std::numeric_limits<std::uint64_t>::max(), 31},
        Pong{30},
        Bye{"stopped by the operator"},
        Refused{numbered<RequestId>(13), Errc::overloaded, "too many live requests"},
        Relays{300, {numbered<PeerId>(25), numbered<PeerId>(26)}},
        Attach{Standing::standby, 7},
        Redirect{numbered<RequestId>(13), {record, record}},
        Groups{{{"dc2", 1'760'000'000'000'000, {{"mcollective", 200}, {"uk", 0}}, {record}}, {"dc3", 1, {}, {}}}},
        IHave{numbered<RequestId>(13), 2, numbered<PeerId>(25)},
        Fetch{numbered<RequestId>(13)},
        Orphans{numbered<RequestId>(13), numbered<PeerId>(25)},
        Lane{0x0102030405060708, 3},
        Credit{numbered<RequestId>(13), 300'000},
        Revocations{{pack(RevocationList{pack(RevocationBody{1, numbered<Serial>(1), 7, {}, {numbered<Serial>(2)}}), {}})}},
    };
}

std::vector<SealedSample> sample_sealed() {
    return {sealed("certificate_body", sample_certificate_body()),
            sealed("chain", sample_chain()),
            sealed("record_body", sample_record_body()),
            sealed("record", sample_record()),
            sealed("route", sample_route()),
            sealed("request_body", sample_request_body()),
            sealed("request", sample_request()),
            sealed("reply_body", sample_reply_body()),
            sealed("reply", sample_reply()),
            sealed("revocation_body", RevocationBody{1, numbered<Serial>(1), 7, {}, {numbered<Serial>(2)}}),
            sealed("revocation_list", RevocationList{{1, 2}, {}}),
            sealed("value", sample_value())};
}

}  // namespace mco::tests
