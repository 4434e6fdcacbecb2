#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/error.hpp"

// Octets as lines of text between "-----BEGIN MCO X-----" and "-----END MCO X-----": base64, 64 characters a line. Lines
// outside are comments. Private to security/, shared by its key files and fuzzed on its own.
namespace mco::security {

struct Armoured {
    std::string title;  // the X: "CERTIFICATE"
    proto::Bytes octets;
};

std::string wrap_armour(std::string_view title, proto::BytesView octets);

// Every block of the text, in order. Strict: a block without its end or with another's end, a line that is no base64 or not
// in its only form, an empty block and a ninth block are `malformed`, with the number of the line.
proto::Result<std::vector<Armoured>> open_armour(std::string_view text);

// Overwrites the octets, so that what was read of a secret does not stay in freed memory.
void wipe(proto::Bytes& octets);
void wipe(std::string& text);
void wipe(std::vector<Armoured>& blocks);

}  // namespace mco::security
