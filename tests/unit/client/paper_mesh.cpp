#include "tests/unit/client/paper_mesh.hpp"

#include <algorithm>
#include <utility>

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "proto/filter.hpp"
#include "security/certificate.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"
#include "security/key_file.hpp"

namespace mco::test {

namespace {

template <typename T>
T need(proto::Result<T> result) {
    if (!result) FAIL(result.error().detail);
    return std::move(*result);
}

constexpr std::string_view rpcutil_ddl = R"({
  "metadata": {"name": "rpcutil", "description": "Utilities", "author": "a", "license": "l", "version": "1", "url": "", "timeout": 10},
  "actions": [
    {"action": "ping", "description": "Clock", "display": "always", "input": {},
     "output": {"pong": {"description": "d", "display_as": "Timestamp"}}},
    {"action": "get_fact", "description": "One fact", "display": "always",
     "input": {"fact": {"prompt": "p", "description": "Which", "type": "string", "validation": "^[\\w\\-\\.]+$", "optional": false,
                        "maxlength": 40}},
     "output": {"fact": {"description": "d", "display_as": "Fact"}, "value": {"description": "d", "display_as": "Value"}},
     "aggregate": [{"function": "summary", "args": ["value"]}]},
    {"action": "collective_info", "description": "Collectives", "display": "always", "input": {}, "output": {}},
    {"action": "inventory", "description": "All", "display": "always", "input": {}, "output": {}},
    {"action": "daemon_stats", "description": "Counters", "display": "always", "input": {}, "output": {}}
  ]})";
// Its display is MCollective's default: failed.
constexpr std::string_view lab_ddl = R"({
  "metadata": {"name": "lab", "description": "For tests", "author": "a", "license": "l", "version": "1", "url": "", "timeout": 3},
  "actions": [
    {"action": "look", "description": "Looks", "input": {},
     "output": {"size": {"description": "d", "display_as": "Size"}, "open": {"description": "d", "display_as": "Open?"}},
     "aggregate": [{"function": "sum", "args": ["size"]}, {"function": "average", "args": ["size"]},
                   {"function": "boolean_summary", "args": ["open"]}, {"function": "summary", "args": ["nosuch"]}]}
  ]})";

}  // namespace

PaperMesh::PaperMesh(std::vector<PaperNode> given) : nodes(std::move(given)) {
    authority_ = security::make_sign_pair();
    root_serial_ = security::entropy::fresh<proto::Serial>();
    proto::CertificateBody body;
    body.authority = body.serial = body.issuer = root_serial_;
    body.role = proto::CertificateRole::root;
    body.name = "paper";
    body.sign_key = authority_.public_key;
    body.not_before = now.wall - 24h;
    body.not_after = now.wall + 240h;
    root_ = need(security::sign_certificate(authority_.secret, body));
    for (const auto& node : nodes) issue(node.name, proto::CertificateRole::node);
    issue("operator", proto::CertificateRole::caller);
    (void)need(security::write_keys(dir_ / "operator.key", keys_.at("operator")).map([] { return 0; }));
    dir_.write("operator.cert", security::armour(chain("operator").certificates[0]));
    dir_.write("root.cert", security::armour(root_));
}

proto::CertificateChain PaperMesh::issue(const std::string& name, proto::CertificateRole role) {
    auto& keys = keys_[name] = security::make_key_set();
    proto::CertificateBody body;
    body.authority = body.issuer = root_serial_;
    body.serial = security::entropy::fresh<proto::Serial>();
    body.role = role;
    body.name = name;
    body.sign_key = keys.sign.public_key;
    body.curve_key = keys.curve.public_key;
    body.seal_key = keys.seal.public_key;
    body.not_before = now.wall - 24h;
    body.not_after = now.wall + 240h;
    auto& chain = chains_[name];
    chain.certificates = {need(security::sign_certificate(authority_.secret, body))};
    return chain;
}

security::TrustStore PaperMesh::trust() const { return need(security::TrustStore::make({root_})); }

security::Identity PaperMesh::caller() const {
    return need(security::read_identity(dir_ / "operator.key", dir_ / "operator.cert"));
}

proto::Answer PaperMesh::answer(const std::string& node, proto::BytesView sealed_request, proto::StatusCode status,
                                std::string message, proto::Value data) const {
    const auto request = need(proto::unpack<proto::SealedRequest>(sealed_request));
    const auto route = need(proto::unpack<proto::Route>(request.route));
    proto::ReplyBody body;
    body.request = route.request;
    body.request_digest = security::digest(sealed_request);
    body.node = need(security::read_body(chain(node).certificates[0])).serial;
    body.status = status;
    body.message = std::move(message);
    body.data = std::move(data);
    proto::Answer answer;
    answer.node = peer(node);
    answer.outcome = status == proto::StatusCode::ok ? proto::Outcome::ok : proto::Outcome::failed;
    answer.sealed = need(security::seal_reply(keys(node), chain(node), route.reply_key, body));
    return answer;
}

proto::Bytes PaperMesh::record(const std::string& node, std::string link_endpoint,
                               std::function<void(proto::PeerRecordBody&)> change) const {
    proto::PeerRecordBody body;
    body.peer = peer(node);
    body.name = node;
    body.group = "default";
    body.link_endpoint = std::move(link_endpoint);
    body.curve_key = keys(node).curve.public_key;
    body.collectives = {"mcollective"};
    if (change) change(body);
    return security::seal_record(keys(node).sign.secret, chain(node), body);
}

PaperMesh::Outcome PaperMesh::perform(const PaperNode& node, const proto::RequestBody& body) const {
    proto::Traits traits;
    traits.identity = node.name;
    traits.classes = node.classes;
    traits.agents = {"discovery", "filemgr", "lab",     "mesh",    "nettest", "nrpe",
                     "package",   "process", "puppet",  "rpcutil", "service", "shell"};
    traits.facts = node.facts;
    const proto::AskData ask = [&](const std::string&, const std::string& query) -> proto::Result<proto::Value::Map> {
        return proto::Value::Map{{"exists", query == node.name}};
    };
    if (!need(proto::Matcher::compile(body.filter)).judge_with(traits, ask))
        return {proto::Outcome::not_matched, {}, {}, {}};
    proto::Value::Map data;
    if (body.action == "get_fact") {
        const auto name = *body.arguments.find("fact")->text();
        const auto* value = proto::find_fact(traits.facts, name);
        data = {{"fact", name}, {"value", value == nullptr ? proto::Value() : *value}};
    } else if (body.action == "ping") {
        data = {{"pong", std::int64_t{1'790'000'000}}};
    }
    if (node.act) {
        auto reply = node.act(body);
        const bool ok = reply.status == proto::StatusCode::ok;
        return {ok ? proto::Outcome::ok : proto::Outcome::failed, reply.status, std::move(reply.message),
                std::move(reply.data)};
    }
    if (node.data) data = *node.data;
    const auto outcome = node.status == proto::StatusCode::ok ? proto::Outcome::ok : proto::Outcome::failed;
    return {outcome, node.status, node.message, data};
}

std::vector<PaperMesh::Timed> PaperMesh::honest(const proto::Request& request) const {
    const auto sealed = need(proto::unpack<proto::SealedRequest>(request.sealed));
    const auto route = need(proto::unpack<proto::Route>(sealed.route));
    const auto body = need(proto::unpack<proto::RequestBody>(sealed.body));
    std::vector<Timed> timed;
    auto expected = static_cast<std::uint32_t>(nodes.size());
    for (const auto& group : missing_groups) expected += group.nodes;
    timed.push_back({1ms, proto::Ack{route.request, request.attempt, expected}});
    proto::Up up;
    up.request = route.request;
    up.attempt = request.attempt;
    up.ledger.expected = expected;
    proto::Duration last = 1ms;
    auto ordered = nodes;
    std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) { return a.delay < b.delay; });
    for (const auto& node : ordered) {
        up.answers.clear();
        up.missing.clear();
        if (node.missing) {
            auto missing = *node.missing;
            missing.node = peer(node.name);
            missing.name = node.name;
            up.ledger.add(missing.outcome);
            up.missing.push_back(std::move(missing));
        } else {
            const auto outcome = perform(node, body);
            up.ledger.add(outcome.outcome);
            if (outcome.outcome != proto::Outcome::not_matched)
                up.answers.push_back(answer(node.name, request.sealed, outcome.status, outcome.message, outcome.data));
        }
        last = std::max(last, node.delay);
        ++up.sequence;
        timed.push_back({node.delay, up});
    }
    up.answers.clear();
    up.missing = missing_groups;
    for (const auto& group : missing_groups) up.ledger.counts[static_cast<std::size_t>(group.outcome)] += group.nodes;
    ++up.sequence;
    up.ledger.closure = proto::Closure::closed;
    timed.push_back({last, up});
    return timed;
}

PaperLinks::LinkId PaperLinks::dial(const client::Entry& entry) {
    dialled.push_back(entry.endpoint);
    const LinkId link = next_++;
    links_[link] = entry.endpoint;
    const auto& behaviour = entries_.at(entry.endpoint);
    if (behaviour.refused) {
        lose(link, 1ms, *behaviour.refused);
    } else if (behaviour.up_after) {
        future_.emplace(mesh_.now.mono + *behaviour.up_after, Event{Event::Kind::up, link, {}, {}});
    }
    return link;
}

bool PaperLinks::send(LinkId link, proto::BytesView frame) {
    const auto found = links_.find(link);
    if (found == links_.end()) return false;
    const auto message = need(proto::decode(frame));
    sent.emplace_back(link, message);
    const auto& behaviour = entries_.at(found->second);
    if (behaviour.hear) {
        behaviour.hear(*this, link, message);
    } else if (const auto* request = std::get_if<proto::Request>(&message)) {
        answer_honestly(link, *request);
    }
    return true;
}

std::string PaperLinks::peer_name(LinkId link) const {
    const auto found = links_.find(link);
    return found == links_.end() ? std::string() : entries_.at(found->second).name;
}

void PaperLinks::answer_honestly(LinkId link, const proto::Request& request) {
    for (const auto& timed : mesh_.honest(request)) deliver(link, timed.after, timed.message);
}

void PaperLinks::deliver(LinkId link, proto::Duration after, const proto::Message& message) {
    future_.emplace(mesh_.now.mono + after, Event{Event::Kind::frame, link, proto::encode(message), {}});
}

void PaperLinks::lose(LinkId link, proto::Duration after, std::string why) {
    future_.emplace(mesh_.now.mono + after,
                    Event{Event::Kind::lost, link, {}, {proto::Errc::unreachable, std::move(why)}});
}

void PaperLinks::interrupt(proto::Duration after) {
    future_.emplace(mesh_.now.mono + after, Event{Event::Kind::interrupted, 0, {}, {}});
}

std::vector<proto::Request> PaperLinks::requests() const {
    std::vector<proto::Request> requests;
    for (const auto& [link, message] : sent) {
        if (const auto* request = std::get_if<proto::Request>(&message)) requests.push_back(*request);
    }
    return requests;
}

void PaperLinks::wait(proto::Instant until, std::vector<Event>& into) {
    const auto next = future_.empty() ? until : std::min(until, future_.begin()->first);
    REQUIRE_MESSAGE(next < proto::Instant::max(), "waits for nothing, for ever");
    const auto passed = std::max(next, mesh_.now.mono) - mesh_.now.mono;
    mesh_.now.mono += passed;
    mesh_.now.wall += passed;
    while (!future_.empty() && future_.begin()->first <= mesh_.now.mono) {
        auto event = std::move(future_.begin()->second);
        future_.erase(future_.begin());
        if (event.kind != Event::Kind::interrupted && !links_.contains(event.link)) continue;
        if (event.kind == Event::Kind::lost) links_.erase(event.link);
        into.push_back(std::move(event));
    }
}

PaperConsole::PaperConsole(PaperMesh& mesh, std::map<std::string, PaperLinks::Behaviour> entries)
    : mesh_(mesh), entries_(std::move(entries)) {
    mesh_.dir().write("lib/mcollective/agent/rpcutil.json", rpcutil_ddl);
    mesh_.dir().write("lib/mcollective/agent/lab.json", lab_ddl);
}

PaperConsole::Result PaperConsole::run(std::vector<std::string> words) {
    const auto path = [&](const char* name) { return (mesh_.dir() / name).string(); };
    std::string config = "certificate = " + path("operator.cert") + "\nsecret_keys = " + path("operator.key") +
                         "\ntrust = " + path("root.cert") + "\n" + extra_config;
    char digit = '1';
    for (const auto& [endpoint, behaviour] : entries_)
        config += "entry = " + endpoint + " " + std::string(64, digit++) + "\n";
    environment["MCO_CONFIG"] = mesh_.dir().write("client.cfg", config).string();
    std::ostringstream out, err;
    std::istringstream in(input);
    client::World world{.out = out,
                        .err = err,
                        .environment = environment,
                        .terminal = terminal,
                        .libdirs = {mesh_.dir() / "lib"},
                        .now = [this] { return mesh_.now; },
                        .open_links =
                            [this](const security::Identity&, security::TrustStore&) {
                                ++opened;
                                auto made = std::make_unique<PaperLinks>(mesh_, entries_);
                                links = made.get();
                                if (on_open) on_open(*made);
                                return made;
                            },
                        .in = &in,
                        .piped = piped};
    words.insert(words.begin(), "mco");
    const int status = client::run_program(world, words);
    return {status, out.str(), err.str()};
}

}  // namespace mco::test
