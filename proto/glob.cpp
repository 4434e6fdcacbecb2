#include "proto/glob.hpp"

#include <cstddef>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "proto/utf8.hpp"

namespace mco::proto {
namespace {

class Translator {
 public:
    explicit Translator(std::string_view glob) : glob_(glob), rest_(glob) {}

    Result<std::string> run() {
        std::size_t open_braces = 0;
        while (!rest_.empty()) {
            const std::string_view sign = take();
            if (sign == "*") {
                made_ += ".*";
            } else if (sign == "?") {
                made_ += '.';
            } else if (sign == "[") {
                if (auto done = character_class(); !done) return tl::unexpected(done.error());
            } else if (sign == "]") {
                return wrong("it has a ] without [");
            } else if (sign == "{") {
                ++open_braces;
                made_ += "(?:";
            } else if (sign == "," && open_braces > 0) {
                made_ += '|';
            } else if (sign == "}") {
                if (open_braces == 0) return wrong("it has a } without {");
                --open_braces;
                made_ += ')';
            } else {
                literal(sign);
            }
        }
        if (open_braces > 0) return wrong("it has a { without }");
        return fmt::format("\\A(?s:{})\\z", made_);
    }

 private:
    // One character; octets that are no UTF-8 come singly and are refused by RE2 later.
    std::string_view take() {
        std::size_t size = 1;
        while (size < rest_.size() && size < 4 && (static_cast<unsigned char>(rest_[size]) & 0xC0U) == 0x80U) ++size;
        const std::string_view sign = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return sign;
    }

    Result<void> character_class() {
        made_ += '[';
        if (!rest_.empty() && (rest_.front() == '!' || rest_.front() == '^')) {
            take();
            made_ += '^';
        }
        for (bool first = true;; first = false) {
            if (rest_.empty()) return wrong("it has a [ without ]");
            const std::string_view from = take();
            if (from == "]" && !first) break;
            literal(from);
            if (rest_.size() < 2 || rest_[0] != '-' || rest_[1] == ']') continue;
            take();
            const std::string_view to = take();
            if (to < from) return wrong(fmt::format("the range {}-{} runs backwards", from, to));  // UTF-8 sorts so
            made_ += '-';
            literal(to);
        }
        made_ += ']';
        return {};
    }

    void literal(std::string_view sign) {
        const char c = sign.front();
        const bool plain = sign.size() > 1 || (static_cast<unsigned char>(c) & 0x80U) != 0 || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (plain) {
            made_ += sign;
        } else {
            made_ += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }

    tl::unexpected<Error> wrong(std::string_view why) const {
        return fail(Errc::invalid, fmt::format("the pattern \"{}\" cannot be read: {}\nIn a pattern [ ] * ? {{ }} have "
                                               "their meaning from the shell.",
                                               repair_utf8(glob_.substr(0, limits::name_size_max)), repair_utf8(why)));
    }

    std::string_view glob_, rest_;
    std::string made_;
};

}  // namespace

bool is_glob(std::string_view text) { return text.find_first_of("[]*?{}") != std::string_view::npos; }

Result<std::string> glob_expression(std::string_view glob) { return Translator(glob).run(); }

}  // namespace mco::proto
