// Names of nodes as an operator, a file or another program gives them: a set like web[001-040],db1!db2, and lists as text and as JSON.
// What a set means comes back from its short form; every name is a node's; nothing is refused but as `invalid`.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "client/node_list.hpp"
#include "client/node_set.hpp"
#include "proto/bytes.hpp"

using namespace mco;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

using Names = proto::Result<std::vector<std::string>>;

void require_names(const Names& names) {
    if (!names) {
        require(names.error().code == proto::Errc::invalid);
        return;
    }
    require(names->size() <= client::node_set_max);
    require(std::all_of(names->begin(), names->end(), client::is_node_name));
    require(std::set<std::string>(names->begin(), names->end()).size() == names->size());
}

Names last(std::string_view name) {
    if (name != "last") return proto::fail(proto::Errc::invalid, "there is only @last");
    return std::vector<std::string>{"web1", "web02", "db-1.example.net"};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = proto::as_text(proto::BytesView(data, size));
    const auto set = client::expand_nodes(text, last);
    require_names(set);
    if (set && set->size() <= 5'000) {  // beyond, the search would only be slow
        const auto again = client::expand_nodes(client::fold_nodes(*set), last);
        require(again.has_value());
        require(std::set<std::string>(again->begin(), again->end()) == std::set<std::string>(set->begin(), set->end()));
    }
    for (const auto& list : {client::names_of_text(text, "list"), client::names_of_json(text, "list"), client::names_of(text, "list")}) {
        require_names(list);
        require(!list || !list->empty());  // an empty list never means "all"
    }
    return 0;
}
