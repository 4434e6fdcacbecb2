#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mesh/io/endpoint.hpp"
#include "mesh/io/host.hpp"
#include "mesh/io/socket.hpp"
#include "mesh/io/zap.hpp"

// Private to mesh/io.
namespace mco::mesh::io {

// The bound XPUB, and who has subscribed to what. A subscription comes with the User-Id of its connection; the loss of a
// connection only shows as the unsubscription of a topic that nobody else had, and without a User-Id. So each peer has a
// presence topic of its own, which only its key may subscribe to, and whose loss ends all its other topics.
class Fanout {
 public:
    struct News {
        proto::PeerId peer{};
        std::string topic;
        bool subscribed = false;
    };
    // Whose key this is, if a link to it is verified now.
    using WhoIs = std::function<std::optional<proto::PeerId>(const proto::CurvePublicKey&)>;

    // `counters` must outlive the fan-out.
    static proto::Result<Fanout> open(const Context& context, const security::CurvePair& own, Host::Counters& counters);
    proto::Result<Endpoint> listen(const Endpoint& wanted, Rng& rng);

    void service(const WhoIs& who_is, std::size_t messages_max, std::vector<News>& into);
    void publish(const std::string& topic, proto::BytesView frame);
    std::vector<std::string> topics_of(const proto::PeerId& peer) const;
    void* handle() const { return socket_.handle(); }

    // Dials ourselves with a key that nobody has ever seen, and fails unless it is turned away. A few milliseconds.
    proto::Result<void> prove_strangers_are_refused(const Context& context, ZapDesk& desk, const Endpoint& bound,
                                                    const proto::CurvePublicKey& own);

 private:
    explicit Fanout(Host::Counters& counters) : counters_(&counters) {}
    void on_subscribed(const WhoIs& who_is, const Received& received, std::vector<News>& into);
    void on_unsubscribed(const std::string& topic, std::vector<News>& into);

    Host::Counters* counters_;
    Socket socket_;
    std::map<proto::PeerId, std::set<std::string>> topics_;
};

}  // namespace mco::mesh::io
