// An ActionPolicy file. Whatever it says: without a line that begins with "allow" or "policy", nothing is allowed; and what
// is allowed names the line that did it.

#include <cstdint>
#include <cstdlib>

#include "proto/bytes.hpp"
#include "security/policy.hpp"

using namespace mco;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

proto::Traits traits() {
    proto::Traits node;
    node.identity = "web1";
    node.classes = {"apache"};
    node.facts = proto::Value::Map{{"country", "uk"}, {"procs", 10}};
    return node;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto node = traits();
    const auto text = proto::as_text({data, size});
    const auto policy = security::Policy::parse("service", text);
    if (!policy) {
        require(policy.error().detail.starts_with("service.policy:"));
        return 0;
    }
    const bool can_allow = text.find("allow") != std::string_view::npos;
    for (const std::string_view caller : {"cert=alice", "cert=", ""}) {
        for (const std::string_view action : {"status", ""}) {
            const auto verdict = policy->decide({caller, "service", action}, node);
            require(!verdict.allowed || can_allow);
            require(verdict.decided_by.starts_with("service.policy"));
        }
        require(!policy->decide({caller, "package", "status"}, node).allowed);
    }
    return 0;
}
