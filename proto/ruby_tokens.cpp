#include "proto/ruby_tokens.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "proto/utf8.hpp"

namespace mco::proto {
namespace {

using Kind = RubyToken::Kind;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Tokenizer {
 public:
    explicit Tokenizer(std::string_view text) : text_(text) {}

    Result<std::vector<RubyToken>> run() {
        while (fault_.empty() && at_ < text_.size()) step();
        if (!fault_.empty()) return fail(Errc::malformed, fmt::format("{}: {}", line_, fault_));
        end_line();
        add(Kind::end, {});
        return std::move(tokens_);
    }

 private:
    char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
    void wrong(std::string_view why) {
        if (fault_.empty()) fault_ = why;
    }
    RubyToken& add(Kind kind, std::string held) {
        if (tokens_.size() >= limits::value_elements_max) wrong("there are too many words");
        tokens_.push_back({kind, line_, std::move(held), {}});
        return tokens_.back();
    }
    char take() {
        const char c = text_[at_++];
        if (c == '\n') ++line_;
        return c;
    }

    // A statement goes on behind an open bracket and behind what needs a right side.
    void end_line() {
        if (depth_ > 0 || tokens_.empty() || tokens_.back().kind == Kind::line_end) return;
        constexpr std::array open{",", "=>", "+", "||", "&&"};
        const auto& last = tokens_.back();
        if (last.kind == Kind::mark && std::find(open.begin(), open.end(), last.held) != open.end()) return;
        add(Kind::line_end, {});
    }

    void step() {
        const char c = peek();
        if (c == '\n') {
            end_line();
            take();
            if (behind_heredoc_ != 0) {
                at_ = std::exchange(behind_heredoc_, 0);
                line_ += heredoc_lines_;
            }
        } else if (c == ' ' || c == '\t' || c == '\r') {
            take();
        } else if (c == '#') {
            while (at_ < text_.size() && peek() != '\n') take();
        } else if (c == '\\' && peek(1) == '\n') {
            take(), take();
        } else if (c == '\'' || c == '"') {
            take();
            quoted(c);
        } else if (c == '/') {
            take();
            expression('/');
        } else if (starts("%w")) {
            words();
        } else if (starts("%r{")) {
            at_ += 3;
            expression('}');
        } else if (starts("<<")) {
            heredoc();
        } else if (c == ':' && (is_letter(peek(1)))) {
            take();
            add(Kind::symbol, name());
        } else if (c == ':' && (peek(1) == '"' || peek(1) == '\'')) {
            take();
            quoted(take());
        } else if (is_letter(c)) {
            auto word = name();
            if (peek() == ':' && peek(1) != ':') {  // "key: value" is ":key => value"
                take();
                add(Kind::symbol, std::move(word));
                add(Kind::mark, "=>");
            } else {
                add(Kind::word, std::move(word));
            }
        } else if (is_digit(c) || (c == '-' && is_digit(peek(1)))) {
            std::string digits(1, take());
            while (is_digit(peek()) || peek() == '_' || (peek() == '.' && is_digit(peek(1)))) digits += take();
            std::erase(digits, '_');
            add(Kind::number, std::move(digits));
        } else {
            mark();
        }
    }

    std::string name() {
        std::string word;
        while (is_letter(peek()) || is_digit(peek())) word += take();
        if ((peek() == '?' || peek() == '!') && peek(1) != '=') word += take();
        return word;
    }

    void mark() {
        for (const std::string_view pair : {"=>", "==", "!=", "||", "&&"}) {
            if (!starts(pair)) continue;
            at_ += pair.size();
            add(Kind::mark, std::string(pair));
            return;
        }
        const char c = peek();
        if (std::string_view("()[]{}|,.+;").find(c) == std::string_view::npos) {
            return wrong(fmt::format("'{}' is not understood here", is_utf8({&c, 1}) && c >= ' ' ? std::string(1, c) : "?"));
        }
        take();
        if (c == '(' || c == '[' || c == '{') ++depth_;
        if (c == ')' || c == ']' || c == '}') depth_ = std::max(depth_ - 1, 0);
        if (c == ';') return end_line();
        add(Kind::mark, std::string(1, c));
    }

    void quoted(char quote) {
        const std::size_t began = line_;
        std::vector<RubyToken::Piece> pieces(1);
        while (fault_.empty()) {
            if (at_ >= text_.size()) {
                line_ = began;
                return wrong("the text that begins here has no closing quote");
            }
            const char c = take();
            if (c == quote) break;
            if (c == '\\' && at_ < text_.size()) {
                escape(quote, take(), pieces.back().literal);
            } else if (quote == '"' && c == '#' && peek() == '{') {
                take();
                interpolation(pieces);
            } else {
                pieces.back().literal += c;
            }
        }
        auto& token = add(Kind::text, {});
        token.line = began;
        token.pieces = std::move(pieces);
    }

    void escape(char quote, char c, std::string& into) {
        if (quote == '\'') {
            if (c != '\'' && c != '\\') into += '\\';
            into += c;
            return;
        }
        constexpr std::array<std::pair<char, char>, 6> known{
            {{'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'e', '\x1b'}, {'s', ' '}, {'0', '\0'}}};
        const auto found = std::find_if(known.begin(), known.end(), [c](const auto& row) { return row.first == c; });
        if (c == 'u' || c == 'x' || is_digit(c)) return wrong(fmt::format("the escape \\{} is not understood", c));
        into += found == known.end() ? c : found->second;
    }

    void interpolation(std::vector<RubyToken::Piece>& pieces) {
        RubyToken::Piece piece;
        piece.name = name();
        if (peek() == '.') {
            take();
            piece.method = name();
        }
        if (piece.name.empty() || peek() != '}') return wrong("only #{NAME} of a loop can be put into a text");
        take();
        pieces.push_back(std::move(piece));
        pieces.emplace_back();
    }

    void expression(char close) {
        std::string body;
        while (at_ < text_.size() && peek() != '\n' && peek() != close) {
            const char c = take();
            if (c == '#' && peek() == '{') return wrong("#{} in an expression is not understood");
            if (c != '\\' || peek() != '/') body += c;
            if (c == '\\' && at_ < text_.size()) body += take();
        }
        if (peek() != close) return wrong("the expression has no end on this line");
        take();
        std::string flags;
        while (is_letter(peek())) flags += take();
        if (flags.find_first_not_of("im") != std::string::npos) return wrong("of an expression's flags only i and m are understood");
        std::replace(flags.begin(), flags.end(), 'm', 's');  // Ruby's m is the others' s
        add(Kind::expression, flags.empty() ? body : fmt::format("(?{}){}", flags, body));
    }

    void words() {
        const char open = peek(2);
        const std::string_view pairs = "[](){}";
        const auto found = pairs.find(open);
        if (open == '\0' || found == std::string_view::npos || found % 2 != 0) return wrong("%w needs [...], (...) or {...}");
        const char close = pairs[found + 1];
        const auto end = text_.find(close, at_);
        if (end == std::string_view::npos) return wrong("the list that begins here has no end");
        std::string_view body = text_.substr(at_ + 3, end - at_ - 3);
        add(Kind::mark, "[");
        while (true) {
            body.remove_prefix(std::min(body.find_first_not_of(" \t\r\n"), body.size()));
            if (body.empty()) break;
            const auto word = body.substr(0, body.find_first_of(" \t\r\n"));
            add(Kind::text, {}).pieces = {{std::string(word), {}, {}}};
            add(Kind::mark, ",");
            body.remove_prefix(word.size());
        }
        add(Kind::mark, "]");
        while (at_ <= end) take();
    }

    // "<<-END" or "<<END": what is said lies on the lines behind this one.
    void heredoc() {
        at_ += 2;
        if (peek() == '-' || peek() == '~') take();
        const char quote = peek() == '\'' || peek() == '"' ? take() : '\0';
        const std::string tag = name();
        if (quote != '\0' && peek() == quote) take();
        const auto line_feed = text_.find('\n', at_);
        if (tag.empty() || behind_heredoc_ != 0 || line_feed == std::string_view::npos) return wrong("this << is not understood");
        std::size_t from = line_feed + 1;
        std::string body;
        std::size_t lines = 0;
        while (from < text_.size()) {
            const auto to = std::min(text_.find('\n', from), text_.size());
            std::string_view line = text_.substr(from, to - from);
            ++lines;
            from = std::min(to + 1, text_.size());
            std::string_view stripped = line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
            stripped = stripped.substr(0, stripped.find_last_not_of(" \t\r") + 1);
            if (stripped == tag) {
                add(Kind::text, {}).pieces = {{std::move(body), {}, {}}};
                behind_heredoc_ = from;
                heredoc_lines_ = lines;
                return;
            }
            body += fmt::format("{}\n", line);
        }
        wrong(fmt::format("the text that begins here does not end with a line {}", tag));
    }

    std::string_view text_;
    std::size_t at_ = 0, line_ = 1;
    std::size_t behind_heredoc_ = 0, heredoc_lines_ = 0;
    int depth_ = 0;
    std::vector<RubyToken> tokens_;
    std::string fault_;
};

}  // namespace

Result<std::vector<RubyToken>> read_ruby_tokens(std::string_view text) {
    if (!is_utf8(text)) return fail(Errc::malformed, "1: the file is not UTF-8");
    return Tokenizer(text).run();
}

}  // namespace mco::proto
