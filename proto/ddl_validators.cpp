#include "proto/ddl_validators.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <system_error>

#include <fmt/format.h>

#include "proto/expression.hpp"

namespace mco::proto {
namespace {

// What a shell would act upon. Quotes, parentheses and line breaks are not among them, as in MCollective: the name says more
// than it can hold, so our agents start programs with an argument list and never with a shell.
bool is_shellsafe(std::string_view text) {
    constexpr std::array<std::string_view, 7> dangerous{"`", "$", ";", "|", "&&", ">", "<"};
    return std::none_of(dangerous.begin(), dangerous.end(),
                        [&](std::string_view sign) { return text.find(sign) != std::string_view::npos; });
}

template <typename Octets>
bool is_address(int family, std::string_view text, Octets& octets) {
    if (text.find('\0') != std::string_view::npos) return false;  // inet_pton would stop reading there
    return ::inet_pton(family, std::string(text).c_str(), &octets) == 1;
}

bool is_prefix_length(std::string_view text, unsigned most) {
    unsigned number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    return read.ec == std::errc() && read.ptr == text.data() + text.size() && number <= most;
}

bool is_ipv4_mask(std::string_view text) {
    in_addr mask{};
    if (!is_address(AF_INET, text, mask)) return false;
    const std::uint32_t bits = ntohl(mask.s_addr);
    return std::countl_one(bits) == std::popcount(bits);
}

bool is_ipv4(std::string_view text) {
    const std::size_t slash = text.find('/');
    in_addr address{};
    if (!is_address(AF_INET, text.substr(0, slash), address)) return false;
    if (slash == std::string_view::npos) return true;
    const std::string_view net = text.substr(slash + 1);
    return is_prefix_length(net, 32) || is_ipv4_mask(net);
}

bool is_ipv6(std::string_view text) {
    const std::size_t slash = text.find('/');
    in6_addr address{};
    if (!is_address(AF_INET6, text.substr(0, slash), address)) return false;
    return slash == std::string_view::npos || is_prefix_length(text.substr(slash + 1), 128);
}

bool is_ip(std::string_view text) { return is_ipv4(text) || is_ipv6(text); }

struct Validator {
    std::string_view name;
    bool (*accepts)(std::string_view);
    std::string_view objection;
};
constexpr auto validators = std::to_array<Validator>({
    {"shellsafe", is_shellsafe, "must not hold ` $ ; | && > or <"},
    {"ipv4address", is_ipv4, "must be an IPv4 address"},
    {"ipv6address", is_ipv6, "must be an IPv6 address"},
    {"ipaddress", is_ip, "must be an IP address"},
});

}  // namespace

bool is_validator_name(std::string_view validation) {
    return !validation.empty() && !(validation.front() >= '0' && validation.front() <= '9') &&
           std::all_of(validation.begin(), validation.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
           });
}

bool knows_validator(std::string_view name) {
    return std::any_of(validators.begin(), validators.end(), [&](const Validator& one) { return one.name == name; });
}

std::optional<std::string> object_to(std::string_view text, std::string_view validation) {
    if (validation.empty()) return std::nullopt;
    if (is_validator_name(validation)) {
        const auto known = std::find_if(validators.begin(), validators.end(),
                                        [&](const Validator& validator) { return validator.name == validation; });
        if (known == validators.end() || known->accepts(text)) return std::nullopt;
        return std::string(known->objection);
    }
    const auto expression = Expression::compile(validation, Expression::Anchors::text);
    if (!expression) return expression.error().detail;
    if (expression->matches(text)) return std::nullopt;
    return fmt::format("must match {}", validation);
}

}  // namespace mco::proto
