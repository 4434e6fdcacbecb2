#include "client/target.hpp"

#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proto/config_file.hpp"
#include "proto/limits.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;

proto::Error bad_term(std::string_view option, std::string_view term, const proto::Error& why) {
    return {why.code, fmt::format("{} '{}': {}", option, term, why.detail)};
}

proto::Result<void> check_lengths(std::string_view option, const std::vector<std::string>& terms) {
    if (terms.size() > proto::limits::filter_terms_max)
        return fail(Errc::invalid, fmt::format("{} is given {} times; {} is the most", option, terms.size(),
                                               proto::limits::filter_terms_max));
    for (const auto& term : terms) {
        if (term.empty()) return fail(Errc::invalid, fmt::format("{} needs a value, not ''", option));
        if (term.size() > proto::limits::filter_text_size_max)
            return fail(Errc::invalid,
                        fmt::format("{} '{}...' is {} octets long; {} is the most", option, term.substr(0, 40),
                                    term.size(), proto::limits::filter_text_size_max));
    }
    return {};
}

}  // namespace

proto::Result<proto::Filter> read_filter(const Options& options) {
    proto::Filter filter;
    for (const auto& words : options.values("with")) {
        if (auto added = proto::add_with(filter, words); !added)
            return tl::unexpected(bad_term("-W", words, added.error()));
    }
    for (const auto& text : options.values("with-fact")) {
        auto term = proto::parse_fact_term(text);
        if (!term) return tl::unexpected(bad_term("-F", text, term.error()));
        filter.facts.push_back(std::move(*term));
    }
    for (const auto& text : options.values("select")) {
        auto condition = proto::parse_condition(text);
        if (!condition) return fail(condition.error().code, "-S: " + condition.error().detail);
        filter.conditions.push_back(std::move(*condition));
    }
    if (filter.conditions.size() > proto::limits::conditions_max)
        return fail(Errc::invalid, fmt::format("-S is given {} times; {} is the most", filter.conditions.size(),
                                               proto::limits::conditions_max));
    const auto append = [&](std::vector<std::string>& terms, std::string_view option) {
        const auto given = options.values(option);
        terms.insert(terms.end(), given.begin(), given.end());
    };
    append(filter.classes, "with-class");
    append(filter.agents, "with-agent");
    append(filter.identities, "with-identity");
    if (auto fits = check_lengths("-C", filter.classes); !fits) return tl::unexpected(fits.error());
    if (auto fits = check_lengths("-A", filter.agents); !fits) return tl::unexpected(fits.error());
    if (auto fits = check_lengths("-I", filter.identities); !fits) return tl::unexpected(fits.error());
    if (filter.facts.size() > proto::limits::filter_terms_max)
        return fail(Errc::invalid, fmt::format("-F is given {} times; {} is the most", filter.facts.size(),
                                               proto::limits::filter_terms_max));
    return filter;
}

proto::Result<proto::Matcher> compile_filter(const proto::Filter& filter) {
    auto matcher = proto::Matcher::compile(filter);
    if (!matcher) return fail(Errc::invalid, "the filter does not parse: " + matcher.error().detail);
    return matcher;
}

proto::Result<std::chrono::seconds> check_data(const proto::Filter& filter, const proto::SchemaLibrary& library) {
    std::chrono::seconds longest{0};
    for (const auto* term : proto::data_terms(filter)) {
        const auto schema = library.load_data(term->name);
        if (!schema) return fail(schema.error().code, "-S: " + schema.error().detail);
        if (auto valid = proto::validate_query(*schema, term->query); !valid)
            return fail(valid.error().code, fmt::format("-S: {}(): {}", term->name, valid.error().detail));
        if (schema->find_output(term->field) == nullptr) {
            std::vector<std::string_view> names;
            for (const auto& output : schema->outputs) names.push_back(output.name);
            const auto near = proto::nearest(term->field, names);
            return fail(Errc::invalid, fmt::format("-S: {}() has no output \"{}\"{}\nIts outputs: {}.", term->name,
                                                   term->field,
                                                   near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near),
                                                   fmt::join(names, ", ")));
        }
        longest += schema->timeout;
    }
    return longest;
}

}  // namespace mco::client
