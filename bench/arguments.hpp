#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

namespace mco::bench {

// Words, then `--name value` and `--flag`, of one command. A command takes what it knows; what is left over at the end is an error, so
// that a misspelt parameter never measures something else.
class Arguments {
 public:
    static proto::Result<Arguments> parse(const std::vector<std::string>& words);

    std::uint64_t number(std::string_view name, std::uint64_t otherwise, std::uint64_t least, std::uint64_t most);
    // Which of the words it is; the first if it is not given.
    std::size_t choice(std::string_view name, const std::vector<std::string_view>& words);
    bool flag(std::string_view name);
    std::string text(std::string_view name, std::string_view otherwise);
    // The one word before all options: `emulate 1000`.
    std::uint64_t first_number(std::string_view what, std::uint64_t least, std::uint64_t most);
    std::vector<std::string> words();  // all before the options
    proto::Result<void> done() const;  // the first complaint

 private:
    std::map<std::string, std::string, std::less<>> given_;
    std::vector<std::string> words_;
    std::string complaint_;
};

}  // namespace mco::bench
