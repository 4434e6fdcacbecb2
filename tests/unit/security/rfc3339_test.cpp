#include "security/rfc3339.hpp"

#include <doctest/doctest.h>

#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

TEST_CASE("times are written in UTC and read back") {
    CHECK(to_rfc3339(at(0s)) == "2026-01-01T00:00:00Z");
    CHECK(to_rfc3339(at(59 * 24h + 1h + 2min + 3s)) == "2026-03-01T01:02:03Z");
    CHECK(to_rfc3339_micros(at(1us)) == "2026-01-01T00:00:00.000001Z");
    CHECK(to_rfc3339(wall_time_min) == "1970-01-01T00:00:00Z");
    for (const auto time : {wall_time_min, at(0s), at(-1us), at(999'999us), wall_time_max})
        CHECK(*parse_rfc3339(to_rfc3339_micros(time)) == time);
    CHECK(*parse_rfc3339("2024-02-29T23:59:59.5Z") == *parse_rfc3339("2024-02-29T23:59:59Z") + 500ms);
}

TEST_CASE("times outside are written as the nearest one inside") {
    CHECK(to_rfc3339(proto::WallTime::min()) == to_rfc3339(wall_time_min));
    CHECK(to_rfc3339(proto::WallTime::max()) == to_rfc3339(wall_time_max));
}

TEST_CASE("what is no time in UTC is refused") {
    for (const std::string_view bad : {"",
                                       "2026-01-01",
                                       "2026-01-01T00:00:00",
                                       "2026-01-01T00:00:00+01:00",
                                       "2026-01-01 00:00:00Z",
                                       "2026-02-29T00:00:00Z",
                                       "2026-13-01T00:00:00Z",
                                       "2026-00-01T00:00:00Z",
                                       "2026-01-32T00:00:00Z",
                                       "2026-01-00T00:00:00Z",
                                       "2026-01-01T24:00:00Z",
                                       "2026-01-01T00:60:00Z",
                                       "2026-01-01T00:00:60Z",
                                       "1969-12-31T23:59:59Z",
                                       "2026-01-01T00:00:00.Z",
                                       "2026-01-01T00:00:00.1234567Z",
                                       "2026-01-01T00:00:00Zx",
                                       "2026-1-01T00:00:00ZZ",
                                       "+026-01-01T00:00:00Z",
                                       "9999-12-31T00:00:00Z"})
        CHECK_MESSAGE(!parse_rfc3339(bad), bad);
}

}  // namespace
}  // namespace mco::security::test
