#include "mesh/io/venue.hpp"

#include <utility>

#include "mesh/io/dial_link.hpp"
#include "mesh/io/zap.hpp"

namespace mco::mesh::io {

struct Venue::Impl {
    explicit Impl(const Options& options) : context(options.io_threads, options.sockets_max) {}
    Context context;
    std::optional<ZapDesk> desk;  // closed before the context
};

Venue::Venue(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Venue::~Venue() = default;

proto::Result<std::unique_ptr<Venue>> Venue::open(Options options) {
    auto impl = std::make_unique<Impl>(options);
    auto desk = ZapDesk::open(impl->context);
    if (!desk) return tl::unexpected(desk.error());
    impl->desk.emplace(std::move(*desk));
    return std::unique_ptr<Venue>(new Venue(std::move(impl)));
}

bool Venue::service(proto::Now now) { return impl_->desk->service(now); }
std::optional<proto::Instant> Venue::next_deadline() const { return impl_->desk->next_deadline(); }
int Venue::descriptor() const { return impl_->desk->descriptor(); }
Context& Venue::context() { return impl_->context; }
ZapDesk& Venue::desk() { return *impl_->desk; }

}  // namespace mco::mesh::io
