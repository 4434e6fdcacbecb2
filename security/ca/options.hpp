#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/error.hpp"
#include "proto/time.hpp"
#include "security/key_file.hpp"

// The words of one mco-ca command, read by main; and what a command says in return.
namespace mco::security::ca {

struct Options {
    std::string file;  // the word without an option: DIR of init, FILE of show, CERT of verify
    std::vector<std::string> files;  // sign: the REQUESTs
    std::string name, role;
    std::string authority;  // --ca
    std::string trust;
    std::string out;
    std::string server, listen;            // HOST:PORT
    std::string token_file, secret_keys;   // token_file empty: standard input
    std::string valid, not_before, not_after;       // as written; empty: not given
    std::vector<std::string> collectives, actions;  // empty: all
    std::uint32_t targets_max = 0;                  // 0: no limit
    bool replace = false;
    int ready_descriptor = -1;
    std::string passphrase_file;            // empty: asked for on the terminal
    bool passphrase = false;                // init: protect the key
    bool rotate = false;
    bool json = false;
    bool curve_key = false;
};

// From --passphrase-file, or the terminal without showing it.
AskPassphrase passphrase_from(const Options& options);

struct Output {
    std::string result = {};  // to standard output: public things only
    std::string notes = {};   // to standard error, for people
};

proto::Result<Output> run_init(const Options& options, proto::WallTime now);
proto::Result<Output> run_request(const Options& options, proto::WallTime now);
proto::Result<Output> run_sign(const Options& options, proto::WallTime now);
proto::Result<Output> run_issue(const Options& options, proto::WallTime now);
proto::Result<Output> run_show(const Options& options, proto::WallTime now);
proto::Result<Output> run_revoke(const Options& options, proto::WallTime now);
proto::Result<Output> run_crl(const Options& options, proto::WallTime now);
proto::Result<Output> run_collective_key(const Options& options, proto::WallTime now);
proto::Result<Output> run_token(const Options& options, proto::WallTime now);
proto::Result<Output> run_serve_enrolment(const Options& options, proto::WallTime now);  // until TERM or INT
proto::Result<Output> run_enrol(const Options& options, proto::WallTime now);
proto::Result<Output> run_renew(const Options& options, proto::WallTime now);
proto::Result<Output> run_bundle(const Options& options, proto::WallTime now);
proto::Result<Output> run_verify(const Options& options, proto::WallTime now);

}  // namespace mco::security::ca
