#pragma once

#include <string_view>

namespace mco::client {

// What a shell reads to complete command lines of mco: it asks `mco completion --complete LINE`. "" for a shell we do not know.
std::string_view completion_script(std::string_view shell);  // bash, zsh, fish

}  // namespace mco::client
