// init, request, sign, issue: commands that make things.

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "security/ca/authority.hpp"
#include "security/ca/options.hpp"
#include "security/ca/validity.hpp"
#include "security/key_file.hpp"
#include "security/rfc3339.hpp"
#include "security/small_file.hpp"

namespace mco::security::ca {
namespace {

namespace fs = std::filesystem;
using proto::CertificateRole;
using proto::Errc;

bool plain(std::string_view word, std::string_view also) {
    return !word.empty() && word.size() <= proto::limits::name_size_max &&
           std::all_of(word.begin(), word.end(), [&](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                      c == '-' || c == '.' || also.find(c) != std::string_view::npos;
           });
}

proto::Result<void> check_scope(const Options& options, CertificateRole role) {
    for (const auto& collective : options.collectives) {
        if (!plain(collective, ""))
            return proto::fail(Errc::invalid,
                               fmt::format("--collectives \"{}\" is no name of a collective\nwrite names with "
                                           "commas between: mcollective,uk",
                                           collective));
    }
    if (role != CertificateRole::caller && (!options.actions.empty() || options.targets_max != 0))
        return proto::fail(Errc::invalid,
                           fmt::format("--actions and --targets-max limit a caller; this is a {}", proto::name(role)));
    for (const std::string_view pattern : options.actions) {
        const auto slash = pattern.find('/');
        if (slash == std::string_view::npos || !plain(pattern.substr(0, slash), "*") ||
            !plain(pattern.substr(slash + 1), "*"))
            return proto::fail(Errc::invalid,
                               fmt::format("--actions \"{}\" is not AGENT/ACTION\nwrite patterns with commas "
                                           "between: rpcutil/*,service/status",
                                           pattern));
    }
    return {};
}

proto::Result<Authority::Application> application_of(const Options& options, SigningRequest who, proto::WallTime now) {
    if (auto checked = check_scope(options, who.role); !checked) return tl::unexpected(std::move(checked.error()));
    auto period = period_of(options, who.role, now);
    if (!period) return tl::unexpected(std::move(period.error()));
    return Authority::Application{
        .who = std::move(who),
        .period = *period,
        .collectives = options.collectives,
        .actions = options.actions,
        .targets_max = options.targets_max,
        .names = options.replace ? Authority::Application::Names::replace : Authority::Application::Names::once};
}

std::string notes_of(const Authority::Issued& issued) {
    if (!issued.replaced) return {};
    return fmt::format(
        "note: the certificate {} that had the name \"{}\" is revoked; bring the list `revocations` to a node: mco-ca revoke --help\n",
        issued.replaced->serial.hex(), issued.body.name);
}

// Takes a file away again unless all went well: half of a pair would stop the next try.
class Undo {
 public:
    explicit Undo(fs::path file) : file_(std::move(file)) {}
    ~Undo() {
        std::error_code ignored;
        if (!file_.empty()) fs::remove(file_, ignored);
    }
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;
    void keep() { file_.clear(); }

 private:
    fs::path file_;
};

proto::Result<void> check_absent(const fs::path& file) {
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(file, ignored))) return {};
    return proto::fail(Errc::invalid,
                       fmt::format("{} is there already and is not overwritten\nmove it away, or name another "
                                   "folder",
                                   file.string()));
}

}  // namespace

proto::Result<Output> run_init(const Options& options, proto::WallTime now) {
    const auto period = period_of(options, CertificateRole::root, now);
    if (!period) return tl::unexpected(period.error());
    std::string passphrase;
    if (options.passphrase || !options.passphrase_file.empty()) {
        auto given = passphrase_from(options)(options.file);
        if (!given) return tl::unexpected(std::move(given.error()));
        passphrase = std::move(*given);
    }
    if (options.role == "issuer") {
        if (auto made = Authority::make_issuer(options.file, options.name, passphrase); !made) return tl::unexpected(std::move(made.error()));
        return Output{fmt::format("made the key of the issuer \"{0}\"\n  {1}/issuer.request  goes to the root: mco-ca sign --ca ROOT issuer.request --out "
                                  "issuer.cert\n  {1}/issuer.cert     and the root's root.cert are to lie here then; from then on --ca {1} signs\n",
                                  options.name, options.file),
                      {}};
    }
    if (!options.role.empty() && options.role != "root")
        return proto::fail(Errc::invalid, fmt::format("--role \"{}\": an authority is a root or an issuer", options.role));
    const auto authority = Authority::make(options.file, options.name, *period, passphrase);
    if (!authority) return tl::unexpected(authority.error());
    return Output{.result =
                      fmt::format("made the authority \"{}\", valid until {}\n"
                                  "  {}  goes to every machine, as its `trust` file\n"
                                  "  {}   is the secret: keep this folder offline\n",
                                  authority->root().name, to_rfc3339(authority->root().not_after),
                                  authority->root_file().string(), (fs::path(options.file) / "root.key").string())};
}

proto::Result<Output> run_request(const Options& options, proto::WallTime /*now*/) {
    const auto role = parse_role(options.role);
    if (!role) return tl::unexpected(role.error());
    if (auto checked = check_name(options.name); !checked) return tl::unexpected(std::move(checked.error()));
    if (auto made = make_private_folder(options.out); !made) return tl::unexpected(std::move(made.error()));
    const auto key_file = fs::path(options.out) / fmt::format("{}.key", options.name);
    const auto request_file = fs::path(options.out) / fmt::format("{}.request", options.name);
    if (auto checked = check_absent(request_file); !checked) return tl::unexpected(std::move(checked.error()));
    const bool there = !options.secret_keys.empty();
    auto keys = there ? read_keys(options.secret_keys) : proto::Result<KeySet>(make_key_set());
    if (!keys) return tl::unexpected(std::move(keys.error()));
    if (!there) {
        if (auto written = write_keys(key_file, *keys); !written) return tl::unexpected(std::move(written.error()));
    }
    Undo undo(there ? fs::path() : key_file);
    const auto text = fmt::format("# {} ({}) asks for a certificate\n{}", options.name, proto::name(*role),
                                  armour_signing_request(make_signing_request(*keys, *role, options.name)));
    if (auto written = write_public(request_file, text); !written) return tl::unexpected(std::move(written.error()));
    undo.keep();
    return Output{.result =
                      fmt::format("made {} for \"{}\"\n"
                                  "  {}  is secret and stays here\n"
                                  "  {}  goes to the authority: mco-ca sign --ca DIR {}.request --out {}.cert\n",
                                  there ? "a signing request" : "keys and a signing request", options.name,
                                  there ? options.secret_keys : key_file.string(), request_file.string(), options.name, options.name)};
}

proto::Result<Output> run_sign(const Options& options, proto::WallTime now) {
    const bool many = options.files.size() > 1;
    if (many && options.out.empty())
        return proto::fail(Errc::invalid, "--out is missing\nname a folder for the certificates of several requests");
    // Everything that can be wrong with any of them is found before the first one is signed.
    struct Order {
        std::string from, to;
        Authority::Application application;
    };
    std::vector<Order> orders;
    for (const auto& file : options.files) {
        const auto octets = read_signing_request(file);
        if (!octets) return tl::unexpected(octets.error());
        auto who = open_signing_request(*octets);
        if (!who) return proto::fail(who.error().code, fmt::format("{}: {}", file, who.error().detail));
        const auto to = many ? (fs::path(options.out) / fmt::format("{}.cert", who->name)).string() : options.out;
        const auto twice = std::find_if(orders.begin(), orders.end(), [&](const Order& one) { return many && one.to == to; });
        if (twice != orders.end())
            return proto::fail(Errc::invalid, fmt::format("{} and {} ask for the same name, \"{}\"", twice->from, file, who->name));
        if (auto checked = to.empty() ? proto::Result<void>() : check_absent(to); !checked) return tl::unexpected(std::move(checked.error()));
        auto application = application_of(options, std::move(*who), now);
        if (!application) return tl::unexpected(std::move(application.error()));
        orders.push_back({file, to, std::move(*application)});
    }
    auto authority = Authority::open(options.authority, passphrase_from(options));
    if (!authority) return tl::unexpected(std::move(authority.error()));
    std::error_code failed;
    if (many && !fs::create_directories(options.out, failed) && failed)
        return proto::fail(Errc::denied, fmt::format("{} cannot be made: {}", options.out, failed.message()));
    Output output;
    for (const auto& order : orders) {
        const auto issued = authority->issue(order.application, now);
        if (!issued) return proto::fail(issued.error().code, fmt::format("{}: {}", order.from, issued.error().detail));
        output.notes += notes_of(*issued);
        auto text = authority->issued_text(*issued);
        if (order.to.empty()) {
            output.result = std::move(text);
            return output;
        }
        if (auto written = write_public(order.to, text); !written) return tl::unexpected(std::move(written.error()));
        output.result += fmt::format("signed \"{}\" ({}) until {}: {}\n", issued->body.name, proto::name(issued->body.role),
                                     to_rfc3339(issued->body.not_after), order.to);
    }
    return output;
}

proto::Result<Output> run_issue(const Options& options, proto::WallTime now) {
    const auto role = parse_role(options.role);
    if (!role) return tl::unexpected(role.error());
    auto authority = Authority::open(options.authority, passphrase_from(options));
    if (!authority) return tl::unexpected(std::move(authority.error()));
    if (auto checked = check_name(options.name); !checked) return tl::unexpected(std::move(checked.error()));
    if (auto made = make_private_folder(options.out); !made) return tl::unexpected(std::move(made.error()));
    const auto key_file = fs::path(options.out) / fmt::format("{}.key", options.name);
    const auto certificate_file = fs::path(options.out) / fmt::format("{}.cert", options.name);
    if (auto checked = check_absent(certificate_file); !checked) return tl::unexpected(std::move(checked.error()));
    const auto keys = make_key_set();
    const auto application = application_of(
        options, {*role, options.name, keys.sign.public_key, keys.curve.public_key, keys.seal.public_key}, now);
    if (!application) return tl::unexpected(application.error());
    if (auto written = write_keys(key_file, keys); !written) return tl::unexpected(std::move(written.error()));
    Undo undo(key_file);
    const auto issued = authority->issue(*application, now);
    if (!issued) return tl::unexpected(issued.error());
    if (auto written = write_public(certificate_file, authority->issued_text(*issued)); !written)
        return tl::unexpected(std::move(written.error()));
    undo.keep();
    return Output{fmt::format("made keys and certificate for \"{}\" ({}), valid until {}\n  {}\n  {}\n", options.name,
                              proto::name(*role), to_rfc3339(issued->body.not_after), certificate_file.string(),
                              key_file.string()),
                  notes_of(*issued)};
}

}  // namespace mco::security::ca
