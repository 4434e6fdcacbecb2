#include "client/page_picture.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "client/terminal.hpp"

namespace mco::client {
namespace {

// The first `columns` characters.
std::string cut(std::string_view text, std::size_t columns) {
    std::size_t at = 0;
    for (std::size_t characters = 0; at < text.size(); ++at) {
        const bool begins = (static_cast<std::uint8_t>(text[at]) & 0xc0) != 0x80;
        if (begins && ++characters > columns) break;
    }
    return std::string(text.substr(0, at));
}

std::string centred(std::string_view text, std::size_t columns) {
    const auto used = std::min(width(text), columns);
    return left(std::string((columns - used) / 2, ' ') + std::string(text), columns);
}

// As many words as fit go away from `text`; a word longer than the field is divided.
std::string take_words(std::string& text, std::size_t columns) {
    text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
    std::string piece = cut(text, columns);
    if (piece.size() < text.size() && text[piece.size()] != ' ') {
        if (const auto blank = piece.rfind(' '); blank != std::string::npos) piece.resize(blank);
    }
    text.erase(0, piece.size());
    return piece;
}

}  // namespace

std::vector<PagePicture::Field> PagePicture::fields_of(std::string_view line) {
    std::vector<Field> fields;
    for (std::size_t at = 0; at < line.size(); ++at) {
        if (line[at] != '@' && line[at] != '^') continue;
        const char kind = at + 1 < line.size() ? line[at + 1] : ' ';
        Field field{.at = at, .width = 1, .value = {}};
        field.fit = kind == '>' ? Field::Fit::right : kind == '|' ? Field::Fit::centre : Field::Fit::left;
        if (kind == '<' || kind == '>' || kind == '|') {
            field.width = std::min(line.find_first_not_of(kind, at + 1), line.size()) - at;
        } else if (kind == '#') {
            field.fit = Field::Fit::number;
            const auto whole = std::min(line.find_first_not_of('#', at + 1), line.size());
            auto end = whole;
            if (whole + 1 < line.size() && line[whole] == '.' && line[whole + 1] == '#')
                end = std::min(line.find_first_not_of('#', whole + 1), line.size());
            field.decimals = end > whole ? end - whole - 1 : 0;
            field.width = end - at;
        }
        if (line[at] == '^') field.fit = Field::Fit::words;
        at += field.width - 1;
        fields.push_back(std::move(field));
    }
    return fields;
}

proto::Result<PagePicture> PagePicture::read(std::string_view text, std::string_view file, std::size_t first_line) {
    PagePicture picture;
    ScriptCursor cursor(text, file, first_line);
    while (!cursor.at_text_end()) {
        const auto line = cursor.rest_of_line();
        auto& drawn = picture.lines_.emplace_back(Line{std::string(line), fields_of(line)});
        if (drawn.fields.empty()) continue;
        if (cursor.at_text_end()) return cursor.fail("a line with the fields' values is expected here");
        const auto number = cursor.line();
        const auto values = cursor.rest_of_line();
        ScriptCursor reader(values, file, number);
        for (std::size_t i = 0; i < drawn.fields.size(); ++i) {
            if (i > 0 && !reader.take(','))
                return reader.fail(fmt::format("the line above has {} fields, here are {} values", drawn.fields.size(), i));
            auto value = read_expression(reader);
            if (!value) return tl::unexpected(value.error());
            drawn.fields[i].value = std::move(*value);
        }
        if (!reader.at_end()) return reader.fail("there are more values than fields in the line above");
    }
    return picture;
}

std::string PagePicture::fill(const Field& field, const InventoryNode& node,
                              std::vector<LeftOver>& left_over) {
    const auto value = value_of(field.value, node);
    const std::string text = visible(value.to_text());
    switch (field.fit) {
        case Field::Fit::left:
            return left(cut(text, field.width), field.width);
        case Field::Fit::right:
            return right(cut(text, field.width), field.width);
        case Field::Fit::centre:
            return centred(cut(text, field.width), field.width);
        case Field::Fit::number: {
            double number = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
            if (error != std::errc() || end != text.data() + text.size()) return right(cut(text, field.width), field.width);
            return right(fmt::format("{:.{}f}", number, field.decimals), field.width);
        }
        case Field::Fit::words: {
            auto rest = std::find_if(left_over.begin(), left_over.end(),
                                     [&](const LeftOver& one) { return *one.of == field.value; });
            if (rest == left_over.end()) rest = left_over.insert(rest, {&field.value, text});
            return left(take_words(rest->text, field.width), field.width);
        }
    }
    return {};
}

std::vector<std::string> PagePicture::draw(const InventoryNode& node) const {
    std::vector<std::string> lines;
    std::vector<LeftOver> left_over;
    for (const auto& line : lines_) {
        std::string text;
        std::size_t at = 0;
        for (const auto& field : line.fields) {
            text += line.text.substr(at, field.at - at) + fill(field, node, left_over);
            at = field.at + field.width;
        }
        text += line.text.substr(at);
        text.erase(text.find_last_not_of(' ') + 1);
        lines.push_back(std::move(text));
    }
    return lines;
}

}  // namespace mco::client
