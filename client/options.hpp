#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

namespace mco::client {

// Where the help screen shows an option, in this order.
enum class Section : std::uint8_t { application, rpc, required, common, filter };

struct Option {
    std::string_view
        names;  // "timeout,t" or "discovery-timeout,dt": first the name it is asked for by, a single letter last
    std::string_view value;  // what its value is called in the help ("SECONDS"); empty: a flag
    Section section = Section::application;
    std::string_view help;
};

// "-t", "--timeout": the short one first.
std::vector<std::string> spellings_of(const Option& option);

// The sections in the order of the help screen, with their titles.
struct SectionTitle {
    Section section;
    std::string_view text;
};
std::span<const SectionTitle> section_titles();

// What the operator typed, after parsing.
class Options {
 public:
    bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
    std::optional<std::string> value(std::string_view name) const;     // the last one given
    std::span<const std::string> values(std::string_view name) const;  // all, in order
    const std::vector<std::string>& words() const { return words_; }   // what is no option

    // Whole numbers of seconds, or a count; `invalid` names the option, what was typed and the range.
    proto::Result<std::optional<std::int64_t>> number(std::string_view name, std::int64_t least,
                                                      std::int64_t most) const;

 private:
    friend class OptionSet;
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
    std::vector<std::string> words_;
};

// The options of one command: every one that is declared does something.
class OptionSet {
 public:
    void add(std::span<const Option> options) { options_.insert(options_.end(), options.begin(), options.end()); }
    const std::vector<Option>& all() const { return options_; }
    bool has_section(Section section) const;
    bool has(std::string_view name) const;  // the name it is asked for by
    const Option* find(std::string_view spelling) const;  // "--timeout", "-t"; nullptr: there is none

    // --o v, --o=v, -o v, -ov, clustered flags, unique prefixes of long names, options among words, "--" ends them. A long option
    // that takes a value also takes a path glued to it ("--config/etc/x"). The error is `invalid`: it names the option and
    // the nearest known one, or says that we know it from MCollective and do not support it yet.
    proto::Result<Options> parse(std::span<const std::string> arguments) const;

    // The options of this set among those of somebody else, who gets the rest as it was typed. Only whole names count here.
    struct Split {
        std::vector<std::string> known;  // "--NAME=VALUE" or "--NAME"
        std::vector<std::string> rest;
    };
    proto::Result<Split> split(std::span<const std::string> arguments) const;

    // "    -t, --timeout SECONDS           How long ..." for each option of the section.
    std::string help(Section section) const;

 private:
    std::vector<std::string> unglue(std::span<const std::string> arguments) const;
    std::vector<std::string> spellings() const;
    std::vector<Option> options_;
};

// Groups that commands share, declared once.
std::span<const Option> required_options();  // -c -v -h
std::span<const Option> common_options();    // -q -T -t --dt --ttl --color --dm --do --nodes
std::span<const Option> subset_options();    // -1 --limit --batch --preview ...: for commands that have nodes act
std::span<const Option> sort_option();       // --sort: for commands that list nodes
std::span<const Option> json_option();       // -j
std::span<const Option> json_lines_option(); // --jsonl: for commands that print replies as they come
std::span<const Option> progress_option();   // --np
std::span<const Option> filter_options();    // -W -F -C -A -I -S; read by target.hpp

}  // namespace mco::client
