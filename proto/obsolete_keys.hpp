#pragma once

#include <optional>
#include <string_view>

namespace mco::proto {

// Whether a row of a table of keys means this one; a final '*' in it stands for anything.
bool stands_for(std::string_view pattern, std::string_view key);

// Keys of MCollective that mean nothing any more, so that a site can keep its files: one sentence on what takes the key's
// place. Nothing for keys that live on, and for those MCollective did not know either. Any thread.
std::optional<std::string_view> replacement(std::string_view key);

// MCollective's two programs accepted each other's keys, and its own client.cfg holds some of the daemon's. Who of ours
// reads this key, if only one does: the other passes over it in silence.
enum class Reader { mcod, mco };
std::optional<Reader> only_reader(std::string_view key);

}  // namespace mco::proto
