#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/error.hpp"
#include "proto/time.hpp"

// The words of one mco-ca command, read by main; and what a command says in return.
namespace mco::security::ca {

struct Options {
    std::string file;  // the word without an option: DIR of init, REQUEST of sign, FILE of show, CERT of verify
    std::string name, role;
    std::string authority;  // --ca
    std::string trust;
    std::string out;
    std::string valid, not_before, not_after;       // as written; empty: not given
    std::vector<std::string> collectives, actions;  // empty: all
    std::uint32_t targets_max = 0;                  // 0: no limit
    bool replace = false;
    bool json = false;
    bool curve_key = false;
};

struct Output {
    std::string result = {};  // to standard output: public things only
    std::string notes = {};   // to standard error, for people
};

proto::Result<Output> run_init(const Options& options, proto::WallTime now);
proto::Result<Output> run_request(const Options& options, proto::WallTime now);
proto::Result<Output> run_sign(const Options& options, proto::WallTime now);
proto::Result<Output> run_issue(const Options& options, proto::WallTime now);
proto::Result<Output> run_show(const Options& options, proto::WallTime now);
proto::Result<Output> run_verify(const Options& options, proto::WallTime now);

}  // namespace mco::security::ca
