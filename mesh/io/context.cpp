#include <zmq.h>

#include <cstdio>
#include <cstdlib>

#include "mesh/io/dial_link.hpp"

namespace mco::mesh::io {

struct Context::Impl {
    void* handle = nullptr;
    std::uint64_t sockets = 0;
};

Context::Context(std::uint32_t io_threads, std::size_t sockets_max) : impl_(std::make_unique<Impl>()) {
    impl_->handle = zmq_ctx_new();
    const bool ready =
        impl_->handle != nullptr && zmq_ctx_set(impl_->handle, ZMQ_IO_THREADS, static_cast<int>(io_threads)) == 0 &&
        zmq_ctx_set(impl_->handle, ZMQ_MAX_SOCKETS, static_cast<int>(sockets_max)) == 0 && zmq_ctx_set(impl_->handle, ZMQ_BLOCKY, 0) == 0;
    if (!ready) {
        std::fprintf(stderr, "mco: libzmq gives no context: %s\n", zmq_strerror(zmq_errno()));
        std::abort();
    }
}

Context::~Context() {
    // Every socket is closed by now and none lingers longer than its owner said, so this only waits for the I/O thread.
    while (zmq_ctx_term(impl_->handle) != 0 && zmq_errno() == EINTR) {}
}

void* Context::handle() const { return impl_->handle; }
void Context::count_socket() const { ++impl_->sockets; }
std::uint64_t Context::sockets_opened() const { return impl_->sockets; }

}  // namespace mco::mesh::io
