// Where passphrases come from: a file of the operator's, or the terminal.

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>

#include <fmt/format.h>

#include "security/armour.hpp"
#include "security/ca/options.hpp"
#include "security/small_file.hpp"

namespace mco::security::ca {
namespace {

constexpr std::size_t passphrase_max = 1'024;

// Shows nothing of what is typed; the terminal is as before when it goes.
class Silence {
 public:
    Silence() {
        shown_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (!shown_) return;
        auto silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    ~Silence() {
        if (shown_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;

 private:
    termios before_{};
    bool shown_ = false;
};

}  // namespace

AskPassphrase passphrase_from(const Options& options) {
    return [file = options.passphrase_file](const std::filesystem::path& key) -> proto::Result<std::string> {
        std::string passphrase;
        if (!file.empty()) {
            auto octets = read_small_file(file, passphrase_max, Access::secret);
            if (!octets) return tl::unexpected(std::move(octets.error()));
            passphrase = std::string(proto::as_text(*octets));
            wipe(*octets);
            while (passphrase.ends_with('\n')) passphrase.pop_back();
        } else if (::isatty(STDIN_FILENO) == 1) {
            fmt::print(stderr, "passphrase of {}: ", key.string());
            std::fflush(stderr);
            {
                const Silence silence;
                std::getline(std::cin, passphrase);
            }
            fmt::print(stderr, "\n");
        } else {
            return proto::fail(proto::Errc::denied, fmt::format("{} is protected by a passphrase\nrun mco-ca on a terminal, or name a --passphrase-file", key.string()));
        }
        if (passphrase.empty()) return proto::fail(proto::Errc::invalid, "the passphrase is empty");
        return passphrase;
    };
}

}  // namespace mco::security::ca
