#include "client/script_cursor.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mco::client {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

char escaped(char c) {
    switch (c) {
        case 't':
            return '\t';
        case 'n':
            return '\n';
        case 'e':
            return '\x1b';
        default:
            return c;
    }
}

}  // namespace

void ScriptCursor::skip_blanks() {
    while (at_ < text_.size()) {
        if (text_[at_] == '#') {
            at_ = std::min(text_.find('\n', at_), text_.size());
        } else if (is_blank(text_[at_])) {
            ++at_;
        } else {
            return;
        }
    }
}

bool ScriptCursor::take(char sign) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != sign) return false;
    ++at_;
    return true;
}

std::string ScriptCursor::take_word() {
    skip_blanks();
    std::string word;
    while (at_ < text_.size() && is_word(text_[at_])) word += text_[at_++];
    return word;
}

bool ScriptCursor::at_end() {
    skip_blanks();
    return at_ >= text_.size();
}

bool ScriptCursor::at_string() {
    skip_blanks();
    return at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'');
}

proto::Result<std::string> ScriptCursor::take_string() {
    if (!at_string()) return fail("a text in quotes is expected here");
    const auto opened = *this;
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
        char next = text_[at_++];
        if (quote == '"' && next == '#' && at_ < text_.size() && text_[at_] == '{')
            return fail("#{...} in a text is Ruby, which is not evaluated");
        if (next == '\\' && at_ < text_.size()) {
            next = text_[at_++];
            if (quote == '"') {
                next = escaped(next);
            } else if (next != '\'' && next != '\\') {
                value += '\\';
            }
        }
        value += next;
    }
    if (at_ >= text_.size()) return opened.fail("this text has no closing quotation mark");
    ++at_;
    return value;
}

std::string_view ScriptCursor::rest_of_line() {
    const auto end = std::min(text_.find('\n', at_), text_.size());
    auto line = text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

std::size_t ScriptCursor::line() const {
    const auto before = text_.substr(0, std::min(at_, text_.size()));
    return first_line_ + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

tl::unexpected<proto::Error> ScriptCursor::fail(std::string_view what) const {
    return proto::fail(proto::Errc::invalid, fmt::format("{}:{}: {}", file_, line(), what));
}

}  // namespace mco::client
