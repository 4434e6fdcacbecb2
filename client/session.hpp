#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "client/command.hpp"
#include "client/gather.hpp"
#include "client/reply_opener.hpp"
#include "client/request.hpp"
#include "client/selection.hpp"
#include "client/target.hpp"
#include "proto/ddl.hpp"
#include "proto/filter.hpp"
#include "proto/schema_library.hpp"
#include "security/collective_key.hpp"

namespace mco::client {

// A command's configuration, its DDLs and, from the first call on, its attachment to the mesh. Everything an operator can get
// wrong is found before anything is sent.
class Session {
 public:
    // Reads the configuration; its warnings go to stderr. The context must outlive the session.
    static proto::Result<std::unique_ptr<Session>> open(Context& context);

    const Config& config() const { return config_; }
    // Filter, collective and the rest of who is asked, from the options. With `agent` only nodes that have it are meant. Asks the
    // mesh or another source for names where a limit, a batch or a discovery method takes them; who is not among them then is
    // not asked later.
    proto::Result<Target> target(const std::string& agent = {});
    // The same for one node, whatever the filter options say.
    proto::Result<Target> target_node(const std::string& node, const std::string& agent) const;
    proto::Result<proto::AgentSchema> schema(const std::string& agent) const;
    std::vector<std::string> agents() const;  // whose DDLs are here, by name
    // agent, action, arguments, target, times: -t, or the DDL's timeout and the discovery timeout together; --ttl.
    proto::Result<Call> prepare(const Target& target, const proto::AgentSchema& schema,
                                const proto::ActionSchema& action, proto::Value::Map arguments) const;
    // Attaches at the first call. Batches come back as one result. Errors: identity, trust, nobody reachable, refused.
    // With --preview or --can-i nothing is ever performed: the answer is printed here, the context has the command's status, and
    // the error that comes back only ends the command.
    proto::Result<Gathered> call(const Target& target, const Call& call, Gather::Watcher watcher);
    // What became of the nodes, for -I @last.failed and its like. A file that cannot be written is a warning.
    void remember(const Gathered& gathered, const Account& account);
    // Waits between two calls; false if the operator pressed Ctrl-C meanwhile.
    bool pause(proto::Duration time);
    // The command's status; with compat_exit an incomplete result is as good as in MCollective.
    ExitStatus status(const Account& account, Choice choice) const;
    ExitStatus incomplete() const { return config_.compat_exit ? ExitStatus::ok : ExitStatus::incomplete; }

 private:
    Session(Context& context, Config config, proto::SchemaLibrary library)
        : context_(context), config_(std::move(config)), library_(std::move(library)) {}
    proto::Result<void> identify();
    proto::Result<std::string> collective() const;
    proto::Result<Selection> selection(const proto::Filter& filter) const;
    proto::Result<Target> target_of(proto::Filter filter, std::string collective, const std::string& agent) const;
    proto::Result<void> name_nodes(Target& target, const proto::Filter& typed, const Selection& selection);
    NamedSet named_sets();
    proto::Result<Gathered> call_nodes(const Target& target, const Call& call, Gather::Watcher watcher);
    proto::Result<Gathered> call_once(const Call& call, Gather::Watcher watcher);

    Context& context_;
    Config config_;
    proto::SchemaLibrary library_;
    std::unique_ptr<security::Identity> identity_;  // the links refer to these two
    std::unique_ptr<security::TrustStore> trust_;
    security::CollectiveKeys keys_;
    std::unique_ptr<Links> links_;
    std::optional<EntryLink> entry_;
    std::optional<ReplyOpener> opener_;
};

}  // namespace mco::client
