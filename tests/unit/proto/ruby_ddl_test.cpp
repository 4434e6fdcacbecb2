#include "proto/ruby_ddl.hpp"

#include <string>

#include <doctest/doctest.h>

#include "proto/ddl.hpp"
#include "proto/limits.hpp"
#include "proto/schema_library.hpp"
#include "tests/support/has.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::proto {
namespace {

constexpr std::string_view metadata = R"(
metadata :name        => "The things agent",   # a title, not a name
         :description => "Looks after things",
         :author      => 'R. "Bob" O\'Neill',
         :license     => "Apache-2.0",
         :version     => "1.2.3",
         :url         => "https://example.net/things",
         :timeout     => 60
)";

std::string refused(std::string_view text) {
    const auto read = read_ruby_ddl(text);
    REQUIRE_MESSAGE(!read.has_value(), text);
    return read.error().detail;
}

AgentSchema agent(std::string_view rest) {
    auto read = read_ruby_ddl(std::string(metadata) + std::string(rest));
    REQUIRE_MESSAGE(read.has_value(), read.error().detail);
    (*read->map())["metadata"].map()->insert_or_assign("name", "things");
    auto schema = schema_of(*read);
    REQUIRE_MESSAGE(schema.has_value(), schema.error().detail);
    return *std::move(schema);
}

TEST_CASE("what a Ruby DDL declares is what the agent's schema holds") {
    const auto schema = agent(R"(
requires :mcollective => "2.2.1"

usage <<-END_OF_USAGE
Says nothing that "matters" here; not even an 'open quote or do ... end.
END_OF_USAGE

action "status", :description => "What state a thing is in" do
    display :always

    input :thing,
          :prompt      => "Thing",
          :description => "Which thing",
          :type        => :string,
          :validation  => /\A[\w\/:.-]+\z/i,
          :optional    => false,
          :maxlength   => 90

    input :depth, :prompt => "Depth", :description => "How deep", :type => :integer, :default => -3, :optional => true
    input :how,
          prompt: "How", description: "In which way", type: :list, optional: true,
          list: %w[soft hard], default: "soft"

    output :state, :description => "Its state",
           :display_as => "State", :default => "unknown"
    output "count",
           :description => "How many",
           :display_as  => "Count",
           :default     => 0

    summarize do
        aggregate summary(:state)
        aggregate average(:count, :format => "Average: %0.2f")
        aggregate boolean_summary(:state, {:true => "Up", :false => "Down"})
    end
end

action "reset", :description => "Back to the start" do
end
)");
    CHECK(schema.author == "R. \"Bob\" O'Neill");
    CHECK(schema.timeout == std::chrono::seconds(60));
    REQUIRE(schema.actions.size() == 2);
    const auto& status = schema.actions[0];
    CHECK(status.name == "status");
    CHECK(status.description == "What state a thing is in");
    CHECK(status.display == DisplayMode::always);
    REQUIRE(status.find_input("thing") != nullptr);
    CHECK(status.find_input("thing")->validation == "(?i)\\A[\\w/:.-]+\\z");
    CHECK(status.find_input("thing")->length_max == 90);
    CHECK_FALSE(status.find_input("thing")->optional);
    CHECK(status.find_input("depth")->type == InputType::integer);
    CHECK(status.find_input("depth")->default_value == Value(-3));
    CHECK(status.find_input("how")->allowed == std::vector<std::string>{"soft", "hard"});
    CHECK(status.find_output("state")->default_value == Value("unknown"));
    CHECK(status.find_output("count")->display_as == "Count");
    REQUIRE(status.aggregates.size() == 3);
    CHECK(status.aggregates[1].function == "average");
    CHECK(status.aggregates[1].format == "Average: %0.2f");
    CHECK(status.aggregates[2].labels.at("true") == "Up");
    CHECK(schema.actions[1].display == DisplayMode::failed);
    CHECK(schema.actions[1].inputs.empty());
}

TEST_CASE("the loops and choices of published DDLs are read, each turn on its own") {
    const auto schema = agent(R"(
["start", 'stop', :restart].each do |act|
  action act, :description => "#{act.capitalize} a thing, that is to #{act} it" do
    input :thing, :prompt => "Thing", :description => "What to #{act}", :type => :string,
          :validation => :shellsafe, :optional => false, :maxlength => 0
    if act == "stop" || act == 'restart'
      display :always
    elsif act == "start"
      display :ok
    else
      display :failed
    end
    unless ["start"].include?(act)
      output :stopped, :description => "Whether it was stopped", :display_as => act.to_s.capitalize
    end
    if respond_to?(:summarize)
      summarize do
        aggregate summary(:stopped)
      end
    end
  end
end
)");
    REQUIRE(schema.actions.size() == 3);
    CHECK(schema.actions[0].description == "Start a thing, that is to start it");
    CHECK(schema.actions[0].display == DisplayMode::ok);
    CHECK(schema.actions[0].outputs.empty());
    CHECK(schema.actions[1].display == DisplayMode::always);
    CHECK(schema.actions[2].name == "restart");
    CHECK(schema.actions[2].inputs[0].description == "What to restart");
    REQUIRE(schema.actions[2].outputs.size() == 1);
    CHECK(schema.actions[2].outputs[0].display_as == "Restart");
    CHECK(schema.actions[2].aggregates.size() == 1);
}

TEST_CASE("a dataquery becomes a data source") {
    const auto read = read_ruby_ddl(std::string(metadata) + R"(
dataquery :description => "One thing" do
    input :query, :prompt => "Thing", :description => "Which thing", :type => :string, :validation => /^\w+$/, :maxlength => 5
    output :present, :description => "Whether it is there", :display_as => "Present", :default => false
end
)");
    REQUIRE_MESSAGE(read.has_value(), read.error().detail);
    Value file = *read;
    (*file.map())["metadata"].map()->insert_or_assign("name", "thing");
    const auto source = data_schema_of(file);
    REQUIRE_MESSAGE(source.has_value(), source.error().detail);
    REQUIRE(source->query.has_value());
    CHECK(validate_query(*source, "abc"));
    CHECK(!validate_query(*source, "abcdef"));
    CHECK(!validate_query(*source, "a b"));
    CHECK(!validate_query(*source, ""));
    CHECK(source->find_output("present")->default_value == Value(false));
}

TEST_CASE("what is not a declaration is refused with its line, and nothing is run") {
    const std::string top(metadata);  // ends before line 9
    const auto line = [&](std::string_view statement) { return refused(top + "\n" + std::string(statement)); };
    CHECK(line("system(\"rm -rf /\")") == "10: this is no declaration that can be read here, at \"system\"");
    for (const auto* bad :
         {"`id`", "require 'json'", "File.read('/etc/passwd')", "x = 1", "puts \"hello\"", "action act, :description => \"d\" do\nend",
          "while true do\nend", "action \"a\", :description => \"#{`id`}\" do\nend", "action \"a\", :description => \"#{1 + 1}\" do\nend",
          "action \"a\", :description => ENV[\"HOME\"] do\nend", "if File.exist?(\"/x\")\nend", "BEGIN { }", "%x{id}",
          "[1].each do |x|\n[2].each do |x|\nend\nend", "[].each do |x|\nend", "action \"a\", :description => \"open", "usage <<-END\nno end",
          "action \"a\", :description => \"d\" do", "end", "action \"a\" do\n  output :x, :description => \"d\", :description => \"e\"\nend",
          "action \"a\" do\n  action \"b\" do\n  end\nend", "metadata :name => \"again\"", "requires :puppet => \"1\"",
          "discovery do\n capabilities [:classes]\nend", "action \"a\", :description => \"\\u0041\" do\nend", "display :always"}) {
        const auto why = line(bad);
        CHECK_MESSAGE(why.find(": ") <= 2, why);
        CHECK_MESSAGE(std::stoi(why) >= 10, why);
    }
    CHECK(has(line("requires :mcollective => \"2.13.0\""), "requires MCollective 2.13.0"));
    CHECK(read_ruby_ddl(top + "requires :mcollective => \"2.13\"").error().code == Errc::unsupported);
    CHECK(read_ruby_ddl(top + "requires :mcollective => \"2.12.5\""));
    CHECK(has(refused("\n\n'"), "3: "));
    CHECK(has(refused(""), "no metadata"));
    CHECK(has(refused("\xff"), "UTF-8"));
}

TEST_CASE("a Ruby DDL that is a bomb is refused") {
    CHECK(has(refused(std::string(limits::schema_size_max + 1, ' ')), "larger than"));
    CHECK(has(refused("metadata :name => " + std::string(1'000, '[')), "deep"));
    CHECK(has(refused("metadata :name => " + std::string(100'000, '[')), "too many words"));
    std::string loops;
    for (int i = 0; i < 6; ++i) {
        loops += "[1,2,3,4,5,6,7,8,9,10].each do |a" + std::to_string(i) + "|\n";
    }
    loops += "usage \"x\"\n";
    for (int i = 0; i < 6; ++i) loops += "end\n";
    CHECK(has(refused(loops), "too many"));
    std::string growing = "[\"" + std::string(100'000, 'x') + "\"].each do |a|\nusage \"" ;
    for (int i = 0; i < 10; ++i) growing += "#{a}";
    CHECK(has(refused(growing + "\"\nend\n"), "too long"));
}

TEST_CASE("libraries find Ruby DDLs where there is no JSON, under the file's name") {
    const test::TempDir dir;
    dir.write("mcollective/agent/things.ddl", std::string(metadata) + "action \"a\", :description => \"d\" do\nend\n");
    dir.write("mcollective/agent/broken.ddl", std::string(metadata) + "exec(\"x\")\n");
    dir.write("mcollective/data/thing_data.ddl",
              std::string(metadata) + "dataquery :description => \"d\" do\n output :x, :description => \"d\", :display_as => \"X\"\nend\n");
    const SchemaLibrary library({dir.path()});
    const auto things = library.load("things");
    REQUIRE_MESSAGE(things.has_value(), things.error().detail);
    CHECK(things->name == "things");
    CHECK(library.load_data("thing")->outputs.size() == 1);
    CHECK(!library.load_data("thing")->query);
    CHECK(library.load("broken").error().detail ==
          (dir.path() / "mcollective/agent/broken.ddl").string() + ":9: this is no declaration that can be read here, at \"exec\"");
    REQUIRE(library.list().size() == 2);
    REQUIRE(library.list_data().size() == 1);
    CHECK(library.list_data()[0].name == "thing");
    CHECK(has(library.load_data("thong").error().detail, "did you mean \"thing\""));
}

}  // namespace
}  // namespace mco::proto
