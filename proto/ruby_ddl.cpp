#include "proto/ruby_ddl.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "proto/number_text.hpp"
#include "proto/ruby_tokens.hpp"

namespace mco::proto {
namespace {

using Kind = RubyToken::Kind;

constexpr std::size_t nesting_max = 16;
constexpr std::size_t statements_max = 8'192;                       // those of a loop count once a turn
constexpr std::array<std::int64_t, 3> compatible_with{2, 12, 5};  // the MCollective whose DDLs these are

// Recursive descent over the tokens. The first fault is kept and moves to the end of the file, so that every loop ends.
class DdlReader {
 public:
    explicit DdlReader(std::vector<RubyToken> tokens) : tokens_(std::move(tokens)) {}

    Result<Value> run() {
        statements(Place::file);
        if (fault_.empty() && now().kind != Kind::end) wrong("this \"end\" ends nothing");
        if (!fault_.empty()) return fail(code_, std::move(fault_));
        if (!file_.contains("metadata")) return fail(Errc::malformed, "1: there is no metadata");
        const bool data = file_.contains("output");
        if (data && !actions_.empty()) return fail(Errc::malformed, "1: it has actions and a dataquery");
        if (!data) file_.emplace("actions", std::move(actions_));
        return Value(std::move(file_));
    }

 private:
    enum class Place { file, action, query, summary };

    // ---- tokens

    const RubyToken& now() const { return tokens_[at_]; }
    bool is(Kind kind, std::string_view held) const { return now().kind == kind && now().held == held; }
    bool accept(Kind kind, std::string_view held) {
        if (!is(kind, held)) return false;
        ++at_;
        return true;
    }
    bool accept_mark(std::string_view mark) { return accept(Kind::mark, mark); }
    void expect_mark(std::string_view mark) {
        if (!accept_mark(mark)) wrong(fmt::format("{} is missing", mark));
    }
    void expect_word(std::string_view word) {
        if (!accept(Kind::word, word)) wrong(fmt::format("\"{}\" is missing", word));
    }
    void skip_lines() {
        while (now().kind == Kind::line_end) ++at_;
    }
    void wrong(std::string_view why, Errc code = Errc::malformed) {
        if (!fault_.empty()) return;
        const RubyToken& token = now();
        const bool named = token.kind == Kind::word || token.kind == Kind::mark;
        fault_ = fmt::format("{}: {}{}", token.line, why,
                             named ? fmt::format(", at \"{}\"", token.held.substr(0, limits::name_size_max)) : "");
        code_ = code;
        at_ = tokens_.size() - 1;
    }

    // ---- values

    std::string text_of(const RubyToken& token) {
        std::string text;
        for (const auto& piece : token.pieces) {
            text += piece.literal;
            if (!piece.name.empty()) text += variable(piece.name, piece.method);
            if (text.size() > limits::text_size_max) wrong("a text grows too long");
        }
        return text;
    }

    std::string variable(const std::string& name, const std::string& method) {
        const auto found = variables_.find(name);
        if (found == variables_.end()) {
            wrong(fmt::format("\"{}\" is no name of a loop", name));
            return {};
        }
        return method.empty() ? found->second : changed(found->second, method);
    }

    std::string changed(std::string text, const std::string& method) {
        if (method == "capitalize") {
            std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
        } else if (method != "to_s") {
            wrong(fmt::format("the method {} is not understood", method));
        }
        return text;
    }

    Value value() {
        if (++depth_ > nesting_max) {
            wrong("nested too deeply");
            return {};
        }
        Value read = plain_value();
        --depth_;
        return read;
    }

    Value plain_value() {
        const RubyToken token = now();
        switch (token.kind) {
            case Kind::symbol:
            case Kind::expression:
                ++at_;
                return token.held;
            case Kind::text: {
                ++at_;
                std::string text = text_of(token);
                while (now().kind == Kind::text || (is(Kind::mark, "+") && tokens_[at_ + 1].kind == Kind::text)) {
                    accept_mark("+");
                    text += text_of(tokens_[at_++]);
                }
                return text;
            }
            case Kind::number: {
                ++at_;
                if (const auto integer = to_integer(token.held)) return *integer;
                if (const auto real = to_real(token.held)) return *real;
                wrong("this number is not understood");
                return {};
            }
            case Kind::word:
                return word_value();
            case Kind::mark:
                if (accept_mark("[")) return list();
                if (is(Kind::mark, "{")) return pairs();
                break;
            case Kind::line_end:
            case Kind::end:
                break;
        }
        wrong("a literal value is missing");
        return {};
    }

    Value word_value() {
        if (accept(Kind::word, "true")) return true;
        if (accept(Kind::word, "false")) return false;
        if (accept(Kind::word, "nil")) return {};
        const std::string name = now().held;
        if (!variables_.contains(name)) {
            wrong("only literal values can be read");
            return {};
        }
        ++at_;
        std::string text = variable(name, {});
        while (is(Kind::mark, ".") && tokens_[at_ + 1].kind == Kind::word) {
            text = changed(std::move(text), tokens_[at_ + 1].held);
            at_ += 2;
        }
        return text;
    }

    Value list() {
        Value::List items;
        while (fault_.empty() && !accept_mark("]")) {
            items.push_back(value());
            if (!accept_mark(",") && !is(Kind::mark, "]")) wrong(", or ] is missing");
        }
        return items;
    }

    // ":key => value, ...", in braces or not.
    Value pairs() {
        const bool braces = accept_mark("{");
        Value::Map map;
        while (fault_.empty() && !(braces && accept_mark("}"))) {
            const RubyToken key = now();
            if (key.kind != Kind::symbol && key.kind != Kind::text) {
                wrong("a :key is missing");
                break;
            }
            ++at_;
            expect_mark("=>");
            const std::string name = key.kind == Kind::symbol ? key.held : text_of(key);
            if (fault_.empty() && !map.emplace(name, value()).second) wrong(fmt::format(":{} is given twice", name));
            if (accept_mark(",")) continue;
            if (!braces) break;
            if (!is(Kind::mark, "}")) wrong(", or } is missing");
        }
        return map;
    }

    // ---- statements

    bool at_block_end() const {
        return now().kind == Kind::end || is(Kind::word, "end") || is(Kind::word, "else") || is(Kind::word, "elsif");
    }

    void statements(Place place) {
        if (++depth_ > nesting_max) return wrong("nested too deeply");
        for (skip_lines(); fault_.empty() && !at_block_end(); skip_lines()) {
            if (++statements_ > statements_max) return wrong("there are too many declarations");
            statement(place);
            if (fault_.empty() && now().kind != Kind::line_end && !at_block_end()) wrong("nothing may follow here");
        }
        --depth_;
    }

    void block(Place place) {
        expect_word("do");
        statements(place);
        expect_word("end");
    }

    void statement(Place place) {
        if (is(Kind::mark, "[")) return loop(place);
        if (accept(Kind::word, "if")) return choice(place, true);
        if (accept(Kind::word, "unless")) return choice(place, false);
        constexpr auto words = std::to_array<std::tuple<std::string_view, Place, void (DdlReader::*)()>>({
            {"metadata", Place::file, &DdlReader::metadata},
            {"requires", Place::file, &DdlReader::requirement},
            {"usage", Place::file, &DdlReader::usage},
            {"action", Place::file, &DdlReader::action},
            {"dataquery", Place::file, &DdlReader::dataquery},
            {"display", Place::action, &DdlReader::display},
            {"input", Place::action, &DdlReader::input},
            {"output", Place::action, &DdlReader::output},
            {"summarize", Place::action, &DdlReader::summarize},
            {"input", Place::query, &DdlReader::input},
            {"output", Place::query, &DdlReader::output},
            {"aggregate", Place::summary, &DdlReader::aggregate},
        });
        for (const auto& [word, where, read] : words) {
            if (where != place || !accept(Kind::word, word)) continue;
            const bool parentheses = accept_mark("(");
            (this->*read)();
            if (parentheses && is(Kind::mark, ")")) ++at_;
            return;
        }
        wrong("this is no declaration that can be read here");
    }

    void metadata() {
        Value read = pairs();
        if (!muted() && !file_.emplace("metadata", std::move(read)).second) wrong("there is metadata already");
    }

    void usage() { value(); }  // for people who read the file

    void requirement() {
        const Value read = pairs();
        const Value* wanted = read.find("mcollective");
        if (!fault_.empty()) return;
        if (wanted == nullptr || read.map()->size() != 1) return wrong("requires :mcollective => \"VERSION\" is understood, nothing else");
        const std::string version = wanted->to_text();
        std::array<std::int64_t, 3> parts{};
        std::string_view rest = version;
        for (auto& part : parts) {
            const auto number = to_integer(rest.substr(0, rest.find('.')));
            if (!number) return wrong(fmt::format("\"{}\" is no version", version));
            part = *number;
            if (rest.find('.') == std::string_view::npos) break;
            rest.remove_prefix(rest.find('.') + 1);
        }
        if (parts > compatible_with) {
            wrong(fmt::format("it requires MCollective {}; what works here is what {}.{}.{} has", version,
                              compatible_with[0], compatible_with[1], compatible_with[2]),
                  Errc::unsupported);
        }
    }

    // The name of what is declared, and the properties behind it.
    std::pair<std::string, Value::Map> named() {
        const RubyToken token = now();
        std::string name;
        if (token.kind == Kind::symbol || token.kind == Kind::text || token.kind == Kind::word) {
            name = value().to_text();
        } else {
            wrong("a name is missing");
        }
        Value properties = accept_mark(",") ? pairs() : Value(Value::Map{});
        return {std::move(name), fault_.empty() ? std::move(*properties.map()) : Value::Map{}};
    }

    void action() {
        auto [name, properties] = named();
        if (is(Kind::mark, ")")) ++at_;
        properties.emplace("action", name);
        properties.emplace("input", Value::Map{});
        properties.emplace("output", Value::Map{});
        std::swap(declared_, properties);
        if (is(Kind::word, "do")) block(Place::action);
        std::swap(declared_, properties);
        if (!muted()) actions_.emplace_back(std::move(properties));
    }

    void dataquery() {
        pairs();
        if (is(Kind::mark, ")")) ++at_;
        Value::Map query{{"input", Value::Map{}}, {"output", Value::Map{}}};
        std::swap(declared_, query);
        block(Place::query);
        std::swap(declared_, query);
        if (muted() || !fault_.empty()) return;
        if (!file_.emplace("output", std::move(query["output"])).second) return wrong("there is a dataquery already");
        auto& inputs = *query["input"].map();
        if (inputs.size() > 1 || (inputs.size() == 1 && !inputs.contains("query"))) return wrong("a dataquery has one input, :query");
        if (!inputs.empty()) file_.emplace("query", std::move(inputs.begin()->second));
    }

    void display() {
        const Value mode = value();
        if (!muted()) declared_.insert_or_assign("display", mode);
    }

    void input() { declare("input"); }
    void output() { declare("output"); }
    void declare(const std::string& kind) {
        auto [name, properties] = named();
        if (kind == "input") {
            properties.emplace("optional", false);
            if (const auto type = properties.find("type"); type != properties.end() && type->second == Value("string"))
                properties.emplace("maxlength", 0);
        }
        if (muted() || !fault_.empty()) return;
        if (!declared_[kind].map()->emplace(name, std::move(properties)).second) wrong(fmt::format("{} :{} is there twice", kind, name));
    }

    void summarize() { block(Place::summary); }

    // aggregate average(:total_time, :format => "Average: %0.2f")
    void aggregate() {
        const std::string function = now().held;
        if (now().kind != Kind::word) return wrong("the name of an aggregate function is missing");
        ++at_;
        Value::List arguments;
        const bool parentheses = accept_mark("(");
        while (fault_.empty() && now().kind != Kind::line_end && !(parentheses && is(Kind::mark, ")"))) {
            arguments.push_back(starts_pair() ? pairs() : value());
            if (!accept_mark(",")) break;
        }
        if (parentheses) expect_mark(")");
        if (accept_mark(",")) arguments.push_back(pairs());
        if (muted() || !fault_.empty()) return;
        auto& list = declared_.emplace("aggregate", Value::List{}).first->second;
        list.list()->emplace_back(Value::Map{{"function", function}, {"args", std::move(arguments)}});
    }
    bool starts_pair() const {
        return is(Kind::mark, "{") || (tokens_[at_].kind == Kind::symbol && tokens_[at_ + 1].kind == Kind::mark &&
                                       tokens_[at_ + 1].held == "=>");
    }

    // ---- the little control flow there is

    bool muted() const { return muted_ > 0; }

    void loop(Place place) {
        const Value items = value();
        expect_mark(".");
        expect_word("each");
        expect_word("do");
        expect_mark("|");
        const std::string name = now().held;
        if (now().kind != Kind::word || variables_.contains(name)) return wrong("the name for an element is missing");
        ++at_;
        expect_mark("|");
        const std::size_t body = at_;
        if (fault_.empty() && items.list()->empty()) return wrong("a loop over nothing");
        for (std::size_t i = 0; fault_.empty() && i < items.list()->size(); ++i) {
            at_ = body;
            variables_[name] = (*items.list())[i].to_text();
            statements(place);
        }
        variables_.erase(name);
        expect_word("end");
    }

    void choice(Place place, bool wanted) {
        bool taken = false;
        const auto branch = [&](bool enter) {
            if (!enter) ++muted_;
            statements(place);
            if (!enter) --muted_;
            taken = taken || enter;
        };
        branch(condition() == wanted);
        while (accept(Kind::word, "elsif")) {
            const bool holds = condition();
            branch(!taken && holds);
        }
        if (accept(Kind::word, "else")) branch(!taken);
        expect_word("end");
    }

    bool condition() {
        bool holds = comparison();
        while (fault_.empty()) {
            if (accept_mark("||") || accept(Kind::word, "or")) {
                holds = comparison() || holds;
            } else if (accept_mark("&&") || accept(Kind::word, "and")) {
                holds = comparison() && holds;
            } else {
                break;
            }
        }
        accept(Kind::word, "then");
        return holds;
    }

    bool comparison() {
        if (accept(Kind::word, "respond_to?")) {
            const bool parentheses = accept_mark("(");
            value();
            if (parentheses) expect_mark(")");
            return true;  // what is declared with it is known here
        }
        const Value left = value();
        if (accept_mark(".")) {
            expect_word("include?");
            expect_mark("(");
            const Value wanted = value();
            expect_mark(")");
            const auto* items = left.list();
            return items != nullptr && std::find(items->begin(), items->end(), wanted) != items->end();
        }
        if (accept_mark("==")) return left == value();
        if (accept_mark("!=")) return !(left == value());
        wrong("this condition is not understood");
        return false;
    }

    std::vector<RubyToken> tokens_;
    std::size_t at_ = 0, depth_ = 0, statements_ = 0, muted_ = 0;
    std::map<std::string, std::string, std::less<>> variables_;
    Value::Map file_;
    Value::List actions_;
    Value::Map declared_;  // of the action or query in hand
    std::string fault_;
    Errc code_ = Errc::malformed;
};

}  // namespace

Result<Value> read_ruby_ddl(std::string_view text) {
    if (text.size() > limits::schema_size_max) {
        return fail(Errc::malformed, fmt::format("1: the DDL is larger than {} octets", limits::schema_size_max));
    }
    auto tokens = read_ruby_tokens(text);
    if (!tokens) return tl::unexpected(tokens.error());
    return DdlReader(std::move(*tokens)).run();
}

}  // namespace mco::proto
