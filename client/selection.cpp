#include "client/selection.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <random>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "client/words.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

struct Row {
    Method method;
    std::string_view name;
};
constexpr std::array rows{
    Row{Method::mesh, "mesh"},          Row{Method::none, "none"},
    Row{Method::flatfile, "flatfile"},  Row{Method::standard_input, "stdin"},
    Row{Method::inventory, "inventory"}, Row{Method::external, "external"},
    Row{Method::puppetdb, "puppetdb"},
};

Result<Method> read_method(std::string_view where, std::string_view typed) {
    if (typed == "mc") return Method::mesh;  // as MCollective calls it
    std::vector<std::string_view> names;
    std::vector<std::string> known;
    for (const auto& row : rows) {
        if (row.name == typed) return row.method;
        names.push_back(row.name);
        known.emplace_back(row.name);
    }
    const auto near = proto::nearest(typed, names);
    return fail(Errc::invalid, fmt::format("{}: there is no discovery method '{}'{}\nThere are {}.", where, typed,
                                           near.empty() ? "" : fmt::format("; did you mean '{}'?", near),
                                           enumerate(known)));
}

Result<Portion> read_portion(std::string_view where, std::string_view text, std::size_t least) {
    Portion portion;
    auto digits = text;
    if (digits.ends_with('%')) {
        portion.percent = true;
        digits.remove_suffix(1);
    }
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), portion.number);
    const bool number = error == std::errc() && end == digits.data() + digits.size() && digits.size() <= 9;
    if (!number || portion.number < (portion.percent ? 1 : least))
        return fail(Errc::invalid, fmt::format("{} takes a number of nodes or a part of them, like 10 or 25%, not '{}'",
                                               where, text));
    return portion;
}

Result<proto::Duration> read_pause(std::string_view where, std::string_view text) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    constexpr double most = 86'400;
    if (error != std::errc() || end != text.data() + text.size() || !(seconds >= 0 && seconds <= most))
        return fail(Errc::invalid,
                    fmt::format("{} takes seconds from 0 to {}, like 0.5, not '{}'", where, most, text));
    return proto::Duration(std::llround(seconds * 1'000'000));
}

Result<void> read_source(Selection& selection, const Options& options, const Config& config) {
    struct Short {
        std::string_view option;
        Method method;
    };
    constexpr std::array shorts{Short{"frozen", Method::frozen}, Short{"nodes", Method::flatfile}};
    const auto methods = options.values("disc-method");
    for (const auto& brief : shorts) {
        const auto file = options.value(brief.option);
        if (!file) continue;
        for (const auto* other : {"disc-method", "disc-option", "nodes", "one", "limit-nodes"}) {
            const bool subset = std::string_view(other) == "one" || std::string_view(other) == "limit-nodes";
            if (other == brief.option || (subset && brief.method != Method::frozen) || !options.has(other)) continue;
            return fail(Errc::invalid, fmt::format("--{} says which nodes; it cannot be used together with --{}",
                                                   brief.option, other));
        }
        selection.method = brief.method;
        selection.method_typed = true;
        selection.sources = {*file};
        return {};
    }
    selection.sources = config.discovery_options;
    if (options.has("disc-option")) {
        const auto given = options.values("disc-option");
        selection.sources.assign(given.begin(), given.end());
    }
    if (methods.empty()) {
        const auto method = read_method("default_discovery_method", config.discovery_method);
        if (!method) return tl::unexpected(method.error());
        selection.method = *method;
        return {};
    }
    const auto method = read_method("--dm", methods.back());
    if (!method) return tl::unexpected(method.error());
    for (const auto& other : methods) {
        if (other != methods.back())
            return fail(Errc::invalid, fmt::format("--dm is given twice: {} and {}", other, methods.back()));
    }
    selection.method = *method;
    selection.method_typed = true;
    return {};
}

Result<void> read_limit(Selection& selection, const Options& options, const Config& config) {
    if (options.has("one")) {
        if (options.has("limit-nodes"))
            return fail(Errc::invalid, "--one is a limit already; it cannot be used together with --limit");
        selection.limit = Portion{.number = 1};
    } else if (const auto text = options.value("limit-nodes")) {
        const auto limit = read_portion("--limit", *text, 1);
        if (!limit) return tl::unexpected(limit.error());
        selection.limit = *limit;
    }
    const auto seed = options.number("limit-seed", 0, 9'223'372'036'854'775'807);
    if (!seed) return tl::unexpected(seed.error());
    const auto method = options.value("limit-method");
    if (method && *method != "first" && *method != "random")
        return fail(Errc::invalid, fmt::format("--limit-method takes first or random, not '{}'", *method));
    if ((*seed || method) && !selection.limit)
        return fail(Errc::invalid, fmt::format("--limit-{} says which nodes a limit leaves; give --one or --limit, too",
                                               method ? "method" : "seed"));
    if (*seed && method && *method == "first")
        return fail(Errc::invalid, "--limit-seed is for a random choice; it cannot be used with --limit-method first");
    if (*seed) selection.seed = static_cast<std::uint64_t>(**seed);
    selection.at_random = *seed || (method ? *method == "random" : config.limit_at_random);
    return {};
}

Result<void> read_batch(Selection& selection, const Options& options, const Config& config) {
    const auto size = options.value("batch");
    const auto batch = size ? read_portion("--batch", *size, 0) : read_portion("default_batch_size", config.batch_size, 0);
    if (!batch) return tl::unexpected(batch.error());
    const auto sleep = options.value("batch-sleep");
    if (batch->number == 0) {
        if (sleep) return fail(Errc::invalid, "--batch-sleep is the pause between batches; give --batch, too");
        return {};
    }
    const auto pause = sleep ? read_pause("--batch-sleep", *sleep)
                             : read_pause("default_batch_sleep_time", config.batch_sleep);
    if (!pause) return tl::unexpected(pause.error());
    selection.batch = *batch;
    selection.batch_pause = *pause;
    return {};
}

}  // namespace

std::string_view name(Method method) {
    for (const auto& row : rows) {
        if (row.method == method) return row.name;
    }
    return "--frozen";
}

Result<Selection> read_selection(const Options& options, const OptionSet& known, const Config& config) {
    Selection selection;
    if (known.has("disc-method")) {
        if (auto read = read_source(selection, options, config); !read) return tl::unexpected(read.error());
    }
    if (known.has("limit-nodes")) {
        if (auto read = read_limit(selection, options, config); !read) return tl::unexpected(read.error());
    }
    if (known.has("batch")) {
        if (auto read = read_batch(selection, options, config); !read) return tl::unexpected(read.error());
    }
    return selection;
}

std::vector<std::string> limited(std::vector<std::string> all, const Selection& selection, std::uint64_t dice) {
    if (!selection.limit) return all;
    const auto& limit = *selection.limit;
    const auto wanted = limit.percent ? std::max<std::size_t>(1, all.size() * limit.number / 100) : limit.number;
    if (wanted >= all.size()) return all;
    if (!selection.at_random) {
        all.resize(wanted);
        return all;
    }
    // The draw is written out: a library's distributions differ from machine to machine, the engine's numbers do not.
    auto names = all;
    std::sort(names.begin(), names.end());
    std::mt19937_64 draw(selection.seed.value_or(dice));
    for (std::size_t i = 0; i < wanted; ++i) std::swap(names[i], names[i + draw() % (names.size() - i)]);
    names.resize(wanted);
    std::sort(names.begin(), names.end());
    std::erase_if(all, [&](const auto& name) { return !std::binary_search(names.begin(), names.end(), name); });
    return all;
}

std::size_t batch_size(const Selection& selection, std::size_t nodes) {
    if (!selection.batch) return 0;
    const auto& batch = *selection.batch;
    return batch.percent ? std::max<std::size_t>(1, (nodes * batch.number + 99) / 100) : batch.number;
}

}  // namespace mco::client
