#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/io/endpoint.hpp"
#include "mesh/io/host.hpp"
#include "mesh/io/socket.hpp"
#include "mesh/io/zap.hpp"

// Private to mesh/io.
namespace mco::mesh::io {

// The bound XPUB, and who has subscribed to what. Each subscription is put to us and takes effect only if we grant it: a
// peer may have its own presence topic, what relays hear (R) if its record says that it can be one, and what leaves hear
// (E, L) of collectives that its record names. Callers have nothing to hear here.
//
// Who subscribes or unsubscribes is told by the User-Id of his message. The loss of a connection shows as the
// unsubscription of all its topics, one after the other and without a User-Id: the presence topic among them says whose.
//
// An attacker would try: to read requests of other collectives (not granted), to unsubscribe others (only his own topics
// are his), to subscribe without end (bounded for each peer), to look like another that is gone (presence is per key).
class Fanout {
 public:
    // Somebody with a verified link.
    struct Subscriber {
        proto::PeerId peer{};
        const proto::PeerRecordBody* record = nullptr;  // none of callers
    };
    struct News {
        proto::PeerId peer{};
        std::string topic;
        bool subscribed = false;
    };
    // Whose key this is, if a link to it is verified now. The answer is used before the next question.
    using WhoIs = std::function<std::optional<Subscriber>(const proto::CurvePublicKey&)>;

    // `counters` must outlive the fan-out.
    static proto::Result<Fanout> open(const Context& context, const security::CurvePair& own, std::string_view zap_domain,
                                      Host::Counters& counters);
    proto::Result<Endpoint> listen(const Endpoint& wanted, Rng& rng);

    void service(const WhoIs& who_is, std::size_t messages_max, std::vector<News>& into);
    void publish(const std::string& topic, proto::BytesView frame);
    std::vector<std::string> topics_of(const proto::PeerId& peer) const;
    void* handle() const { return socket_.handle(); }
    bool drained() { return socket_.drained(); }

    // Dials ourselves with a key that nobody has ever seen, and fails unless it is turned away. A few milliseconds,
    // on a machine that is overloaded up to 20 s.
    proto::Result<void> prove_strangers_are_refused(const Context& context, ZapDesk& desk, const ZapPlace& place,
                                                    const Endpoint& bound, const proto::CurvePublicKey& own);

 private:
    explicit Fanout(Host::Counters& counters) : counters_(&counters) {}
    // How often a peer has each topic: two connections of it may overlap while it dials anew.
    using Topics = std::map<std::string, std::size_t>;
    void on_subscribed(const Subscriber& who, std::string topic, std::vector<News>& into);
    void on_unsubscribed(const proto::PeerId& peer, const std::string& topic, std::vector<News>& into);
    void on_lost(std::string topic, std::vector<News>& into);
    void drop(std::map<proto::PeerId, Topics>::iterator of, const std::string& topic, std::vector<News>& into);

    Host::Counters* counters_;
    Socket socket_;
    std::map<proto::PeerId, Topics> topics_;
    std::vector<std::string> lost_;  // topics of a connection whose presence topic has not been read yet
};

}  // namespace mco::mesh::io
