#include "client/user_folder.hpp"

#include <system_error>

namespace mco::client {

namespace fs = std::filesystem;

std::optional<fs::path> user_folder(const Environment& environment, std::string_view variable, std::string_view under_home) {
    const auto path_in = [&](std::string_view name) {
        const auto found = environment.find(name);
        return found == environment.end() ? fs::path() : fs::path(found->second);
    };
    if (const auto own = path_in(variable); own.is_absolute()) return own / "mco";
    std::error_code error;
    if (const auto home = path_in("HOME"); home.is_absolute() && fs::is_directory(home, error)) return home / under_home / "mco";
    return std::nullopt;
}

}  // namespace mco::client
