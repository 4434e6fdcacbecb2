#include "client/target.hpp"

#include <algorithm>
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

bool is_literal(std::string_view identity) {
    return !identity.starts_with('/') && identity.find_first_of("[]*?{}") == std::string_view::npos;
}

// Places of the signs outside of brackets.
std::vector<std::size_t> signs(std::string_view text, std::string_view which) {
    std::vector<std::size_t> places;
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '[' || text[i] == '{') ++depth;
        if (text[i] == ']' || text[i] == '}') --depth;
        if (depth == 0 && which.find(text[i]) != std::string_view::npos) places.push_back(i);
    }
    return places;
}

// Brackets with numbers of more than one digit, with a list or a step. web[1-3] and web[12] are globs, which mean no more
// than the nodes that are there.
bool has_numbers(std::string_view text) {
    for (std::size_t from = text.find('['); from != std::string_view::npos; from = text.find('[', from + 1)) {
        const auto inside = text.substr(from + 1, text.find(']', from) - from - 1);
        const bool numeric = inside.find_first_not_of("0123456789-,/") == std::string_view::npos;
        const auto dash = inside.find('-');
        if (numeric && (inside.find_first_of(",/") != std::string_view::npos ||
                        (dash != std::string_view::npos && (dash > 1 || inside.size() > dash + 2))))
            return true;
    }
    return false;
}

enum class InBrackets { numbers, characters };
bool is_set(std::string_view piece, InBrackets what) {
    return what == InBrackets::numbers && piece.find('[') != std::string_view::npos &&
           piece.find_first_of("*?{}") == std::string_view::npos;
}

proto::Result<void> add_set(std::vector<std::string>& identities, std::string_view set, const NamedSet& named) {
    auto names = expand_nodes(set, named);
    if (!names) return tl::unexpected(names.error());
    if (names->empty()) return fail(Errc::invalid, "names no node");
    identities.insert(identities.end(), names->begin(), names->end());
    return {};
}

// A name, an expression, a glob, a node set, or several of them with commas between.
proto::Result<void> add_identity(std::vector<std::string>& identities, std::string_view term, const NamedSet& named) {
    if (term.starts_with('/')) {
        identities.emplace_back(term);
        return {};
    }
    if (!signs(term, "!&").empty()) return add_set(identities, term, named);
    // Where one part has a list of numbers, [1-3] beside it is one, too.
    const auto in_brackets = has_numbers(term) ? InBrackets::numbers : InBrackets::characters;
    const auto commas = signs(term, ",");
    std::size_t from = 0;
    for (std::size_t i = 0; i <= commas.size(); ++i) {
        const auto to = i < commas.size() ? commas[i] : term.size();
        const auto piece = term.substr(from, to - from);
        if (piece.empty()) return fail(Errc::invalid, "a name is missing\n" + pointed_at(term, from));
        if (piece.starts_with('@') || is_set(piece, in_brackets)) {
            if (auto added = add_set(identities, piece, named); !added) return added;
        } else {
            identities.emplace_back(piece);
        }
        from = to + 1;
    }
    return {};
}

proto::Result<void> check_lengths(std::string_view option, const std::vector<std::string>& terms,
                                  std::size_t most = proto::limits::filter_terms_max) {
    if (terms.size() > most)
        return fail(Errc::invalid, fmt::format("{} is given {} times; {} is the most", option, terms.size(), most));
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

proto::Result<proto::Filter> read_filter(const Options& options, const NamedSet& named) {
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
    for (const auto& term : options.values("with-identity")) {
        if (auto added = add_identity(filter.identities, term, named); !added)
            return tl::unexpected(bad_term("-I", term, added.error()));
    }
    if (auto fits = check_lengths("-C", filter.classes); !fits) return tl::unexpected(fits.error());
    if (auto fits = check_lengths("-A", filter.agents); !fits) return tl::unexpected(fits.error());
    if (auto fits = check_lengths("-I", filter.identities, is_list(filter) ? node_set_max : proto::limits::identities_max); !fits) return tl::unexpected(fits.error());
    if (filter.facts.size() > proto::limits::filter_terms_max)
        return fail(Errc::invalid, fmt::format("-F is given {} times; {} is the most", filter.facts.size(),
                                               proto::limits::filter_terms_max));
    return filter;
}

bool names_only(const proto::Filter& filter) {
    return !filter.identities.empty() && std::all_of(filter.identities.begin(), filter.identities.end(), is_literal);
}

bool is_list(const proto::Filter& filter) {
    return names_only(filter) && filter.classes.empty() && filter.agents.empty() && filter.facts.empty() &&
           filter.conditions.empty();
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
