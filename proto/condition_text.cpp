// Conditions (-S) as operators write them: the grammar of MCollective's compound filters, completed. The only file that
// knows PEGTL. Rules that have a message must match where they are tried, so the message names the place.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <tao/pegtl.hpp>

#include "proto/filter.hpp"
#include "proto/limits.hpp"
#include "proto/utf8.hpp"

namespace mco::proto {
namespace {

namespace peg = tao::pegtl;

namespace grammar {
using peg::at, peg::eof, peg::not_at, peg::not_one, peg::one, peg::opt, peg::plus, peg::seq, peg::sor, peg::star,
    peg::string;

struct blanks : star<peg::space> {};
// Where a keyword ends: "and(" and "and " are one, "android" and "and=1" begin with a name.
struct boundary : at<sor<eof, peg::space, one<'(', ')', '!', '\'', '"'>>> {};
struct both_word : sor<string<'&', '&'>, seq<string<'a', 'n', 'd'>, boundary>> {};
struct either_word : sor<string<'|', '|'>, seq<string<'o', 'r'>, boundary>> {};
struct not_word : sor<seq<one<'!'>, not_at<one<'=', '~'>>>, seq<string<'n', 'o', 't'>, boundary>> {};
struct keyword : sor<both_word, either_word, not_word> {};
struct no_operator : not_at<sor<string<'&', '&'>, string<'|', '|'>, peg::space>> {};

struct name_octet : seq<no_operator, not_one<'(', ')', '=', '<', '>', '!', '\'', '"'>> {};
struct name : seq<not_at<keyword>, plus<name_octet>> {};

struct expression_body : plus<sor<seq<one<'\\'>, peg::any>, not_one<'/'>>> {};
struct expression_end : one<'/'> {};
struct expression : seq<one<'/'>, expression_body, expression_end> {};

struct single_text : plus<sor<string<'\\', '\''>, not_one<'\''>>> {};
struct double_text : plus<sor<string<'\\', '"'>, not_one<'"'>>> {};
struct single_end : one<'\''> {};
struct double_end : one<'"'> {};
struct quoted : sor<seq<one<'\''>, single_text, single_end>, seq<one<'"'>, double_text, double_end>> {};

struct bare : plus<seq<no_operator, not_one<'(', ')'>>> {};
struct value_expression : seq<expression> {};
struct expression_boundary : boundary {};
struct value : sor<seq<value_expression, expression_boundary>, quoted, bare> {};

struct comparison : sor<string<'=', '>'>, string<'=', '<'>, string<'<', '='>, string<'>', '='>, one<'<'>, one<'>'>,
                        string<'!', '='>, string<'!', '~'>, string<'=', '='>, string<'=', '~'>, one<'='>> {};

struct fact_name : name {};
struct fact : seq<fact_name, blanks, comparison, blanks, value> {};

struct source : plus<peg::identifier_other> {};
struct query_end : one<')'> {};
struct dot : one<'.'> {};
struct field : plus<peg::identifier_other> {};
struct data_comparison : seq<comparison> {};
struct data : seq<source, one<'('>, blanks, opt<quoted, blanks>, query_end, dot, field, blanks, data_comparison,
                  blanks, value> {};

struct class_name : sor<expression, name> {};

struct either;
struct operand;
struct group_begin : one<'('> {};
struct group_end : one<')'> {};
struct group : seq<group_begin, blanks, either, blanks, group_end> {};
struct negated : seq<not_word, blanks, operand> {};
struct operand : sor<negated, group, data, fact, class_name> {};
struct both_rest : seq<blanks, both_word, blanks, operand> {};
struct both : seq<operand, star<both_rest>> {};
struct either_rest : seq<blanks, either_word, blanks, both> {};
struct either : seq<both, star<either_rest>> {};
struct end : eof {};
struct condition : seq<blanks, either, blanks, end> {};
}  // namespace grammar

template <typename Rule>
constexpr const char* message = nullptr;
template <>
constexpr const char* message<grammar::operand> = "a fact, a class, a data function, \"not\" or ( is missing";
template <>
constexpr const char* message<grammar::group_end> = "\"and\", \"or\" or ) is missing";
template <>
constexpr const char* message<grammar::end> = "\"and\" or \"or\" is missing";
template <>
constexpr const char* message<grammar::value> = "a value is missing";
template <>
constexpr const char* message<grammar::expression_body> = "there is no expression between the slashes";
template <>
constexpr const char* message<grammar::expression_end> = "the expression has no closing slash; a path goes into quotes";
template <>
constexpr const char* message<grammar::expression_boundary> =
    "nothing may follow the closing slash of an expression; a path goes into quotes";
template <>
constexpr const char* message<grammar::single_text> = "there is nothing between the quotes";
template <>
constexpr const char* message<grammar::double_text> = "there is nothing between the quotes";
template <>
constexpr const char* message<grammar::single_end> = "the closing quote ' is missing";
template <>
constexpr const char* message<grammar::double_end> = "the closing quote \" is missing";
template <>
constexpr const char* message<grammar::query_end> = "a data function takes at most one text, in quotes, then )";
template <>
constexpr const char* message<grammar::dot> = "a dot and the name of an output are missing";
template <>
constexpr const char* message<grammar::field> = "the name of an output is missing";
template <>
constexpr const char* message<grammar::data_comparison> = "one of = != < <= > >= =~ !~ is missing";

struct Messages {
    template <typename Rule>
    static constexpr const char* message = proto::message<Rule>;
};
template <typename Rule>
using Control = peg::must_if<Messages, peg::normal, false>::control<Rule>;

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

std::string unescaped(std::string_view text, char quote) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == quote) ++i;
        plain += text[i];
    }
    return plain;
}

// What was read: finished steps, and the term in hand. The term may be given up for another reading of the same text.
struct Draft {
    Condition condition;
    std::string name, query, field, op, text, value;
    bool expression = false;
    std::size_t depth = 0;

    template <typename Input>
    void add(Step step, const Input& in) {
        if (condition.steps.size() == limits::condition_steps_max) {
            throw peg::parse_error(
                fmt::format("there are more than {} terms and operators", limits::condition_steps_max), in);
        }
        condition.steps.push_back(std::move(step));
    }
    template <typename Input>
    void enter(const Input& in) {
        if (++depth > limits::condition_depth_max) {
            throw peg::parse_error(fmt::format("nested deeper than {} levels", limits::condition_depth_max), in);
        }
    }
    template <typename Input>
    void check(std::string_view what, std::string_view held, std::size_t most, const Input& in) const {
        if (held.size() > most) throw peg::parse_error(fmt::format("{} is longer than {} octets", what, most), in);
    }
    FactOperator comparison() const {
        constexpr std::array<std::pair<std::string_view, FactOperator>, 11> spellings{
            {{"=", FactOperator::equal},          {"==", FactOperator::equal},
             {"!=", FactOperator::not_equal},     {"<", FactOperator::less},
             {"<=", FactOperator::less_equal},    {"=<", FactOperator::less_equal},
             {">", FactOperator::greater},        {">=", FactOperator::greater_equal},
             {"=>", FactOperator::greater_equal}, {"=~", FactOperator::matches},
             {"!~", FactOperator::matches_not}}};
        return std::find_if(spellings.begin(), spellings.end(), [&](const auto& row) { return row.first == op; })->second;
    }
    // The operator and its value once both are known: = and != before an expression ask whether it fits.
    template <typename Input>
    Step comparing(Step::Kind kind, const Input& in) const {
        Step step{.kind = kind, .name = name, .query = {}, .field = {}, .op = comparison(), .value = value};
        const bool asks = step.op == FactOperator::matches || step.op == FactOperator::matches_not;
        if (expression && step.op == FactOperator::equal) step.op = FactOperator::matches;
        if (expression && step.op == FactOperator::not_equal) step.op = FactOperator::matches_not;
        if (expression && step.op != FactOperator::matches && step.op != FactOperator::matches_not) {
            throw peg::parse_error("only = != =~ and !~ go with an expression", in);
        }
        if (asks && !expression) {
            const auto last = step.value.find_last_not_of('\\');
            const std::size_t backslashes = step.value.size() - (last == std::string::npos ? 0 : last + 1);
            if (backslashes % 2 == 1) throw peg::parse_error("an expression cannot end with a backslash", in);
            step.value = fmt::format("/{}/", step.value);
        }
        return step;
    }
};

template <typename Rule>
struct Action : peg::nothing<Rule> {};
template <>
struct Action<grammar::group_begin> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.enter(in);
    }
};
template <>
struct Action<grammar::group_end> {
    static void apply0(Draft& draft) { --draft.depth; }
};
template <>
struct Action<grammar::fact_name> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.name = in.string();
    }
};
template <>
struct Action<grammar::source> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.name = lower(in.string());
        draft.query.clear();
        draft.text.clear();
    }
};
template <>
struct Action<grammar::single_text> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.text = unescaped(in.string_view(), '\'');
    }
};
template <>
struct Action<grammar::double_text> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.text = unescaped(in.string_view(), '"');
    }
};
template <>
struct Action<grammar::query_end> {
    static void apply0(Draft& draft) { draft.query = std::move(draft.text); }
};
template <>
struct Action<grammar::field> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.field = in.string();
    }
};
template <>
struct Action<grammar::comparison> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.op = in.string();
    }
};
template <>
struct Action<grammar::value_expression> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.value = in.string();
        draft.expression = true;
    }
};
template <>
struct Action<grammar::quoted> {
    static void apply0(Draft& draft) {
        draft.value = draft.text;
        draft.expression = false;
    }
};
template <>
struct Action<grammar::bare> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.value = in.string();
        draft.expression = false;
    }
};
template <>
struct Action<grammar::fact> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.check("the name of the fact", draft.name, limits::fact_name_size_max, in);
        draft.add(draft.comparing(Step::Kind::fact, in), in);
    }
};
template <>
struct Action<grammar::data> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.check("the name of the data function", draft.name, limits::name_size_max, in);
        draft.check("the query", draft.query, limits::data_query_size_max, in);
        draft.check("the name of the output", draft.field, limits::name_size_max, in);
        Step step = draft.comparing(Step::Kind::data, in);
        step.query = draft.query;
        step.field = draft.field;
        draft.add(std::move(step), in);
    }
};
template <>
struct Action<grammar::class_name> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.add({.kind = Step::Kind::class_name, .name = in.string()}, in);
    }
};
template <>
struct Action<grammar::not_word> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.enter(in);
    }
};
template <>
struct Action<grammar::negated> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        --draft.depth;
        draft.add({.kind = Step::Kind::negate}, in);
    }
};
template <>
struct Action<grammar::both_rest> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.add({.kind = Step::Kind::both}, in);
    }
};
template <>
struct Action<grammar::either_rest> {
    template <typename Input>
    static void apply(const Input& in, Draft& draft) {
        draft.add({.kind = Step::Kind::either}, in);
    }
};

// The line with the place in it, and a caret under the place.
std::string pointed(std::string_view text, std::size_t place) {
    constexpr std::size_t before = 60, behind = 20;
    const auto continues = [&](std::size_t i) { return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U; };
    std::size_t from = place > before ? place - before : 0;
    while (from > 0 && continues(from)) --from;
    std::size_t to = std::min(text.size(), place + behind);
    while (to < text.size() && continues(to)) ++to;
    std::string line = from > 0 ? "..." : "";
    std::string caret(line.size(), ' ');
    for (std::size_t i = from; i < to; ++i) {
        const auto octet = static_cast<unsigned char>(text[i]);
        line += octet < 0x20 || octet == 0x7F ? ' ' : text[i];
        if (i < place && !continues(i)) caret += ' ';
    }
    if (to < text.size()) line += "...";
    return fmt::format("  {}\n  {}^", line, caret);
}

}  // namespace

Result<Condition> parse_condition(std::string_view text) {
    if (text.size() > limits::filter_text_size_max) {
        return fail(Errc::invalid,
                    fmt::format("the compound filter is {} octets long; {} is the most", text.size(),
                                limits::filter_text_size_max));
    }
    if (!is_utf8(text)) return fail(Errc::invalid, "the compound filter is not UTF-8");
    peg::memory_input<peg::tracking_mode::eager, peg::eol::lf, const char*> input(text.data(), text.size(), "");
    Draft draft;
    try {
        peg::parse<grammar::condition, Action, Control>(input, draft);
    } catch (const peg::parse_error& error) {
        return fail(Errc::invalid, fmt::format("the compound filter cannot be read: {}\n{}", error.message(),
                                               pointed(text, error.positions().front().byte)));
    }
    return std::move(draft.condition);
}

}  // namespace mco::proto
