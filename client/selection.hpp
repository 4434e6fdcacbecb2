#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/config.hpp"
#include "client/options.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"

namespace mco::client {

// How nodes are looked for.
enum class Method : std::uint8_t {
    mesh,            // the nodes decide themselves
    none,            // the names of -I
    flatfile,        // a file with a name in each line
    standard_input,  // the same, or JSON
    inventory,       // a file that says what the nodes are
    external,        // a program that prints names
    puppetdb,        // asked over HTTP
    frozen,          // what --preview -j wrote
};
std::string_view name(Method method);  // as --dm takes it; --frozen for the last

// "3" or "20%".
struct Portion {
    std::size_t number = 0;
    bool percent = false;
};

// Who is asked beside what the filter says, and how many at a time: options and configuration together.
struct Selection {
    Method method = Method::mesh;
    bool method_typed = false;         // by an option; else it is the configuration's or the default
    std::vector<std::string> sources;  // --do: what the method reads
    std::optional<Portion> limit;      // percent: rounded down, at least one
    bool at_random = false;            // which ones; else the first
    std::optional<std::uint64_t> seed;
    std::optional<Portion> batch;  // percent: rounded up
    proto::Duration batch_pause{0};
    bool needs_names() const { return limit || batch || method != Method::mesh; }
};

// Errors are `invalid`: an unknown method with the nearest known one, two methods, a bad number, options that exclude each other.
// Configured limits and batches count only for commands that have the options.
proto::Result<Selection> read_selection(const Options& options, const OptionSet& known, const Config& config);

// Whom the limit leaves of all, in the order of `all`. `dice` is for --limit-method random without a seed; with one the same
// names give the same choice on every machine.
std::vector<std::string> limited(std::vector<std::string> all, const Selection& selection, std::uint64_t dice);
std::size_t batch_size(const Selection& selection, std::size_t nodes);  // 0: all at once

}  // namespace mco::client
