#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "client/command.hpp"
#include "client/gather.hpp"
#include "client/request.hpp"
#include "proto/ddl.hpp"
#include "proto/filter.hpp"
#include "proto/schema_library.hpp"

namespace mco::client {

// Whom a command means.
struct Target {
    proto::Filter filter;
    proto::Matcher matcher;
    std::string collective;
    Choice choice = Choice::by_filter;
    std::chrono::seconds data_time{0};  // how long the data functions of the filter may take
};

// A command's configuration, its DDLs and, from the first call on, its attachment to the mesh. Everything an operator can get
// wrong is found before anything is sent.
class Session {
 public:
    // Reads the configuration; its warnings go to stderr. The context must outlive the session.
    static proto::Result<std::unique_ptr<Session>> open(Context& context);

    const Config& config() const { return config_; }
    // Filter and collective from the options. With `agent` only nodes that have it are meant.
    proto::Result<Target> target(const std::string& agent = {}) const;
    // The same for one node, whatever the filter options say.
    proto::Result<Target> target_node(const std::string& node, const std::string& agent) const;
    proto::Result<proto::AgentSchema> schema(const std::string& agent) const;
    std::vector<std::string> agents() const;  // whose DDLs are here, by name
    // agent, action, arguments, target, times: -t, or the DDL's timeout and the discovery timeout together; --ttl.
    proto::Result<Call> prepare(const Target& target, const proto::AgentSchema& schema,
                                const proto::ActionSchema& action, proto::Value::Map arguments) const;
    // Attaches at the first call. Errors: identity, trust, nobody reachable, refused.
    proto::Result<Gathered> call(const Call& call, Gather::Watcher watcher);
    // Waits between two calls; false if the operator pressed Ctrl-C meanwhile.
    bool pause(proto::Duration time);
    // The command's status; with compat_exit an incomplete result is as good as in MCollective.
    ExitStatus status(const Account& account, Choice choice) const;

 private:
    Session(Context& context, Config config, proto::SchemaLibrary library)
        : context_(context), config_(std::move(config)), library_(std::move(library)) {}
    proto::Result<void> identify();
    proto::Result<std::string> collective() const;

    Context& context_;
    Config config_;
    proto::SchemaLibrary library_;
    std::unique_ptr<security::Identity> identity_;  // the links refer to these two
    std::unique_ptr<security::TrustStore> trust_;
    std::unique_ptr<Links> links_;
    std::optional<EntryLink> entry_;
};

}  // namespace mco::client
