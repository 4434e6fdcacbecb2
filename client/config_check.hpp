#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/config_file.hpp"
#include "proto/obsolete_keys.hpp"

namespace mco::client {

// What becomes of one line of an MCollective configuration. Values are not repeated: some are passwords.
struct LineFate {
    enum class Kind : std::uint8_t {
        kept,      // means what it meant
        others,    // the other program's, passed over in silence
        gone,      // without effect, as one warning says
        unknown,   // no program starts with it
        wrong,     // a known key with a value that is refused
    };
    Kind kind = Kind::kept;
    proto::Setting line;
    std::string why;  // "": there is nothing to add
};
std::string_view name(LineFate::Kind kind);

// Whose file it is, by its name or, if that does not tell, by keys that only one of the programs has.
proto::Reader reader_of(const std::vector<proto::Setting>& lines);
// One for each line, in their order. Values are judged for mco's keys only: mcod --check-config judges its own.
std::vector<LineFate> fates(const std::vector<proto::Setting>& lines, proto::Reader reader);
// What has to be added before the program starts: "KEY = ...   why", whole lines.
std::vector<std::string> lines_to_add(const std::vector<proto::Setting>& lines, proto::Reader reader);

}  // namespace mco::client
