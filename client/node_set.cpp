#include "client/node_set.hpp"

#include <algorithm>
#include <charconv>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "proto/limits.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::Result;

using Names = std::vector<std::string>;

constexpr std::size_t digits_max = 18;  // such a number fits in 64 bits

bool is_digit(char character) { return character >= '0' && character <= '9'; }

bool is_name_character(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') || is_digit(character) ||
           character == '.' || character == '-' || character == '_';
}

class Parser {
 public:
    Parser(std::string_view text, const NamedSet& named) : text_(text), named_(named) {}

    Result<Names> set() {
        auto result = operand();
        while (result && !at_end()) {
            const char sign = text_[place_];
            if (sign != ',' && sign != '!' && sign != '&') return wrong(place_, "a name cannot hold this");
            ++place_;
            auto other = operand();
            if (!other) return other;
            combine(*result, sign, std::move(*other));
            if (result->size() > node_set_max) return too_many();
        }
        return result;
    }

 private:
    static void combine(Names& left, char sign, Names right) {
        const std::unordered_set<std::string> known(sign == ',' ? left.begin() : right.begin(),
                                                    sign == ',' ? left.end() : right.end());
        if (sign == ',') {
            for (auto& name : right) {
                if (!known.contains(name)) left.push_back(std::move(name));
            }
        } else {
            std::erase_if(left, [&](const std::string& name) { return known.contains(name) == (sign == '!'); });
        }
    }

    Result<Names> operand() {
        const auto start = place_;
        if (!at_end() && text_[place_] == '@') {
            while (!at_end() && (text_[place_] == '@' || is_name_character(text_[place_]))) ++place_;
            auto names = named_(text_.substr(start + 1, place_ - start - 1));
            if (!names) return wrong(start, names.error().detail);
            return names;
        }
        Names names{""};
        while (!at_end() && (text_[place_] == '[' || is_name_character(text_[place_]))) {
            auto parts = text_[place_] == '[' ? numbers() : literal();
            if (!parts) return parts;
            if (names.size() * parts->size() > node_set_max) return too_many();
            Names longer;
            longer.reserve(names.size() * parts->size());
            for (const auto& name : names) {
                for (const auto& part : *parts) longer.push_back(name + part);
            }
            names = std::move(longer);
        }
        if (place_ == start) return wrong(place_, "a name is missing");
        std::unordered_set<std::string> seen;
        std::erase_if(names, [&](const std::string& name) { return !seen.insert(name).second; });
        const auto longest = std::max_element(names.begin(), names.end(),
                                              [](const auto& a, const auto& b) { return a.size() < b.size(); });
        if (longest->size() > proto::limits::name_size_max)
            return wrong(start, fmt::format("a name has at most {} letters", proto::limits::name_size_max));
        return names;
    }

    Result<Names> literal() {
        const auto start = place_;
        while (!at_end() && is_name_character(text_[place_])) ++place_;
        return Names{std::string(text_.substr(start, place_ - start))};
    }

    // What stands in one pair of brackets.
    Result<Names> numbers() {
        const auto open = place_++;
        Names all;
        while (true) {
            const auto start = place_;
            const auto first = number();
            if (!first) return wrong(place_, "a number is missing");
            const auto width = place_ - start;
            std::uint64_t last = *first, step = 1;
            if (take('-')) {
                const auto end = number();
                if (!end) return wrong(place_, "a number is missing");
                if (*end < *first) return wrong(start, "the range runs backwards");
                last = *end;
            }
            if (take('/')) {
                const auto by = number();
                if (!by || *by == 0) return wrong(place_, "a step is a number from 1");
                step = *by;
            }
            if ((last - *first) / step >= node_set_max - all.size()) return too_many();
            for (auto at = *first;; at += step) {
                all.push_back(fmt::format("{:0{}}", at, width));
                if (last - at < step) break;
            }
            if (take(']')) return all;
            if (!take(','))
                return at_end() ? wrong(open, "the bracket is not closed") : wrong(place_, "brackets hold numbers");
        }
    }

    std::optional<std::uint64_t> number() {
        const auto start = place_;
        while (!at_end() && is_digit(text_[place_]) && place_ - start < digits_max) ++place_;
        std::uint64_t value = 0;
        if (place_ == start || (!at_end() && is_digit(text_[place_]))) return std::nullopt;
        std::from_chars(text_.data() + start, text_.data() + place_, value);
        return value;
    }

    bool take(char character) {
        if (at_end() || text_[place_] != character) return false;
        ++place_;
        return true;
    }
    bool at_end() const { return place_ == text_.size(); }

    Result<Names> wrong(std::size_t place, std::string_view what) const {
        return proto::fail(Errc::invalid, fmt::format("{}\n{}", what, pointed_at(text_, place)));
    }
    Result<Names> too_many() const {
        return proto::fail(Errc::invalid, fmt::format("the set has more than {} names", node_set_max));
    }

    std::string_view text_;
    const NamedSet& named_;
    std::size_t place_ = 0;
};

// A name without one of its numbers.
struct Stem {
    std::string before, after;
    friend auto operator<=>(const Stem&, const Stem&) = default;
};
struct Number {
    std::uint64_t value = 0;
    std::size_t width = 0;  // as written, if with zeros in front
    friend auto operator<=>(const Number&, const Number&) = default;
};
struct Split {
    Stem stem;
    Number number;
};

// The name taken apart at each of its numbers.
std::vector<Split> splits(const std::string& name) {
    std::vector<Split> all;
    for (std::size_t from = 0; from < name.size();) {
        if (!is_digit(name[from])) {
            ++from;
            continue;
        }
        std::size_t to = from;
        while (to < name.size() && is_digit(name[to])) ++to;
        if (to - from <= digits_max) {
            Number number;
            std::from_chars(name.data() + from, name.data() + to, number.value);
            number.width = name[from] == '0' && to - from > 1 ? to - from : 0;
            all.push_back({{name.substr(0, from), name.substr(to)}, number});
        }
        from = to;
    }
    return all;
}

// web9 before web10; equal values by their text.
bool natural_less(std::string_view a, std::string_view b) {
    const auto number_at = [](std::string_view text, std::size_t from) {
        std::size_t to = from;
        while (to < text.size() && is_digit(text[to])) ++to;
        std::size_t first = from;
        while (first + 1 < to && text[first] == '0') ++first;
        return std::pair(text.substr(first, to - first), to);
    };
    std::size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        if (is_digit(a[i]) && is_digit(b[j])) {
            const auto [left, left_end] = number_at(a, i);
            const auto [right, right_end] = number_at(b, j);
            if (left.size() != right.size()) return left.size() < right.size();
            if (left != right) return left < right;
            i = left_end;
            j = right_end;
        } else if (a[i] != b[j]) {
            return a[i] < b[j];
        } else {
            ++i;
            ++j;
        }
    }
    return a.size() - i != b.size() - j ? a.size() - i < b.size() - j : a < b;
}

std::string written(const Number& number) { return fmt::format("{:0{}}", number.value, std::max<std::size_t>(number.width, 1)); }

// "[1-3,7]", or the number itself where it is the only one.
std::string brackets(std::vector<Number> numbers) {
    // 100 continues 098, 099: what fills the width needs no zeros.
    std::set<std::size_t> widths;
    for (const auto& number : numbers) widths.insert(number.width);
    for (auto& number : numbers) {
        const auto length = written(number).size();
        if (number.width == 0 && widths.contains(length)) number.width = length;
    }
    std::sort(numbers.begin(), numbers.end(),
              [](const Number& a, const Number& b) { return std::pair(a.width, a.value) < std::pair(b.width, b.value); });
    if (numbers.size() == 1) return written(numbers[0]);
    std::string text = "[";
    for (std::size_t i = 0; i < numbers.size();) {
        std::size_t end = i + 1;
        while (end < numbers.size() && numbers[end].width == numbers[i].width &&
               numbers[end].value == numbers[end - 1].value + 1)
            ++end;
        text += (i == 0 ? "" : ",") + written(numbers[i]) + (end - i > 1 ? "-" + written(numbers[end - 1]) : "");
        i = end;
    }
    return text + "]";
}

}  // namespace

bool is_node_name(std::string_view text) {
    return !text.empty() && text.size() <= proto::limits::name_size_max &&
           std::all_of(text.begin(), text.end(), is_name_character);
}

Result<Names> expand_nodes(std::string_view text, const NamedSet& named) { return Parser(text, named).set(); }

std::string fold_nodes(std::span<const std::string> given) {
    Names names(given.begin(), given.end());
    std::sort(names.begin(), names.end(), natural_less);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::map<Stem, std::size_t> like;  // how many names a number could be folded with
    for (const auto& name : names) {
        for (const auto& split : splits(name)) ++like[split.stem];
    }
    std::map<Stem, std::vector<Number>> folded;
    std::vector<std::pair<std::string, const Stem*>> parts;  // in the order of their first names
    for (const auto& name : names) {
        auto all = splits(name);
        const auto best = std::max_element(
            all.begin(), all.end(), [&](const Split& a, const Split& b) { return like[a.stem] < like[b.stem]; });
        if (best == all.end() || !is_node_name(name)) {
            parts.emplace_back(name, nullptr);
            continue;
        }
        const auto [at, fresh] = folded.try_emplace(best->stem);
        at->second.push_back(best->number);
        if (fresh) parts.emplace_back(name, &at->first);
    }
    std::string text;
    for (const auto& [name, stem] : parts) {
        if (!text.empty()) text += ',';
        text += stem == nullptr ? name : stem->before + brackets(folded[*stem]) + stem->after;
    }
    return text;
}

std::string pointed_at(std::string_view text, std::size_t place) {
    constexpr std::size_t before = 60, behind = 20;
    const auto from = place > before ? place - before : 0;
    const std::string dots = from > 0 ? "..." : "";
    return fmt::format("  {}{}{}\n  {}^", dots, text.substr(from, place - from + behind),
                       text.size() > place + behind ? "..." : "", std::string(dots.size() + place - from, ' '));
}

}  // namespace mco::client
