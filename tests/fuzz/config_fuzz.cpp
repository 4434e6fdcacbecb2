// A configuration file. What was read, written again as "key = value", reads the same.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proto/bytes.hpp"
#include "proto/config_file.hpp"
#include "proto/obsolete_keys.hpp"
#include "proto/utf8.hpp"

using namespace mco::proto;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text(BytesView(data, size));
    const auto settings = parse_config(text, "mcod.conf", "plugin.x.");
    if (!settings) {
        require(settings.error().code == Errc::malformed);
        require(is_utf8(settings.error().detail));
        require(settings.error().detail.starts_with("mcod.conf:"));
        return 0;
    }
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    std::size_t last = 0;
    for (const Setting& setting : *settings) {
        require(setting.line > last && setting.line <= lines);
        last = setting.line;
        require(setting.key.starts_with("plugin.x.") && setting.key.size() > 9);

        const auto again = parse_config(setting.key + " = " + setting.value, "mcod.conf");
        require(again && again->size() == 1);
        require(again->front().key == setting.key && again->front().value == setting.value);

        if (const auto number = parse_integer(setting.value, {-5, 5})) require(*number >= -5 && *number <= 5);
        require(!parse_boolean(setting.value) || setting.value.size() <= 5);
        for (const std::string& item : parse_list(setting.value)) require(!item.empty());
        (void)replacement(setting.key.substr(9));
        (void)only_reader(setting.key.substr(9));
        const std::string_view known[] = {"plugin.x.identity", "plugin.x.listen"};
        (void)nearest(setting.key, known);
    }
    return 0;
}
