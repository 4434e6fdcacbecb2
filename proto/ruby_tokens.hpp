#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

// Private to the Ruby DDL reader: the words of the subset of Ruby that declarations are written in.
namespace mco::proto {

struct RubyToken {
    enum class Kind : std::uint8_t { word, symbol, text, expression, number, mark, line_end, end };
    // "#{name}" or "#{name.method}" within a double-quoted text; a piece without name is literal.
    struct Piece {
        std::string literal, name, method;
    };
    Kind kind = Kind::end;
    std::size_t line = 1;
    std::string held;           // word, symbol without colon, mark, number's digits, expression
    std::vector<Piece> pieces;  // of a text
};

// Comments are gone, heredocs are texts, %w[] is a list of texts; a line's end is a token only where it ends a statement. The last
// token is `end`. The error is `malformed` and begins with the line's number: "12: ...".
Result<std::vector<RubyToken>> read_ruby_tokens(std::string_view text);

}  // namespace mco::proto
