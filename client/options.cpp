#include "client/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/program_options/errors.hpp>
#include <boost/program_options/option.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <fmt/format.h>

#include "client/words.hpp"
#include "proto/config_file.hpp"

// The only file that knows Boost.Program_options. It parses forms; what values mean is decided by the commands.
namespace mco::client {
namespace {

namespace po = boost::program_options;
using proto::Errc;
using proto::fail;

constexpr std::string_view words_key = "\1words";  // nobody types that

std::vector<std::string_view> split_names(std::string_view names) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto comma = names.find(',');
        parts.push_back(names.substr(0, comma));
        if (comma == std::string_view::npos) return parts;
        names.remove_prefix(comma + 1);
    }
}

std::string dashed(std::string_view name) { return (name.size() == 1 ? "-" : "--") + std::string(name); }

// As typed: "--batch=3", "-Sfoo".
std::string without_value(std::string typed) {
    typed.resize(typed.starts_with("--") ? std::min(typed.find('='), typed.size())
                                         : std::min<std::size_t>(2, typed.size()));
    return typed;
}

po::options_description describe(const std::vector<Option>& options) {
    po::options_description description;
    for (const auto& option : options) {
        const std::string names(option.names);
        if (option.value.empty()) {
            description.add_options()(names.c_str(), "");
        } else {
            description.add_options()(names.c_str(), po::value<std::string>(), "");
        }
    }
    description.add_options()(words_key.data(), po::value<std::vector<std::string>>(), "");
    return description;
}

}  // namespace

std::optional<std::string> Options::value(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end() || found->second.empty()) return std::nullopt;
    return found->second.back();
}

std::span<const std::string> Options::values(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::span<const std::string>() : std::span<const std::string>(found->second);
}

proto::Result<std::optional<std::int64_t>> Options::number(std::string_view name, std::int64_t least,
                                                           std::int64_t most) const {
    const auto text = value(name);
    if (!text) return std::nullopt;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc() || end != text->data() + text->size() || number < least || number > most)
        return fail(Errc::invalid,
                    fmt::format("{} takes a whole number from {} to {}, not '{}'", dashed(name), least, most, *text));
    return number;
}

bool OptionSet::has_section(Section section) const {
    return std::any_of(options_.begin(), options_.end(),
                       [&](const Option& option) { return option.section == section; });
}

bool OptionSet::has(std::string_view name) const {
    return std::any_of(options_.begin(), options_.end(),
                       [&](const Option& option) { return split_names(option.names).front() == name; });
}

const Option* OptionSet::find(std::string_view spelling) const {
    for (const auto& option : options_) {
        const auto forms = spellings_of(option);
        if (std::find(forms.begin(), forms.end(), spelling) != forms.end()) return &option;
    }
    return nullptr;
}

std::vector<std::string> OptionSet::spellings() const {
    std::vector<std::string> all;
    for (const auto& option : options_) {
        for (const auto name : split_names(option.names)) all.push_back(dashed(name));
    }
    return all;
}

// "--config/etc/x" becomes "--config=/etc/x" if exactly one option with a value begins like that.
std::vector<std::string> OptionSet::unglue(std::span<const std::string> arguments) const {
    std::vector<std::string> result(arguments.begin(), arguments.end());
    for (auto& argument : result) {
        if (argument == "--") break;
        const auto slash = argument.find('/');
        if (!argument.starts_with("--") || slash == std::string::npos || argument.find('=') < slash) continue;
        const std::string typed = argument.substr(2, slash - 2);
        std::size_t fitting = 0;
        for (const auto& option : options_) {
            const auto names = split_names(option.names);
            if (!option.value.empty() && !typed.empty() &&
                std::any_of(names.begin(), names.end(), [&](std::string_view name) { return name.starts_with(typed); }))
                ++fitting;
        }
        if (fitting == 1) argument.insert(slash, "=");
    }
    return result;
}

proto::Result<Options> OptionSet::parse(std::span<const std::string> arguments) const {
    const auto description = describe(options_);
    po::positional_options_description positional;
    positional.add(words_key.data(), -1);
    Options options;
    try {
        const auto parsed = po::command_line_parser(unglue(arguments))
                                .options(description)
                                .positional(positional)
                                .style(po::command_line_style::unix_style)
                                .run();
        for (const auto& option : parsed.options) {
            if (option.position_key >= 0 || option.string_key == words_key) {
                options.words_.insert(options.words_.end(), option.value.begin(), option.value.end());
            } else {
                auto& values = options.values_[option.string_key];
                values.insert(values.end(), option.value.begin(), option.value.end());
            }
        }
        return options;
    } catch (const po::ambiguous_option& error) {
        auto alternatives = error.alternatives();
        std::sort(alternatives.begin(), alternatives.end());
        alternatives.erase(std::unique(alternatives.begin(), alternatives.end()), alternatives.end());
        return fail(Errc::invalid, fmt::format("option {} is ambiguous; it may be {}", error.get_option_name(),
                                               enumerate(alternatives)));
    } catch (const po::unknown_option& error) {
        const std::string name = without_value(error.get_option_name());
        if (name == "--reply-to")  // MCollective's: it deserves a better answer than "unknown"
            return fail(Errc::invalid,
                        "option --reply-to does not exist: replies are sealed for who asked; take them with -j and pass them on");
        const auto known = spellings();
        const auto near = proto::nearest(name, std::vector<std::string_view>(known.begin(), known.end()));
        return fail(Errc::invalid, fmt::format("unknown option {}{}", name,
                                               near.empty() ? "" : fmt::format("; did you mean {}?", near)));
    } catch (const po::error_with_option_name& error) {
        return fail(Errc::invalid, error.what());  // names the option: a value is missing, or a flag has one
    } catch (const po::error& error) { return fail(Errc::invalid, error.what()); }
}

proto::Result<OptionSet::Split> OptionSet::split(std::span<const std::string> arguments) const {
    const auto end = std::find(arguments.begin(), arguments.end(), "--");
    const auto description = describe(options_);
    Split split;
    try {
        const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing &
                           ~po::command_line_style::allow_sticky;
        const auto parsed = po::command_line_parser(std::vector<std::string>(arguments.begin(), end))
                                .options(description)
                                .style(style)
                                .allow_unregistered()
                                .run();
        for (const auto& option : parsed.options) {
            if (option.unregistered || option.position_key >= 0) {
                split.rest.insert(split.rest.end(), option.original_tokens.begin(), option.original_tokens.end());
            } else {
                split.known.push_back("--" + option.string_key + (option.value.empty() ? "" : "=" + option.value.front()));
            }
        }
    } catch (const po::error& error) { return fail(Errc::invalid, error.what()); }
    split.rest.insert(split.rest.end(), end, arguments.end());
    return split;
}

std::vector<std::string> spellings_of(const Option& option) {
    std::vector<std::string> forms;
    for (const auto name : split_names(option.names)) forms.push_back(dashed(name));
    std::stable_sort(forms.begin(), forms.end(),
                     [](const auto& a, const auto& b) { return a.size() == 2 && b.size() != 2; });
    return forms;
}

std::span<const SectionTitle> section_titles() {
    static constexpr std::array titles{
        SectionTitle{Section::application, "Application Options"}, SectionTitle{Section::rpc, "RPC Options"},
        SectionTitle{Section::required, ""}, SectionTitle{Section::common, "Common Options"},
        SectionTitle{Section::filter, "Host Filters"}};
    return titles;
}

std::string OptionSet::help(Section section) const {
    std::string text;
    for (const auto& option : options_) {
        if (option.section != section) continue;
        const auto forms = spellings_of(option);
        std::string row = forms[0].size() == 2 ? "    " : "        ";
        for (std::size_t i = 0; i < forms.size(); ++i) row += (i == 0 ? "" : ", ") + forms[i];
        if (!option.value.empty()) row += " " + std::string(option.value);
        if (row.size() >= 40) {
            text += row + "\n" + std::string(40, ' ');
        } else {
            text += row + std::string(40 - row.size(), ' ');
        }
        text += std::string(option.help) + "\n";
    }
    return text;
}

namespace {

constexpr std::array required{
    Option{"config,c", "FILE", Section::required, "Configuration file, instead of the first one found"},
    Option{"verbose,v", "", Section::required, "Show more"},
    Option{"help,h", "", Section::required, "This page"},
};
constexpr std::array common{
    Option{"quiet,q", "", Section::common, "Take back --verbose"},
    Option{"target,T", "COLLECTIVE", Section::common, "Ask the nodes of this collective, not of the main one"},
    Option{"discovery-timeout,dt", "SECONDS", Section::common,
           "Added to the longest wait; no node is waited for by the clock"},
    Option{"timeout,t", "SECONDS", Section::common, "The longest wait for replies"},
    Option{"ttl", "SECONDS", Section::common, "How long the request may be started by a node"},
    Option{"disc-method,dm", "METHOD", Section::common,
           "Look for nodes with: mesh, none, flatfile, stdin, inventory, external or puppetdb"},
    Option{"disc-option,do", "OPTION", Section::common, "What the method reads: a file, a program; may be repeated"},
    Option{"nodes", "FILE", Section::common, "Exactly the nodes of this file; the same as --dm flatfile --do FILE"},
    Option{"color", "WHEN", Section::common, "always, never, or auto: on a terminal, unless NO_COLOR is set"},
};
constexpr std::array sorting{
    Option{"sort", "", Section::common, "Order the results by node, once all are there"},
};
constexpr std::array json{
    Option{"json,j", "", Section::rpc, "Results as one JSON array on standard output"},
};
constexpr std::array json_lines{
    Option{"jsonl", "", Section::rpc, "A line of JSON for each result as it comes; the last line is the account"},
};
constexpr std::array progress{
    Option{"no-progress,np", "", Section::rpc, "No progress bar"},
};
constexpr std::array subsets{
    Option{"one,1", "", Section::rpc, "One of the nodes"},
    Option{"limit-nodes,ln,limit", "COUNT", Section::rpc, "So many of the nodes, or a part: 10, 25%"},
    Option{"limit-method,lm", "METHOD", Section::rpc, "Which ones: the first that answer, or random"},
    Option{"limit-seed", "NUMBER", Section::rpc, "A random choice that is the same every time"},
    Option{"batch", "SIZE", Section::rpc, "So many nodes at a time, or a part: 10, 25%; 0 for all"},
    Option{"batch-sleep,batch-sleep-time", "SECONDS", Section::rpc, "The pause between two batches; 1 without it"},
    Option{"preview", "", Section::rpc, "Only show which nodes would be asked; with -j for --frozen"},
    Option{"frozen", "FILE", Section::rpc, "Exactly the nodes that --preview -j wrote to this file"},
    Option{"can-i", "", Section::rpc, "Only ask the nodes whether they would let you; nothing is done"},
};
constexpr std::array filters{
    Option{"with,W", "FILTER", Section::filter, "Classes and facts together: \"/http/ country=uk\""},
    Option{"with-fact,wf,F", "FACT", Section::filter, "Nodes with a fact: country=uk, uptime_days>9, os.family=~^Deb"},
    Option{"with-class,wc,C", "CLASS", Section::filter, "Nodes with a class: name or /expression/"},
    Option{"with-agent,wa,A", "AGENT", Section::filter, "Nodes with an agent: name or /expression/"},
    Option{"with-identity,wi,I", "NAME", Section::filter,
           "Nodes of this name: name, /expression/, web*, web[001-040],db1, @last.failed; any of several"},
    Option{"select,S", "FILTER", Section::filter,
           "A compound filter: \"(country=uk or /http/) and not fstat('/etc/hosts').size=0\""},
};

}  // namespace

std::span<const Option> required_options() { return required; }
std::span<const Option> common_options() { return common; }
std::span<const Option> sort_option() { return sorting; }
std::span<const Option> json_option() { return json; }
std::span<const Option> json_lines_option() { return json_lines; }
std::span<const Option> progress_option() { return progress; }
std::span<const Option> subset_options() { return subsets; }
std::span<const Option> filter_options() { return filters; }

}  // namespace mco::client
