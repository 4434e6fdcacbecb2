#pragma once

#include <memory>

#include "client/links.hpp"
#include "security/hello.hpp"
#include "security/trust_store.hpp"

namespace mco::client {

// Links made of sockets. From its making to its end Ctrl-C is an event here instead of the end of the process.
// `self` and `trust` must outlive it.
std::unique_ptr<Links> open_links(const security::Identity& self, security::TrustStore& trust);

}  // namespace mco::client
