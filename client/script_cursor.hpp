#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proto/error.hpp"

namespace mco::client {

// A place in the text of an inventory script, from which words, signs and strings are taken. The text must outlive it.
class ScriptCursor {
 public:
    // `file` and `first_line` are for errors: the text may be a part of the file.
    ScriptCursor(std::string_view text, std::string_view file, std::size_t first_line = 1)
        : text_(text), file_(file), first_line_(first_line) {}

    void skip_blanks();        // and comments, and line ends
    bool take(char sign);      // after blanks; whether it was there
    std::string take_word();   // letters, digits and _; "" if there is none
    bool at_end();             // nothing but blanks is left
    bool at_string();          // a quotation mark comes next
    // "..." with \t \n \e \\ and \", or '...' with \\ and \'. Interpolation (#{...}) is refused.
    proto::Result<std::string> take_string();
    std::string_view rest_of_line();  // and moves behind its end
    std::size_t line() const;
    bool at_text_end() const { return at_ >= text_.size(); }  // for lines: blanks count

    // `invalid`: "FILE:LINE: what"
    tl::unexpected<proto::Error> fail(std::string_view what) const;

 private:
    std::string_view text_;
    std::string_view file_;
    std::size_t first_line_;
    std::size_t at_ = 0;
};

}  // namespace mco::client
