#include "client/inventory_script.hpp"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "client/aggregates.hpp"
#include "client/terminal.hpp"

namespace mco::client {
namespace {

using proto::Result;

// "<<TAG" or "<<-TAG" was begun: the lines up to the one that is TAG.
struct Heredoc {
    std::string text;
    std::size_t first_line;
};
Result<Heredoc> read_heredoc(ScriptCursor& cursor) {
    if (!cursor.take('<') || !cursor.take('<')) return cursor.fail("<<NAME is expected here, and the lines up to NAME below");
    const bool indented = cursor.take('-');
    const auto tag = cursor.take_word();
    if (tag.empty()) return cursor.fail("a name is expected behind <<");
    if (cursor.rest_of_line().find_first_not_of(" \t") != std::string_view::npos)
        return cursor.fail("nothing may follow <<NAME on its line");
    Heredoc heredoc{{}, cursor.line()};
    while (!cursor.at_text_end()) {
        const auto before = cursor;
        const auto line = cursor.rest_of_line();
        const auto first = indented ? line.find_first_not_of(" \t") : 0;
        if (first != std::string_view::npos && line.substr(first) == tag) return heredoc;
        if (line.find("#{") != std::string_view::npos)
            return before.fail("#{...} is Ruby, which is not evaluated");
        heredoc.text += std::string(line) + "\n";
    }
    return cursor.fail(fmt::format("the line {} that ends the text is missing", tag));
}

Result<std::size_t> read_length(ScriptCursor& cursor) {
    const auto word = cursor.take_word();
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), length);
    if (error != std::errc() || end != word.data() + word.size() || length < 1 ||
        length > InventoryScript::page_length_max)
        return cursor.fail(fmt::format("page_length takes a number from 1 to {}", InventoryScript::page_length_max));
    return length;
}

Result<std::vector<InventoryExpression>> read_fields(ScriptCursor& cursor) {
    if (!cursor.take('{') || !cursor.take('[')) return cursor.fail("fields takes { [ VALUE, ... ] }");
    std::vector<InventoryExpression> fields;
    do {
        auto field = read_expression(cursor);
        if (!field) return tl::unexpected(field.error());
        fields.push_back(std::move(*field));
    } while (cursor.take(','));
    if (!cursor.take(']') || !cursor.take('}')) return cursor.fail("] } is expected here, or a comma and a further value");
    return fields;
}

}  // namespace

Result<void> InventoryScript::read_inventory(ScriptCursor& cursor) {
    while (true) {
        cursor.skip_blanks();
        const auto here = cursor;
        const auto word = cursor.take_word();
        if (word == "end") break;
        if (word == "format") {
            auto format = cursor.take_string();
            if (!format) return tl::unexpected(format.error());
            format_ = std::move(*format);
        } else if (word == "fields") {
            auto fields = read_fields(cursor);
            if (!fields) return tl::unexpected(fields.error());
            fields_ = std::move(*fields);
        } else {
            return here.fail("only format, fields and end are understood inside inventory do");
        }
        cursor.take(';');
    }
    if (!format_) return cursor.fail("there is no format \"...\" before this end");
    if (fields_.empty()) return cursor.fail("there is no fields { [ ... ] } before this end");
    return {};
}

Result<void> InventoryScript::read_formatted(ScriptCursor& cursor, std::string_view file) {
    while (true) {
        cursor.skip_blanks();
        const auto here = cursor;
        const auto word = cursor.take_word();
        if (word == "end") break;
        if (word == "page_length") {
            const auto length = read_length(cursor);
            if (!length) return tl::unexpected(length.error());
            page_length_ = *length;
        } else if (word == "page_heading" || word == "page_body") {
            const auto heredoc = read_heredoc(cursor);
            if (!heredoc) return tl::unexpected(heredoc.error());
            auto picture = PagePicture::read(heredoc->text, file, heredoc->first_line);
            if (!picture) return tl::unexpected(picture.error());
            (word == "page_body" ? body_ : heading_) = std::move(*picture);
        } else {
            return here.fail("only page_length, page_heading, page_body and end are understood inside formatted_inventory do");
        }
        cursor.take(';');
    }
    if (!body_) return cursor.fail("there is no page_body before this end");
    return {};
}

Result<InventoryScript> InventoryScript::read(std::string_view text, std::string_view file) {
    ScriptCursor cursor(text, file);
    InventoryScript script;
    cursor.skip_blanks();
    const auto start = cursor;
    const auto form = cursor.take_word();
    if ((form != "inventory" && form != "formatted_inventory") || cursor.take_word() != "do")
        return start.fail("'inventory do' or 'formatted_inventory do' is expected here");
    const auto good = form == "inventory" ? script.read_inventory(cursor) : script.read_formatted(cursor, file);
    if (!good) return tl::unexpected(good.error());
    if (!cursor.at_end()) return cursor.fail("nothing may follow the report's end");
    return script;
}

Result<std::string> InventoryScript::lines(std::span<const InventoryNode> nodes) const {
    std::string text;
    for (const auto& node : nodes) {
        std::vector<proto::Value> values;
        for (const auto& field : fields_) {
            auto value = value_of(field, node);
            const bool number = value.integer() != nullptr || value.real() != nullptr;
            values.push_back(number ? std::move(value) : proto::Value(visible(value.to_text())));
        }
        const auto line = format_printf(*format_, values);
        if (!line) return proto::fail(line.error().code, fmt::format("{}: {}", node.identity, line.error().detail));
        text += *line + "\n";
    }
    return text;
}

// A node's lines stay on one page; a page ends with a form feed, as with Perl's formats.
std::string InventoryScript::pages(std::span<const InventoryNode> nodes) const {
    std::string text;
    std::size_t used = 0;
    const auto print = [&](const std::vector<std::string>& lines) {
        for (const auto& line : lines) text += line + "\n";
        used += lines.size();
    };
    for (const auto& node : nodes) {
        const auto lines = body_->draw(node);
        const bool full = used > 0 && used + lines.size() > page_length_;
        if (full) text += '\f';
        if (used == 0 || full) {
            used = 0;
            if (heading_) print(heading_->draw(node));
        }
        print(lines);
    }
    return text;
}

Result<std::string> InventoryScript::report(std::span<const InventoryNode> nodes) const {
    return body_ ? Result<std::string>(pages(nodes)) : lines(nodes);
}

}  // namespace mco::client
