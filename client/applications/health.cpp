#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "client/applications/applications.hpp"
#include "client/discovery.hpp"
#include "client/results.hpp"
#include "client/session.hpp"
#include "client/terminal.hpp"

namespace mco::client::applications {
namespace {

constexpr std::array limits{
    Option{"warning", "COUNT", Section::application, "WARNING from so many nodes without an answer on (default 1)"},
    Option{"critical", "COUNT", Section::application, "CRITICAL from so many on; always if nobody answers"},
};
constexpr std::int64_t count_max = 10'000'000;
constexpr std::size_t named_max = 20;  // Nagios keeps a few kilobytes of a check's output

void declare(OptionSet& options) {
    options.add(limits);
    options.add(required_options());
    options.add(common_options());
    options.add(filter_options());
}

// Nagios' exit codes.
enum class Health { ok, warning, critical, unknown };

std::string_view word(Health health) {
    switch (health) {
        case Health::ok:
            return "OK";
        case Health::warning:
            return "WARNING";
        case Health::critical:
            return "CRITICAL";
        case Health::unknown:
            return "UNKNOWN";
    }
    return "UNKNOWN";
}

ExitStatus told(Context& context, Health health, std::string_view text) {
    context.out() << fmt::format("MCO {} - {}\n", word(health), text);
    return static_cast<ExitStatus>(health);
}

// One line: what stands behind a break is the way out, which a person reads elsewhere.
ExitStatus told(Context& context, Health health, const proto::Error& error) {
    return told(context, health, visible(std::string_view(error.detail).substr(0, error.detail.find('\n'))));
}

struct Thresholds {
    std::int64_t warning = 1;
    std::optional<std::int64_t> critical;
};

proto::Result<Thresholds> thresholds(const Options& options) {
    const auto warning = options.number("warning", 1, count_max);
    if (!warning) return tl::unexpected(warning.error());
    const auto critical = options.number("critical", 1, count_max);
    if (!critical) return tl::unexpected(critical.error());
    return Thresholds{warning->value_or(1), *critical};
}

Health judge(std::int64_t answered, std::int64_t missing, const Thresholds& limit) {
    if (answered == 0 || (limit.critical && missing >= *limit.critical)) return Health::critical;
    return missing >= limit.warning ? Health::warning : Health::ok;
}

proto::Result<ExitStatus> run(Context& context) {
    const auto limit = thresholds(context.options);
    if (!limit) return told(context, Health::unknown, limit.error());
    if (!context.options.words().empty()) return told(context, Health::unknown, "health takes no words");
    auto session = Session::open(context);
    if (!session) return told(context, Health::unknown, session.error());
    const auto target = (*session)->target();
    if (!target) return told(context, Health::unknown, target.error());
    const auto found = discover(**session, *target);
    if (!found)
        return told(context, found.error().code == proto::Errc::unreachable ? Health::critical : Health::unknown, found.error());

    const auto& account = found->account;
    const std::int64_t answered = account.replies;
    const std::int64_t missing = std::max<std::int64_t>(account.matched(), answered) - answered;
    proto::Duration slowest{0};
    for (const auto& reply : found->gathered.replies) slowest = std::max(slowest, reply.took);
    const auto critical = limit->critical ? std::to_string(*limit->critical - 1) : std::string();
    const auto status = told(
        context, judge(answered, missing, *limit),
        fmt::format("{} of {} nodes answer, the slowest after {:.0f} ms | nodes={};;;0 missing={};{};{};0 slowest={:.3f}s;;;0",
                    answered, answered + missing, milliseconds(slowest), answered + missing, missing, limit->warning - 1,
                    critical, milliseconds(slowest) / 1000));
    for (std::size_t i = 0; i < std::min(account.absent.size(), named_max); ++i)
        context.out() << fmt::format("{}: {}\n", account.absent[i].node, account.absent[i].why);
    if (account.absent.size() > named_max)
        context.out() << fmt::format("and {} more\n", account.absent.size() - named_max);
    return status;
}

}  // namespace

const Command health{
    "health",
    "Tell a monitoring system whether every node answers",
    "[options] [filters]",
    "mco health\n"
    "mco health --warning 3 --critical 20 -F country=uk\n"
    "mco health -I web1 -t 5",
    declare,
    run,
};

}  // namespace mco::client::applications
