#include "client/config_check.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "proto/config_file.hpp"

namespace mco::client {
namespace {

using Kind = LineFate::Kind;
using proto::Reader;

std::vector<proto::Setting> lines_of(std::string_view text, std::string_view file = "server.cfg") {
    auto lines = proto::parse_config(text, file);
    REQUIRE(lines.has_value());
    return *lines;
}

LineFate only(std::string_view text, Reader reader) {
    auto all = fates(lines_of(text), reader);
    REQUIRE(all.size() == 1);
    return all.front();
}

TEST_CASE("a line of the daemon's is kept, without effect with its reason, mco's, or unknown") {
    CHECK(only("identity = web1", Reader::mcod).kind == Kind::kept);
    CHECK(only("plugin.rpcutil.activate_agent = 0", Reader::mcod).kind == Kind::kept);
    CHECK(only("plugin.iptables.chain = junk", Reader::mcod).why == "for an external agent 'iptables'");
    const auto broker = only("plugin.activemq.pool.1.host = x", Reader::mcod);
    CHECK(broker.kind == Kind::gone);
    CHECK(broker.why.find("no broker") != std::string::npos);
    CHECK(only("plugin.puppet.windows_service = puppet", Reader::mcod).kind == Kind::gone);
    CHECK(only("default_discovery_method = mc", Reader::mcod).kind == Kind::others);
    const auto slip = only("main_colective = uk", Reader::mcod);
    CHECK(slip.kind == Kind::unknown);
    CHECK(slip.why == "did you mean 'main_collective'?");
    CHECK(only("plugin.nrpe.nothing = 1", Reader::mcod).kind == Kind::unknown);
}

TEST_CASE("a line of the client's is judged with its value") {
    CHECK(only("ttl = 30", Reader::mco).kind == Kind::kept);
    CHECK(only("ttl = never", Reader::mco).kind == Kind::wrong);
    CHECK(only("loglevel = warn", Reader::mco).kind == Kind::gone);
    CHECK(only("plugin.psk = unset", Reader::mco).kind == Kind::gone);
    CHECK(only("classesfile = /x", Reader::mco).kind == Kind::others);
    CHECK(only("colour = 1", Reader::mco).why == "did you mean 'color'?");
}

TEST_CASE("whose file it is follows from its name, else from what only the client has") {
    CHECK(reader_of(lines_of("a = b", "/etc/mcollective/server.cfg")) == Reader::mcod);
    CHECK(reader_of(lines_of("a = b", "/home/x/.mcollective")) == Reader::mco);
    CHECK(reader_of(lines_of("ttl = 5", "other.cfg")) == Reader::mco);
    CHECK(reader_of(lines_of("classesfile = /x", "other.cfg")) == Reader::mcod);
    CHECK(reader_of({}) == Reader::mcod);
}

TEST_CASE("only what is missing is to be added") {
    CHECK(lines_to_add({}, Reader::mco).size() == 4);
    const auto lines = lines_of("entry = x\ncertificate = /a\ntrust = /b\n");
    const auto missing = lines_to_add(lines, Reader::mco);
    REQUIRE(missing.size() == 1);
    CHECK(missing.front().starts_with("secret_keys = "));
}

}  // namespace
}  // namespace mco::client
