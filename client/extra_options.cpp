#include "client/extra_options.hpp"

#include <utility>

#include "client/command.hpp"
#include "client/words.hpp"

namespace mco::client {
namespace {

// "--batch=3" and "-Iweb1" without their values.
std::string_view name_of(std::string_view word) { return word.substr(0, word.starts_with("--") ? word.find('=') : 2); }

OptionSet options_of_all() {
    OptionSet all;
    for (const auto* command : commands()) command->declare(all);
    return all;
}

}  // namespace

proto::Result<std::vector<std::string>> extra_options(const Environment& environment, const OptionSet& options) {
    const auto extra = environment.find("MCOLLECTIVE_EXTRA_OPTS");
    if (extra == environment.end() || extra->second.empty()) return std::vector<std::string>();
    auto words = split_shell_words(extra->second);
    if (!words) return proto::fail(proto::Errc::invalid, "MCOLLECTIVE_EXTRA_OPTS: " + words.error().detail);
    const auto all = options_of_all();
    std::vector<std::string> kept;
    for (std::size_t i = 0; i < words->size(); ++i) {
        auto& word = (*words)[i];
        const auto name = name_of(word);
        const auto* elsewhere = options.find(name) == nullptr ? all.find(name) : nullptr;
        if (elsewhere == nullptr)
            kept.push_back(std::move(word));
        else if (!elsewhere->value.empty() && name.size() == word.size())
            ++i;  // its value
    }
    return kept;
}

}  // namespace mco::client
