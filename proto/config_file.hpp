#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

// MCollective's configuration syntax, without any knowledge of keys: those are tables of the programs. Pure functions but
// for read_config; any thread.
namespace mco::proto {

// One `key = value` and where it stands.
struct Setting {
    std::string key, value;             // blanks around both are gone; an empty value is for the key's owner to judge
    std::filesystem::path file;
    std::size_t line = 0;               // from 1
    friend bool operator==(const Setting&, const Setting&) = default;
};

// The main file, then plugin.d/*.cfg beside it in the order of their names, so that those win. Nothing is merged: duplicates
// come in the order read. Errors name file, line and next step.
//
// One setting a line, the first "=" divides it. No quotes, no continuation, no comments after a value. A comment begins with
// "#" in the first column; blank lines count as nothing. MCollective ignores lines without "="; here only those whose first
// sign is "#", any other is `malformed`: an option that was meant and does nothing is worse than a refusal.
//
// `bar = 1` in plugin.d/foo.cfg means plugin.foo.bar. Only files named [A-Za-z0-9_]+.cfg are read. Keys of two segments
// (plugin.psk, plugin.yaml) cannot be written there, because every key gets the file's name in front.
Result<std::vector<Setting>> read_config(const std::filesystem::path& file);

// The same for text that is at hand; `prefix` ("plugin.foo.", or empty) goes in front of every key.
Result<std::vector<Setting>> parse_config(std::string_view text, const std::filesystem::path& file,
                                          std::string_view prefix = {});

// The AGENT of plugin.AGENT.KEY; "" if the key has another form.
std::string_view plugin_of(std::string_view key);

// "FILE:LINE: TEXT"
std::string config_error(const Setting& setting, std::string_view text);

// Values. Errors are `invalid` and say only what is wrong with the value ("must be yes or no, not \"maybe\""), so they fit
// behind the name of a key as well as of an option.
Result<bool> parse_boolean(std::string_view value);           // 1 0 yes no true false y n t f, any case
struct Range {
    std::int64_t least, most;
};
Result<std::int64_t> parse_integer(std::string_view value, Range range);
std::vector<std::string> parse_list(std::string_view value);  // between commas, blanks around removed, empty items left out

// The candidate that `word` was probably meant to be: fewest single-letter edits, at most a third of the word (at least one);
// the first of equally near ones. Empty: none is near. Candidates longer than 256 octets are never near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace mco::proto
