#include "node/metrics.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "proto/text_file.hpp"

namespace mco::node {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr auto interval = std::chrono::seconds(15);

ClientMetric measured(MetricType type, double value, std::vector<ClientMetric::Label> labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    return metric;
}

double unix_time(proto::WallTime time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace

std::string metrics_text(const DaemonState& state) {
    std::vector<MetricFamily> families;
    const auto family = [&](std::string name, std::string help, MetricType type) -> std::vector<ClientMetric>& {
        families.push_back({std::move(name), std::move(help), type, {}});
        return families.back().metric;
    };
    const auto gauge = [&](std::string name, std::string help, double value) {
        family(std::move(name), std::move(help), MetricType::Gauge).push_back(measured(MetricType::Gauge, value));
    };
    const auto& mesh = state.mesh;
    family("mco_info", "What this is; always 1", MetricType::Gauge)
        .push_back(measured(MetricType::Gauge, 1,
                            {{"name", state.name},
                             {"software", state.software},
                             {"group", mesh.group},
                             {"role", mesh.role == mesh::Engine::Role::relay ? "relay" : "leaf"}}));
    gauge("mco_ready", "1 while the node belongs to its group", state.ready ? 1 : 0);
    gauge("mco_start_time_seconds", "When the daemon was started", unix_time(state.started));
    gauge("mco_certificate_expiry_time_seconds", "When its certificate ends", unix_time(state.certificate_until));
    gauge("mco_members", "Known members of the group, itself included; a leaf knows the relays", static_cast<double>(mesh.members));
    gauge("mco_links", "Links to other nodes and proxies", static_cast<double>(mesh.links.size()));
    gauge("mco_groups", "Other groups that are known", static_cast<double>(mesh.other_groups.size()));
    gauge("mco_actions_running", "Actions that have not ended", static_cast<double>(state.running));
    for (const auto& row : named_counters())
        family(row.name == "total" ? std::string("mco_requests_total") : fmt::format("mco_requests_{}_total", row.name), std::string(row.meaning), MetricType::Counter)
            .push_back(measured(MetricType::Counter, static_cast<double>(state.counters.*row.value)));
    auto& events = family("mco_mesh_events_total", "What sockets carried and the mesh noticed, see docs/mesh.md", MetricType::Counter);
    for (const auto& count : mesh.counters)
        events.push_back(measured(MetricType::Counter, static_cast<double>(count.value), {{"event", std::string(count.name)}}));
    return prometheus::TextSerializer().Serialize(families);
}

void MetricsFile::write(proto::Instant now, const std::filesystem::path& file, const DaemonState& state) {
    due_ = now + interval;
    const auto written = proto::replace_file(file, metrics_text(state), 0644);
    if (!written && !broken_) log_.warn(fmt::format("metrics_file: {}", written.error().detail));
    broken_ = !written;
}

}  // namespace mco::node
