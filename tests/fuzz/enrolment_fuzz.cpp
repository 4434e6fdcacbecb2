// Both sides of an enrolment: what a stranger asks the authority's desk, and what a stranger answers a new machine.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "security/ca/enrolment.hpp"
#include "security/entropy.hpp"

using namespace mco;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

struct Folder {
    Folder() {
        security::entropy::start();
        std::string pattern = (std::filesystem::temp_directory_path() / "mco-enrolment-XXXXXX").string();
        require(::mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

struct Desk {
    Folder dir;
    proto::WallTime now{std::chrono::hours(24 * 365 * 56)};
    security::ca::Authority authority = *security::ca::Authority::make(dir.path / "ca", "fleet", {now, now + std::chrono::hours(24)});
    security::ca::TokenSecret token = *security::ca::give_ticket(authority, "web1", proto::CertificateRole::node, now + std::chrono::hours(1));
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Desk desk;
    const proto::BytesView octets{data, size};
    security::ca::EnrolmentDesk fresh(desk.authority, "");
    const auto answer = fresh.answer(octets, "192.0.2.1", {proto::Instant{}, desk.now});
    require(!answer.frame.empty() && !answer.line.empty());
    require(!security::ca::read_enrolled(desk.token, answer.frame));
    require(!security::ca::read_enrolled(desk.token, octets));
    (void)security::ca::read_renewed(octets);
    (void)security::ca::parse_token(proto::as_text(octets));
    return 0;
}
