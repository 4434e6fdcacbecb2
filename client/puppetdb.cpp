#include "client/puppetdb.hpp"

#include <cctype>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "client/http.hpp"
#include "client/node_list.hpp"
#include "proto/glob.hpp"
#include "proto/number_text.hpp"
#include "proto/value.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::FactOperator;
using proto::Result;
using proto::Value;
using List = Value::List;

Value clause(std::string_view op, Value left, Value right) {
    return List{std::string(op), std::move(left), std::move(right)};
}

// All or any of the parts.
Value joined(std::string_view op, List parts) {
    if (parts.size() == 1) return std::move(parts.front());
    parts.insert(parts.begin(), std::string(op));
    return parts;
}

// Nodes that a subquery names.
Value named_by(std::string_view entity, List conditions) {
    return clause("in", "certname",
                  clause("extract", "certname", List{std::string(entity), joined("and", std::move(conditions))}));
}

std::optional<Value> as_number(std::string_view text) {
    if (const auto whole = proto::to_integer(text)) return Value(*whole);
    if (const auto number = proto::to_real(text); number && std::isfinite(*number)) return Value(*number);
    return std::nullopt;
}

std::string without_slashes(std::string_view text) {
    if (!text.starts_with('/')) return std::string(text);
    text.remove_prefix(1);
    if (text.ends_with('/')) text.remove_suffix(1);
    return std::string(text);
}

// Facts have types there, filters are text: what could be a number or a boolean is asked for as both.
Result<Value> equals(const std::string& value) {
    List any{clause("=", "value", value)};
    if (const auto number = as_number(value)) any.push_back(clause("=", "value", *number));
    if (value == "true" || value == "false") any.push_back(clause("=", "value", value == "true"));
    if (proto::is_glob(value)) {
        auto expression = proto::glob_expression(value);
        if (!expression) return tl::unexpected(expression.error());
        any.push_back(clause("~", "value", std::move(*expression)));
    }
    return joined("or", std::move(any));
}

Result<Value> ordered(std::string_view op, const proto::FactTerm& term) {
    const auto number = as_number(term.value);
    if (!number)
        return fail(Errc::invalid, fmt::format("PuppetDB orders numbers only, and '{}' is none", to_text(term)));
    return clause(op, "value", *number);
}

Result<Value> condition(const proto::FactTerm& term) {
    const auto negated = [](Value value) -> Value { return List{"not", std::move(value)}; };
    switch (term.op) {
        case FactOperator::equal:
            return equals(term.value);
        case FactOperator::not_equal: {
            auto value = equals(term.value);
            return value ? Result<Value>(negated(std::move(*value))) : value;
        }
        case FactOperator::less:
            return ordered("<", term);
        case FactOperator::less_equal:
            return ordered("<=", term);
        case FactOperator::greater:
            return ordered(">", term);
        case FactOperator::greater_equal:
            return ordered(">=", term);
        case FactOperator::matches:
            return clause("~", "value", without_slashes(term.value));
        case FactOperator::matches_not:
            return negated(clause("~", "value", without_slashes(term.value)));
    }
    return fail(Errc::internal, "an operator that is not known");
}

// A name with dots is a path into a structured fact.
Result<Value> has_fact(const proto::FactTerm& term) {
    auto value = condition(term);
    if (!value) return value;
    if (term.fact.find('.') == std::string::npos)
        return named_by("select_facts", {clause("=", "name", term.fact), std::move(*value)});
    List path;
    for (std::string_view rest = term.fact;;) {
        const auto dot = rest.find('.');
        const auto step = rest.substr(0, dot);
        const auto index = proto::to_integer(step);
        path.push_back(index ? Value(*index) : Value(std::string(step)));
        if (dot == std::string_view::npos) break;
        rest.remove_prefix(dot + 1);
    }
    return named_by("select_fact_contents", {clause("=", "path", std::move(path)), std::move(*value)});
}

std::string as_title(std::string name) {
    bool first = true;
    for (auto& letter : name) {
        letter = static_cast<char>(first ? std::toupper(static_cast<unsigned char>(letter)) : letter);
        first = letter == ':';
    }
    return name;
}

Value has_class(const std::string& name) {
    const bool expression = name.starts_with('/');
    return named_by("select_resources",
                    {clause("=", "type", "Class"), expression ? clause("~", "title", "(?i)" + without_slashes(name))
                                                              : clause("=", "title", as_title(name))});
}

}  // namespace

Result<std::string> puppetdb_query(const proto::Filter& filter, const std::string& collective, const PuppetDb& database,
                                   std::span<const std::string> more) {
    List all{clause("=", List{"node", "active"}, true)};
    if (!database.collective_fact.empty()) {
        auto member = has_fact({database.collective_fact, FactOperator::equal, collective});
        if (!member) return tl::unexpected(member.error());
        all.push_back(std::move(*member));
    }
    for (const auto& term : filter.facts) {
        auto fact = has_fact(term);
        if (!fact) return tl::unexpected(fact.error());
        all.push_back(std::move(*fact));
    }
    for (const auto& name : filter.classes) all.push_back(has_class(name));
    for (const auto& text : more) {
        auto given = proto::parse_json(text);
        if (!given || given->list() == nullptr)
            return fail(Errc::invalid, fmt::format("--do '{}': discovery method puppetdb takes a query of PuppetDB, a JSON list", text));
        all.push_back(std::move(*given));
    }
    return proto::to_json(joined("and", std::move(all)));
}

Result<std::vector<std::string>> ask_puppetdb(const std::string& query, const PuppetDb& database,
                                              std::chrono::seconds patience) {
    const auto scheme = database.ssl ? "https" : "http";
    const auto url = fmt::format("{}://{}:{}/pdb/query/v4/nodes", scheme, database.host, database.port);
    const auto answer = http_post({.url = url,
                                   .body = fmt::format("{{\"query\":{}}}", query),
                                   .ca = database.ca,
                                   .certificate = database.certificate,
                                   .key = database.key,
                                   .kerberos = database.kerberos,
                                   .patience = patience,
                                   .answer_max = node_list_size_max});
    if (!answer) return tl::unexpected(answer.error());
    return names_of_json(*answer, url);
}

}  // namespace mco::client
