#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/node_set.hpp"
#include "client/options.hpp"
#include "client/selection.hpp"
#include "proto/filter.hpp"
#include "proto/ledger.hpp"
#include "proto/messages.hpp"
#include "proto/schema_library.hpp"
#include "proto/time.hpp"

namespace mco::client {

// How the nodes were chosen; stock tells them apart when nobody replies.
enum class Choice : std::uint8_t {
    by_filter,  // nobody: 1 if nobody matched, 3 if somebody may have
    by_name,    // literal -I, ping: 4
};

// Whom a command means.
struct Target {
    proto::Filter filter;
    proto::Matcher matcher;
    std::string collective;
    Choice choice = Choice::by_filter;
    std::chrono::seconds data_time{0};  // how long the data functions of the filter may take
    // Given or found before: exactly these are asked. Of the filter only the agents still count.
    std::optional<std::vector<std::string>> nodes = {};
    Method method = Method::mesh;  // who named them
    // How the names were found; none if nobody had to look.
    struct Search {
        proto::Duration took{0};
        proto::Ledger ledger;  // of the mesh's answers; empty with other methods
    };
    std::optional<Search> search = {};
    // Who did not say whether the filter means him when the nodes were looked for: the account names them, too.
    std::vector<proto::Missing> undiscovered = {};
    std::vector<std::string> trouble = {};  // why there may be more
    std::size_t batch = 0;                  // of `nodes` at most so many at a time; 0: all at once
    proto::Duration batch_pause{0};         // between two batches
};

// The filter options as one filter. A -I may be a node set, and is then the names in it; `named` knows what is behind "@".
// The error is `invalid` and shows the term as it was typed.
proto::Result<proto::Filter> read_filter(const Options& options, const NamedSet& named);

bool names_only(const proto::Filter& filter);  // identities are given and all are literal
bool is_list(const proto::Filter& filter);     // that, and nothing else is asked for

// That every data function exists, takes its question and has that output: found by its DDL before anything is sent. What they may
// take together is added to the wait.
proto::Result<std::chrono::seconds> check_data(const proto::Filter& filter, const proto::SchemaLibrary& library);

// Compiles it, so that an expression that does not hold is found before anything is sent.
proto::Result<proto::Matcher> compile_filter(const proto::Filter& filter);

}  // namespace mco::client
