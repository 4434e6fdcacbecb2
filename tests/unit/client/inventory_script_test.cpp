// MCollective's inventory scripts, and the template for new ones: what they print, and what is refused.

#include "client/inventory_script.hpp"

#include <doctest/doctest.h>

#include "client/inventory_template.hpp"

namespace mco::client {
namespace {

using proto::Value;

InventoryNode web1() {
    return {.identity = "web1",
            .data = Value::Map{{"facts", Value::Map{{"os", Value::Map{{"family", "Debian"}}},
                                                    {"cpus", 4},
                                                    {"load", 1.256},
                                                    {"virtual", false},
                                                    {"motd", "line\x1b[1m"}}},
                               {"classes", Value::List{"httpd", "common"}},
                               {"agents", Value::List{"rpcutil"}},
                               {"version", "1.0"}},
            .time = "now"};
}

std::string report(std::string_view script) {
    const auto read = InventoryScript::read(script, "s.mc");
    if (!read) return read.error().detail;
    const std::vector nodes{web1()};
    const auto text = read->report(nodes);
    return text ? *text : text.error().detail;
}

std::string value(std::string_view expression) {
    return report("inventory do\nformat \"%s\"\nfields { [ " + std::string(expression) + " ] }\nend\n");
}

bool refused(std::string_view script, std::string_view why) {
    const auto text = report(script);
    const bool good = text.find(why) != std::string::npos && text.starts_with("s.mc:");
    if (!good) MESSAGE(text);
    return good;
}

TEST_CASE("the example of MCollective's documentation") {
    const std::string script =
        "inventory do\n    format \"%s:\\t\\t\\t%s\"\n    fields { [ identity, facts[\"lsbdistdescription\"] ] }\nend\n";
    CHECK(report(script) == "web1:\t\t\t\n");
    CHECK(report("inventory do format \"%s:\\t\\t\\t%s\"; fields { [ identity, facts[\"cpus\"] ] } end") ==
          "web1:\t\t\t4\n");
}

TEST_CASE("expressions give what Ruby would, and nothing for a fact that is not there") {
    CHECK(value("facts['os']['family']") == "Debian\n");
    CHECK(value("facts[\"os.family\"]") == "Debian\n");
    CHECK(value("facts['nosuch']['deeper']") == "\n");
    CHECK(value("classes.join(', ')") == "httpd, common\n");
    CHECK(value("classes.size") == "2\n");
    CHECK(value("agents.include?(\"rpcutil\") ? 'yes' : 'no'") == "yes\n");
    CHECK(value("facts['nosuch'] ? 'yes' : facts['virtual'] ? 'virtual' : 'real'") == "real\n");
    CHECK(value("facts['cpus'].to_s") == "4\n");
    CHECK(value("time") == "now\n");
    CHECK(value("'it\\'s'  # a remark\n") == "it's\n");
    CHECK(value("facts['motd']") == "line\\x1b[1m\n");
}

TEST_CASE("printf's conversions, and an error that names the node when a value does not fit") {
    CHECK(report("inventory do\nformat '%-6s|%3d|%.1f%%'\nfields { [identity, facts['cpus'], facts['load']] }\nend") ==
          "web1  |  4|1.3%\n");
    CHECK(report("inventory do\nformat '%d'\nfields { [identity] }\nend") == "web1: a value is not a number");
    CHECK(report("inventory do\nformat '%s %s'\nfields { [identity] }\nend") ==
          "web1: the format asks for more values than there are");
}

TEST_CASE("what is not declared is refused with file and line") {
    CHECK(refused("", "s.mc:1: 'inventory do'"));
    CHECK(refused("puts 1", "s.mc:1: 'inventory do'"));
    CHECK(refused("# x\n\ninventory do\n  system('rm')\nend", "s.mc:4: only format, fields and end"));
    CHECK(refused("inventory do\nformat \"#{`rm`}\"", "s.mc:2: #{...}"));
    CHECK(refused("inventory do\nformat \"%s", "s.mc:2: this text has no closing"));
    CHECK(refused("inventory do\nformat '%s'\nfields { [ facts['a'].gsub('x') ] }\nend", "s.mc:3: the method 'gsub'"));
    CHECK(refused("inventory do\nformat '%s'\nfields { [ identity + 'x' ] }\nend", "s.mc:3: ] }"));
    CHECK(refused("inventory do\nformat '%s'\nend", "s.mc:3: there is no fields"));
    CHECK(refused("inventory do\nfields { [ identity ] }\nend", "s.mc:3: there is no format"));
    CHECK(refused("inventory do\nformat '%s'\nfields { [ identity ] }\nend\nputs", "s.mc:5: nothing may follow"));
    CHECK(refused("inventory do\nformat '%s'\nfields { [ identity ] }", "only format, fields and end"));
    std::string deep = "inventory do\nformat '%s'\nfields { [ ";
    for (int i = 0; i < 100; ++i) deep += "identity ? 'a' : ";
    CHECK(refused(deep + "'b' ] }\nend", "too deep"));
}

TEST_CASE("pages: pictures with their values below, a heading on each page, a form feed between") {
    const std::string script =
        "formatted_inventory do\n"
        "  page_length 3\n"
        "  page_heading <<TOP\n"
        "Report @<<<<\n"
        "       time\n"
        "TOP\n"
        "  page_body <<-BODY\n"
        "@<<<<< @>>>>> @##.## @|||||.\n"
        "identity, facts['cpus'], facts['load'], 'mid'\n"
        "^<<<<<\n"
        "classes.join(' ')\n"
        "^<<<<<\n"
        "classes.join(' ')\n"
        "  BODY\n"
        "end\n";
    CHECK(report(script) ==
          "Report now\n"
          "web1        4   1.26  mid  .\n"
          "httpd\n"
          "common\n");
    const auto read = InventoryScript::read(script, "s.mc");
    REQUIRE(read.has_value());
    const std::vector nodes{web1(), web1()};
    const auto text = read->report(nodes).value();
    CHECK(text.find("common\n\fReport now\nweb1") != std::string::npos);
}

TEST_CASE("pages without body, with values too few or too many, or with another's length are refused") {
    CHECK(refused("formatted_inventory do\npage_length 5\nend", "s.mc:3: there is no page_body"));
    CHECK(refused("formatted_inventory do\npage_length x\nend", "s.mc:2: page_length takes a number"));
    CHECK(refused("formatted_inventory do\npage_body <<B\n@<< @<<\nidentity\nB\nend", "s.mc:4: the line above has 2 fields"));
    CHECK(refused("formatted_inventory do\npage_body <<B\n@<<\nidentity, time\nB\nend", "s.mc:4: there are more values"));
    CHECK(refused("formatted_inventory do\npage_body <<B\n@<<\nB\nend", "a line with the fields' values"));
    CHECK(refused("formatted_inventory do\npage_body <<B\n@<<\nidentity\n", "the line B that ends the text is missing"));
    CHECK(refused("formatted_inventory do\npage_body <<B\n@<<\n#{x}\nB\nend", "s.mc:4: #{...}"));
}

TEST_CASE("a template puts names into a line") {
    const auto line = [](std::string_view text) {
        const auto read = InventoryTemplate::read(text);
        return read ? read->line(web1()) : read.error().detail;
    };
    CHECK(line("{identity}:\\t{facts.os.family} {{{classes}}} {version}{facts.nosuch}") ==
          "web1:\tDebian {httpd, common} 1.0\n");
    CHECK(line("{facts.motd}") == "line\\x1b[1m\n");
    CHECK(line("{Identity}") == "--format: there is no {Identity}; did you mean {identity}?");
    CHECK(line("{host.name.of.it}").starts_with("--format: there is no {host.name.of.it}; there are {identity}, {facts}"));
    CHECK(line("{identity") == "--format: the brace before 'identity' is not closed; a brace itself is {{");
}

}  // namespace
}  // namespace mco::client
