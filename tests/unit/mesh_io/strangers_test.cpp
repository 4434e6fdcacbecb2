#include "mesh/io/strangers.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace mco::mesh::io {
namespace {

using namespace std::chrono_literals;

proto::Now at(proto::Duration after) { return {proto::Instant(100s + after), proto::WallTime(1'800'000'000s + after)}; }

struct Pair {
    Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0); }
    ~Pair() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    bool over() const {  // as the other end sees it
        char octet = 0;
        return ::recv(ends[1], &octet, 1, MSG_DONTWAIT) == 0;
    }
    int ends[2];
};

TEST_CASE("a stranger has his time; who is trusted is left alone, and who is distrusted again has another time") {
    Strangers strangers;
    const Pair slow, proved;
    strangers.accepted(slow.ends[0], 5s);
    strangers.accepted(proved.ends[0], 5s);
    strangers.trust(proved.ends[0]);
    CHECK(strangers.expel(at(0s)) == 0);
    CHECK(strangers.expel(at(4s)) == 0);
    CHECK(strangers.expel(at(5s)) == 1);
    CHECK(slow.over());
    CHECK_FALSE(proved.over());
    strangers.distrust(proved.ends[0], 2s);
    CHECK(strangers.expel(at(10s)) == 0);
    CHECK(strangers.expel(at(12s)) == 1);
    CHECK(proved.over());
    CHECK_FALSE(strangers.next_deadline().has_value());
}

TEST_CASE("a number that another socket has by now is never touched") {
    Strangers strangers;
    const Pair innocent;
    SUBCASE("the connection is gone, and somebody hangs up on it all the same") {
        strangers.accepted(innocent.ends[0], 5s);
        strangers.gone(innocent.ends[0]);
        strangers.distrust(innocent.ends[0], 1s);
    }
    SUBCASE("nobody has said yet that it is gone") {
        const Pair first;
        const int number = ::dup(first.ends[0]);
        strangers.accepted(number, 1s);
        REQUIRE(::dup2(innocent.ends[0], number) == number);
        strangers.distrust(number, 1s);
        CHECK(strangers.expel(at(0s)) == 0);
        ::close(number);
    }
    strangers.expel(at(0s));
    CHECK(strangers.expel(at(20s)) == 0);
    CHECK_FALSE(innocent.over());
}

}  // namespace
}  // namespace mco::mesh::io
