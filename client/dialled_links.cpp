#include "client/dialled_links.hpp"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "mesh/io/dial_link.hpp"
#include "security/entropy.hpp"

// The only file that knows mesh/io. Everything above it can be tested with a mesh made of paper.
namespace mco::client {
namespace {

constexpr std::size_t frames_per_turn = 256;

// Ctrl-C as something to read. Where that is impossible (no descriptors left), it ends the process as ever.
class Interrupts {
 public:
    Interrupts() {
        sigset_t mask;
        sigemptyset(&mask);
        sigaddset(&mask, SIGINT);
        if (::sigprocmask(SIG_BLOCK, &mask, &before_) != 0) return;
        descriptor_ = ::signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
        if (descriptor_ < 0) ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    }
    ~Interrupts() {
        if (descriptor_ < 0) return;
        ::close(descriptor_);
        ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    }
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;

    std::span<const int> descriptors() const {
        return descriptor_ < 0 ? std::span<const int>() : std::span<const int>(&descriptor_, 1);
    }
    bool take() {
        signalfd_siginfo caught{};
        return descriptor_ >= 0 && ::read(descriptor_, &caught, sizeof caught) == sizeof caught;
    }

 private:
    sigset_t before_{};
    int descriptor_ = -1;
};

class DialledLinks final : public Links {
 public:
    DialledLinks(const security::Identity& self, security::TrustStore& trust) : self_(self), trust_(trust) {}

    LinkId dial(const Entry& entry) override {
        mesh::io::DialLink::Retry once;
        once.keep_trying = false;
        links_.push_back({std::make_unique<mesh::io::DialLink>(context_, entry.endpoint, entry.key, self_, trust_,
                                                               proto::Bytes(), once, security::entropy::number()),
                          next_id_});
        return next_id_++;
    }

    void hang_up(LinkId link) override {
        std::erase_if(links_, [&](const Dialled& dialled) { return dialled.id == link; });
    }

    bool send(LinkId link, proto::BytesView frame) override {
        const auto found = find(link);
        return found != nullptr && found->send(frame);
    }

    std::string peer_name(LinkId link) const override {
        const auto found = find(link);
        return found != nullptr && found->up() ? found->peer().name : std::string();
    }

    proto::Now now() override { return mesh::io::sample_clocks(); }

    void wait(proto::Instant until, std::vector<Event>& into) override {
        std::vector<mesh::io::DialLink*> alive;
        alive.reserve(links_.size());
        for (const auto& dialled : links_) alive.push_back(dialled.link.get());
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now().mono);
        const auto woken =
            mesh::io::wait(alive, interrupts_.descriptors(), std::max(left, std::chrono::milliseconds(0)));
        if (interrupts_.take()) into.push_back({Event::Kind::interrupted, 0, {}, {}});
        std::vector<LinkId> ended;
        for (auto& dialled : links_) {
            if (service(dialled, woken, into) == Life::ended) ended.push_back(dialled.id);
        }
        for (const auto id : ended) hang_up(id);
    }

 private:
    struct Dialled {
        std::unique_ptr<mesh::io::DialLink> link;
        LinkId id = 0;
    };
    enum class Life { goes_on, ended };

    // The first `down` or `gone` ends a link: it is dialled once.
    static Life service(Dialled& dialled, proto::Now now, std::vector<Event>& into) {
        std::vector<mesh::io::DialLink::Event> happened;
        dialled.link->service(now, frames_per_turn, happened);
        for (auto& event : happened) {
            switch (event.kind) {
                case mesh::io::DialLink::Event::Kind::up:
                    into.push_back({Event::Kind::up, dialled.id, {}, {}});
                    break;
                case mesh::io::DialLink::Event::Kind::frame:
                    into.push_back({Event::Kind::frame, dialled.id, std::move(event.frame), {}});
                    break;
                case mesh::io::DialLink::Event::Kind::down:
                case mesh::io::DialLink::Event::Kind::gone:
                    into.push_back({Event::Kind::lost, dialled.id, {}, std::move(event.why)});
                    return Life::ended;
            }
        }
        return Life::goes_on;
    }

    mesh::io::DialLink* find(LinkId link) const {
        const auto found =
            std::find_if(links_.begin(), links_.end(), [&](const Dialled& dialled) { return dialled.id == link; });
        return found == links_.end() ? nullptr : found->link.get();
    }

    const security::Identity& self_;
    security::TrustStore& trust_;
    Interrupts interrupts_;      // before the context, whose threads inherit the mask
    mesh::io::Context context_;  // before the links, so that it outlives them
    std::vector<Dialled> links_;
    LinkId next_id_ = 1;
};

}  // namespace

std::unique_ptr<Links> open_links(const security::Identity& self, security::TrustStore& trust) {
    return std::make_unique<DialledLinks>(self, trust);
}

}  // namespace mco::client
