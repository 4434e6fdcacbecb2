#pragma once

#include <ostream>
#include <string>

#include "client/command.hpp"
#include "client/discovery.hpp"

namespace mco::client::applications {

// What ping and find print: a line for each node that answered, as it comes or sorted; with -j and --jsonl the replies as JSON.
class NodeLines {
 public:
    // `line` ends with a newline. `invalid`: -j and --jsonl together. The context must outlive it.
    static proto::Result<NodeLines> make(const Context& context, std::string (*line)(const Reply&));

    void print_as_it_comes(const Reply& reply);
    // What was not printed yet. For people: refusals go to standard error and are taken out of the replies.
    void finish(Discovered& found);
    bool for_programs() const { return form_ != Form::lines; }

 private:
    enum class Form { lines, json, json_lines };
    NodeLines(const Context& context, std::string (*line)(const Reply&), Form form);
    void print(const Reply& reply);

    const Context& context_;
    std::string (*line_)(const Reply&);
    Form form_;
    bool at_once_;
};

void declare_node_lines(OptionSet& options);  // -j --jsonl --sort

}  // namespace mco::client::applications
