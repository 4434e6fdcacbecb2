#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace mco::client {

// What is known of where the results go. Given to commands, so that a test can be any terminal.
struct Terminal {
    bool tty = false;          // standard output is a terminal
    std::size_t columns = 80;  // its width
    bool colour = false;       // decided from --color, the configuration and NO_COLOR
};

// The one place where foreign text becomes terminal text: control characters, characters that reorder or hide text, and
// octets that are not UTF-8 turn into visible escapes ("\x1b", "\n", "\u202e"). The result is valid UTF-8 on one line.
std::string visible(std::string_view foreign);
// The same of a text of several lines, with a blank for each line break, and a full stop before it where a sentence begins:
// what is wrong, and the next step.
std::string on_one_line(std::string_view foreign);

// The same for JSON text, where such characters occur inside strings only: they become "\u202e", so the value stays the same.
std::string visible_json(std::string_view json);

// A quoted string of Graphviz's language that shows the text as visible() does, whether as a name or as a label.
std::string dot_quoted(std::string_view foreign);

// Colour, if the terminal is to have it; the text as it is otherwise. The text was made visible before.
enum class Paint { red, green, yellow, bold };
std::string painted(const Terminal& terminal, Paint paint, std::string_view text);

// A tick for each count, as high as it is beside the largest.
std::string sparkline(std::span<const std::size_t> counts);

// Characters, as columns are counted in the layouts. `text` is valid UTF-8.
std::size_t width(std::string_view text);
std::string left(std::string_view text, std::size_t columns);   // left-justified: blanks behind
std::string right(std::string_view text, std::size_t columns);  // right-justified: blanks in front

}  // namespace mco::client
