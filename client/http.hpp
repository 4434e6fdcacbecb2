#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "proto/error.hpp"

namespace mco::client {

struct HttpRequest {
    std::string url;
    std::string body;                   // JSON; sent with POST
    std::string ca, certificate, key;   // files; empty: the system's authorities, and no certificate of our own
    bool kerberos = false;              // authenticate as who has a ticket
    std::chrono::seconds patience{10};  // for everything together
    std::size_t answer_max = 0;         // octets
};

// What a server answered with status 200. Redirects are not followed. libcurl is loaded at the first call, so that commands without
// it do not pay for it. Errors name the URL: unreachable, another status, too large, libcurl missing.
proto::Result<std::string> http_post(const HttpRequest& request);

}  // namespace mco::client
