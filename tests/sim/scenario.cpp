#include "tests/sim/scenario.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "mesh/sim/shape.hpp"
#include "mesh/sim/words.hpp"
#include "proto/codec.hpp"

namespace mco::mesh::sim {

namespace {

std::vector<std::string> split(const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

// "timeout=10s" after its name, or the default.
std::string option(const std::vector<std::string>& words, const std::string& name, std::string otherwise) {
    for (const auto& word : words) {
        if (word.starts_with(name + "=")) return word.substr(name.size() + 1);
    }
    return otherwise;
}

// Rosters, subscriptions, pings and pongs are the weather; a scenario is about the rest.
bool is_weather(const Effect& effect) {
    const auto* send = std::get_if<Send>(&effect);
    if (send == nullptr) return std::holds_alternative<Follow>(effect) || std::holds_alternative<Unfollow>(effect);
    const auto type = proto::peek_type(send->frame);
    if (!type) return false;
    return *type == proto::MessageType::roster || *type == proto::MessageType::relays || *type == proto::MessageType::groups ||
           *type == proto::MessageType::ping || *type == proto::MessageType::pong;
}

}  // namespace

std::string Scenario::run(const std::string& text) {
    std::istringstream stream(text);
    std::string result;
    std::string line;
    while (std::getline(stream, line)) {
        result += line + "\n";
        if (line.starts_with("----")) {
            while (std::getline(stream, line) && !line.empty()) {}
            result += output_ + "\n";
            output_.clear();
            if (world_) block_began_ = world_->now().mono;
        } else if (!line.empty() && line.front() != '#') {
            command(line.substr(0, line.find(" #")));
        }
    }
    while (result.ends_with("\n\n")) result.pop_back();
    return result;
}

std::vector<std::string> Scenario::complaints() const {
    auto all = mistakes_;
    if (world_) {
        const auto& broken = world_->invariants().complaints();
        all.insert(all.end(), broken.begin(), broken.end());
    }
    return all;
}

void Scenario::command(const std::string& line) {
    const Words words = split(line);
    const std::string& verb = words.front();
    const auto argument = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
    if (verb == "nodes") return nodes(words);
    if (!world_) return mistakes_.push_back("the first command is nodes: " + line);
    if (verb == "ask") return ask(words);
    if (verb == "run") return pass_time(words);
    if (verb == "in") {
        std::string rest;
        for (std::size_t i = 2; i < words.size(); ++i) rest += words[i] + " ";
        return world_->at(duration(argument(1)), [this, rest] { command(rest); });
    }
    if (verb == "join") return world_->start(world_->add_node());
    if (verb == "heal") return world_->heal();
    if (verb == "lossy") return world_->network().set_fanout_loss(static_cast<std::uint32_t>(std::stoul(argument(1))));
    if (verb == "deaf") return world_->network().block(node(argument(1)), node(argument(2)));
    if (verb == "slow") {
        service_[node(argument(1))] = duration(argument(2));
        return;
    }
    if (verb == "partition") {
        std::vector<Place> side;
        for (std::size_t i = 1; i < words.size(); ++i) side.push_back(node(words[i]));
        return world_->partition(side);
    }
    if (verb == "cancel") return world_->cancel(client(argument(1)));
    if (verb == "repeat") return world_->repeat(client(argument(1)), argument(2) == "spare" ? 1 : 0);
    if (verb == "drop") return world_->drop_client(client(argument(1)));
    if (verb == "shape") return print_shape();
    if (verb == "roster") return print_roster(node(argument(1)));
    fate(verb, node(argument(1)));
}

void Scenario::fate(const std::string& verb, Place place) {
    if (verb == "kill") return world_->kill(place);
    if (verb == "crash") return world_->kill(place, World::Death::host);
    if (verb == "start") return world_->start(place);
    if (verb == "leave") return world_->leave(place);
    if (verb == "freeze") return world_->freeze(place);
    if (verb == "thaw") return world_->thaw(place);
    mistakes_.push_back("no such command: " + verb);
}

void Scenario::nodes(const Words& words) {
    World::Options options;
    options.nodes = std::stoul(words.at(1));
    options.seeds = std::stoul(option(words, "seeds", "1"));
    options.network.delay_min = options.network.delay_max = proto::Duration(250);
    options.network.between_min = options.network.between_max = std::chrono::milliseconds(20);
    const auto groups = std::stoul(option(words, "groups", "1")), leaves = std::stoul(option(words, "leaves", "0"));
    const auto each = options.nodes / groups;
    options.character = [=](Place place) {
        World::Character character;
        if (groups > 1) character.group = fmt::format("dc{}", place / each + 1);
        if (place % each >= each - leaves) character.relay = proto::RelayWish::never;
        return character;
    };
    world_ = std::make_unique<World>(options);
    world_->set_agent([this](Place place, const proto::RequestId&) {
        const auto found = service_.find(place);
        return World::Script{.service = found == service_.end() ? proto::Duration(1'000) : found->second};
    });
    block_began_ = world_->now().mono;
    const bool whole = settle(*world_, std::chrono::seconds(20));
    print(text_of(settled(*world_)) + (whole ? "" : ": not whole"));
    observe();
}

void Scenario::observe() {
    world_->set_observer({
        .effect =
            [this](Place place, const Effect& effect, Place other) {
                if (!is_weather(effect))
                    print(fmt::format("{} {}", world_->name(place), words(*world_, effect, other)));
            },
        .received = {},
    });
}

void Scenario::ask(const Words& words) {
    std::vector<Place> entries{node(words.at(3))};
    if (words.size() > 5 && words[4] == "spare") entries.push_back(node(words[5]));
    Client::Plan plan{.request = world_->make_request_id()};
    plan.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(duration(option(words, "timeout", "10s")));
    clients_[words.at(1)] = world_->submit(std::move(plan), entries);
}

void Scenario::pass_time(const Words& words) {
    if (words.at(1) != "until") return world_->run(duration(words[1]));
    const Place who = client(words.at(2));
    const bool closed =
        world_->run_until([&] { return world_->clients().at(who).closed().has_value(); }, std::chrono::seconds(60));
    if (!closed) print(words[2] + " still waits");
}

void Scenario::print_roster(Place place) {
    for (const auto& view : world_->engine(place).members()) {
        const char* state = view.state == proto::MemberState::up     ? "up"
                            : view.state == proto::MemberState::down ? "down"
                                                                     : "left";
        print(fmt::format("{} sees {} {}{}{}", world_->name(place), view.name, state, view.linked ? ", linked" : "",
                          view.subscribed ? ", subscribed" : ""));
    }
}

// Who has whom as primary and standby, and who joins the groups.
void Scenario::print_shape() {
    for (Place place = 0; place < world_->nodes(); ++place) {
        if (!world_->running(place)) continue;
        const auto& engine = world_->engine(place);
        std::string text = world_->name(place);
        if (world_->groups().size() > 1) text += " of " + world_->record(place).group;
        if (engine.role() == Engine::Role::relay) {
            text += engine.gateway() && world_->groups().size() > 1 ? " is a relay and a gateway" : " is a relay";
        } else {
            for (const auto standing : {proto::Standing::primary, proto::Standing::standby}) {
                for (const auto& view : engine.links(world_->now())) {
                    if (view.standing == standing)
                        text += fmt::format(" {} {}", standing == proto::Standing::primary ? "attached to" : "standby", view.name);
                }
            }
        }
        print(text);
    }
}

void Scenario::print(const std::string& line) { output_ += stamp() + line + "\n"; }

// Milliseconds since the block began.
std::string Scenario::stamp() const {
    const auto micros = (world_->now().mono - block_began_).count();
    return fmt::format("{:>6}.{:02} ", micros / 1000, micros % 1000 / 10);
}

Place Scenario::node(const std::string& word) const { return static_cast<Place>(std::stoul(word) - 1); }

Place Scenario::client(const std::string& word) const { return clients_.at(word); }

proto::Duration Scenario::duration(const std::string& word) {
    const auto number = std::stol(word);
    if (word.ends_with("ms")) return std::chrono::milliseconds(number);
    if (word.ends_with("us")) return std::chrono::microseconds(number);
    return std::chrono::seconds(number);
}

}  // namespace mco::mesh::sim
