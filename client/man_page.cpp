#include "client/man_page.hpp"

#include <array>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

namespace mco::client {
namespace {

// Text as roff shows it: a minus that can be copied, no requests hidden in a first column.
std::string roff(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '\\') {
            result += "\\e";
        } else if (c == '-') {
            result += "\\-";
        } else if (c == '\'') {
            result += "\\(aq";
        } else if (c == '"') {
            result += "\\(dq";
        } else if (c == '^') {
            result += "\\(ha";
        } else if (c == '~') {
            result += "\\(ti";
        } else if (c == '`') {
            result += "\\(ga";
        } else {
            result += c;
        }
    }
    return result.starts_with('.') ? "\\&" + result : result;
}

std::string lines_of(std::string_view block, std::string_view before, std::string_view prefix) {
    std::string text;
    while (true) {
        const auto end = block.find('\n');
        text += std::string(before) + roff(fmt::format("{}{}", prefix, block.substr(0, end))) + "\n";
        if (end == std::string_view::npos) return text;
        block.remove_prefix(end + 1);
    }
}

std::string head(std::string_view name, std::string_view summary) {
    std::string upper(name);
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return fmt::format(".TH \"{}\" 1 \"\" \"mco {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n", roff(upper),
                       MCO_VERSION, roff(name), roff(summary));
}

std::string option_rows(const OptionSet& set, Section section) {
    std::string text;
    for (const auto& option : set.all()) {
        if (option.section != section) continue;
        std::string forms;
        for (const auto& form : spellings_of(option))
            forms += fmt::format("{}\\fB{}\\fR", forms.empty() ? "" : ", ", roff(form));
        if (!option.value.empty()) forms += fmt::format(" \\fI{}\\fR", roff(option.value));
        text += ".TP\n" + forms + "\n" + roff(option.help) + "\n";
    }
    return text;
}

struct Status {
    int number;
    std::string_view means;
};
constexpr std::array statuses{
    Status{0, "All expected nodes replied, and all replies are good."},
    Status{1, "Nothing was asked: usage, configuration, DDL, nobody reachable. Or no node was meant."},
    Status{2, "Some reply failed."},
    Status{3, "Somebody may have been meant, and nobody replied."},
    Status{4, "The same where names were given, and for ping."},
    Status{5, "All replies are good, but some node is missing. 0 with compat_exit = 1."},
};

std::string exit_status() {
    std::string text = ".SH EXIT STATUS\n";
    for (const auto& status : statuses) text += fmt::format(".TP\n.B {}\n{}\n", status.number, roff(status.means));
    return text;
}

}  // namespace

std::string man_page(const Command& command) {
    OptionSet set;
    command.declare(set);
    std::string text = head(fmt::format("mco-{}", command.name), command.summary) + ".SH SYNOPSIS\n.nf\n" +
                       lines_of(command.usage, "", fmt::format("mco {} ", command.name)) + ".fi\n";
    bool titled = false;
    for (const auto& title : section_titles()) {
        const auto rows = option_rows(set, title.section);
        if (rows.empty()) continue;
        if (!titled) text += ".SH OPTIONS\n";
        titled = true;
        if (!title.text.empty()) text += fmt::format(".SS {}\n", roff(title.text));
        text += rows;
    }
    return text + ".SH EXAMPLES\n.nf\n" + lines_of(command.examples, "", "") + ".fi\n" + exit_status() +
           ".SH SEE ALSO\n.BR mco (1)\n";
}

std::string man_overview() {
    std::string text = head("mco", "run actions on many machines at once, without a broker") +
                       ".SH SYNOPSIS\n.B mco\n.I COMMAND\n[options] [filters] [words]\n.SH COMMANDS\n";
    for (const auto* command : commands())
        text += fmt::format(".TP\n.BR mco\\-{} (1)\n{}\n", roff(command->name), roff(command->summary));
    text += ".SH ENVIRONMENT\n";
    for (const auto& variable : environment_variables())
        text += fmt::format(".TP\n.B {}\n{}\n", roff(variable.name), roff(variable.meaning));
    text += ".SH FILES\nThe first of these that can be read is the configuration:\n";
    for (const auto& place : config_places({{"HOME", "~"}})) text += ".br\n.I " + roff(place.string()) + "\n";
    return text + exit_status() + ".SH SEE ALSO\n.BR mco\\-help (1)\n";
}

proto::Result<void> write_man_pages(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    const auto write = [&](const std::string& name, const std::string& text) -> proto::Result<void> {
        const auto path = folder / (name + ".1");
        std::ofstream file(path, std::ios::binary | std::ios::trunc);
        file << text << std::flush;
        if (!file) return proto::fail(proto::Errc::invalid, fmt::format("{}: cannot be written", path.string()));
        return {};
    };
    auto written = write("mco", man_overview());
    for (const auto* command : commands()) {
        if (written) written = write(fmt::format("mco-{}", command->name), man_page(*command));
    }
    return written;
}

}  // namespace mco::client
