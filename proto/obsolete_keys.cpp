#include "proto/obsolete_keys.hpp"

#include <array>

namespace mco::proto {
namespace {

struct Row {
    std::string_view key;  // a final '*' stands for anything
    std::string_view text;
};

constexpr std::string_view no_broker =
    "there is no broker any more: nodes find each other by listen and seed, mco by entry";
constexpr std::string_view own_keys =
    "everybody has a key of their own: set certificate, secret_keys and trust (mco-ca makes them)";
constexpr std::string_view no_registration =
    "nodes send nothing by themselves; the collector asks them: mco registration, with registerinterval and registration in its client.cfg";
constexpr std::string_view no_serializer = "there is one wire format, and it carries no code";

constexpr auto rows = std::to_array<Row>({
    {"connector", no_broker},
    {"topicprefix", no_broker},
    {"topicsep", no_broker},
    {"queueprefix", no_broker},
    {"plugin.activemq.*", no_broker},
    {"plugin.rabbitmq.*", no_broker},
    {"plugin.stomp.*", no_broker},
    {"direct_addressing", "requests always go to exactly the nodes that are meant"},
    {"direct_addressing_threshold", "requests always go to exactly the nodes that are meant"},
    {"securityprovider", own_keys},
    {"ssl_cipher", "the ciphers are fixed"},
    {"plugin.psk", own_keys},
    {"plugin.psk.*", own_keys},
    {"plugin.ssl_serializer", no_serializer},
    {"plugin.ssl.enforce_ttl", "requests that are too old are always refused"},
    {"plugin.ssl_*", own_keys},
    {"plugin.aes.serializer", no_serializer},
    {"plugin.aes.enforce_ttl", "requests that are too old are always refused"},
    {"plugin.aes.*", own_keys},
    {"plugin.sshkey.*", own_keys},
    {"registration", no_registration},
    {"registerinterval", no_registration},
    {"registration_collective", no_registration},
    {"registration_splay", no_registration},
    {"plugin.registration.*", no_registration},
    {"rpcaudit", "every decision is audited once plugin.rpcaudit.logfile names a file"},
    {"rpcauditprovider", "every decision is audited once plugin.rpcaudit.logfile names a file"},
    {"plugin.logstash.*", "the audit file of plugin.rpcaudit.logfile holds one JSON object a line; ship that"},
    {"plugin.centralrpclog.*", "the audit file of plugin.rpcaudit.logfile holds one JSON object a line; ship that"},
    {"rpcauthorization", "every action needs a policy file's leave; see policies"},
    {"rpcauthprovider", "every action needs a policy file's leave; see policies"},
    {"daemonize", "mcod stays in the foreground; the service manager starts and stops it"},
    {"soft_shutdown", "running actions are always awaited, as long as soft_shutdown_timeout says"},
    {"keeplogs", "only the log of mcod is a file that it rotates; mco writes to the terminal"},
    {"max_log_size", "only the log of mcod is a file that it rotates; mco writes to the terminal"},
    {"plugin.facter.*", "factsource = facter runs the program as it is installed"},
    {"plugin.package.yum_clean_mode", "packages are dealt with by apt"},
    {"plugin.package.puppet.*", "packages are dealt with by apt, without options of Puppet's providers"},
    {"plugin.package.yum.*", "packages are dealt with by apt"},
    {"plugin.service.puppet.*", "services are dealt with by systemd or init scripts, without options of Puppet's providers"},
    {"plugin.puppet.windows_service", "the agent is not for Windows"},
    {"rpchelptemplate", "help texts are built in"},
    {"helptemplatedir", "help texts are built in"},
});

struct Owner {
    std::string_view key;
    Reader reader;
};

constexpr auto owners = std::to_array<Owner>({
    {"factsource", Reader::mcod},
    {"fact_cache_time", Reader::mcod},
    {"plugin.yaml", Reader::mcod},
    {"classesfile", Reader::mcod},
    {"activate_agents", Reader::mcod},
    {"soft_shutdown_timeout", Reader::mcod},
    {"plugin.rpcaudit.logfile", Reader::mcod},
    {"plugin.actionpolicy.*", Reader::mcod},
    {"ttl", Reader::mco},
    {"default_discovery_method", Reader::mco},
    {"default_discovery_options", Reader::mco},
    {"discovery_timeout", Reader::mco},
    {"publish_timeout", Reader::mco},
    {"connection_timeout", Reader::mco},
    {"threaded", Reader::mco},
    {"rpclimitmethod", Reader::mco},
    {"default_batch_size", Reader::mco},
    {"default_batch_sleep_time", Reader::mco},
    {"color", Reader::mco},
    {"plugin.rpc.graph", Reader::mco},
    {"plugin.discovery.*", Reader::mco},
    {"plugin.metadata.*", Reader::mco},
    {"plugin.process.fields", Reader::mco},
});

}  // namespace

bool stands_for(std::string_view pattern, std::string_view key) {
    if (pattern.ends_with('*')) return key.starts_with(pattern.substr(0, pattern.size() - 1));
    return key == pattern;
}

std::optional<std::string_view> replacement(std::string_view key) {
    for (const Row& row : rows) {  // in order: a particular key stands before the group it is in
        if (stands_for(row.key, key)) return row.text;
    }
    return std::nullopt;
}

std::optional<Reader> only_reader(std::string_view key) {
    for (const Owner& owner : owners) {
        if (stands_for(owner.key, key)) return owner.reader;
    }
    if (key.starts_with("plugin.") && key.ends_with(".activate_agent")) return Reader::mcod;
    return std::nullopt;
}

}  // namespace mco::proto
