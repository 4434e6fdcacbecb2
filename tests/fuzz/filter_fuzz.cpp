// A filter from an operator or from the wire, and the facts it is asked of. One term a line: I identity, C class, A agent,
// F fact term, W shorthand, S compound, ~NAME VALUE a raw expression over a fact; J the node's facts as JSON. What is written as text
// reads back as the same term; nothing is refused but as `invalid`.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proto/bytes.hpp"
#include "proto/filter.hpp"
#include "proto/limits.hpp"
#include "proto/utf8.hpp"

using namespace mco::proto;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

void require_invalid(const Error& error) {
    require(error.code == Errc::invalid);
    require(is_utf8(error.detail));
}

void add_line(Filter& filter, Traits& node, std::string_view line) {
    const char kind = line.front();
    line.remove_prefix(1);
    if (kind == 'I') {
        filter.identities.emplace_back(line);
    } else if (kind == 'C') {
        filter.classes.emplace_back(line);
        node.classes.emplace_back(line);
    } else if (kind == 'A') {
        filter.agents.emplace_back(line);
        node.agents.emplace_back(line);
    } else if (kind == 'F') {
        auto term = parse_fact_term(line);
        if (!term) return require_invalid(term.error());
        require(parse_fact_term(to_text(*term)) == *term);
        filter.facts.push_back(*std::move(term));
    } else if (kind == 'W') {
        if (const auto added = add_with(filter, line); !added) require_invalid(added.error());
    } else if (kind == 'S') {
        auto condition = parse_condition(line);
        if (!condition) return require_invalid(condition.error());
        const auto written = to_text(*condition);
        const auto again = parse_condition(written);
        require(written.size() > limits::filter_text_size_max || (again && *again == *condition));
        filter.conditions.push_back(*std::move(condition));
    } else if (kind == 'P') {  // a postfix program as the wire could bring it, one letter a step
        Condition condition;
        for (const char letter : line) {
            const auto number = static_cast<unsigned char>(letter);
            condition.steps.push_back({.kind = static_cast<Step::Kind>(number % 6),
                                       .name = "n",
                                       .query = {},
                                       .field = "n",
                                       .op = static_cast<FactOperator>(number / 6 % 8),
                                       .value = "1"});
        }
        to_text(condition);
        filter.conditions.push_back(std::move(condition));
    } else if (kind == '~') {
        const auto blank = line.find(' ');
        if (blank == std::string_view::npos) return;
        filter.facts.push_back(
            {std::string(line.substr(0, blank)), FactOperator::matches, std::string(line.substr(blank + 1))});
    } else if (kind == 'J') {
        if (auto facts = parse_json(line)) node.facts = *std::move(facts);
    } else {
        node.identity = line;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text = as_text(BytesView(data, size));
    Filter filter;
    Traits node;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (!line.empty()) add_line(filter, node, line);
    }
    for (const FactTerm& term : filter.facts) find_fact(node.facts, term.fact);
    const auto matcher = Matcher::compile(filter);
    if (!matcher) {
        require_invalid(matcher.error());
        return 0;
    }
    // What data say may decide what was open, and nothing else.
    const Value* said = node.facts.find("n");
    const AskData tell = [&](const std::string&, const std::string&) -> Result<Value::Map> {
        if (said == nullptr) return fail(Errc::not_found, "silent");
        return Value::Map{{"n", *said}};
    };
    const AskData silent = [](const std::string&, const std::string&) -> Result<Value::Map> {
        return fail(Errc::not_found, "silent");
    };
    const Verdict verdict = matcher->judge(node);
    require(verdict == Verdict::unknown || matcher->judge_with(node, tell) == (verdict == Verdict::yes));
    require(matcher->judge_with(node, silent) == (verdict == Verdict::yes));
    const bool matches = matcher->matches(node);
    require(!matches || matcher->may_match_identity(node.identity));
    require(matches || !filter.empty());
    return 0;
}
