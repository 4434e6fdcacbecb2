#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/has.hpp"
#include "tests/unit/client/paper_mesh.hpp"

// Nodes that tests of commands ask.
namespace mco::test {

using namespace std::chrono_literals;

inline PaperNode node(std::string name, proto::Value::Map facts, std::vector<std::string> classes, proto::Duration delay) {
    PaperNode node;
    node.name = std::move(name);
    node.facts = std::move(facts);
    node.classes = std::move(classes);
    node.delay = delay;
    return node;
}

inline std::vector<PaperNode> three() {
    return {node("web1", {{"country", "us"}}, {"httpd"}, 2ms), node("web2", {{"country", "us"}}, {"mysql"}, 4ms),
            node("db1", {{"country", "uk"}}, {"httpd"}, 6ms)};
}

inline PaperNode frozen(PaperNode node) {
    proto::Missing missing;
    missing.reason = proto::Reason::no_ack;
    missing.outcome = proto::Outcome::unreachable;
    node.missing = missing;
    return node;
}

inline const std::string frozen_line = std::string(proto::sentence(proto::Reason::no_ack)) + "\n";
inline std::string padded(std::string name) { return client::left(name, 40); }

}  // namespace mco::test
