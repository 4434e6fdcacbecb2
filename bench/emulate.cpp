// The command `emulate`: a fleet in one process, and what it takes.

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "bench/commands.hpp"
#include "bench/fleet.hpp"
#include "bench/sample.hpp"
#include "bench/watch.hpp"
#include "node/signals.hpp"
#include "security/entropy.hpp"

namespace mco::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using proto::Errc;
using proto::fail;

enum class Form { text, json };

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

double kibibytes(std::size_t bytes) { return static_cast<double>(bytes) / 1'024.0; }

void tell_ready(Form form, const EmulatedFleet::Plan& plan, const EmulatedFleet& fleet, Clock::duration took) {
    const auto now = fleet.figures();
    const auto nodes = static_cast<double>(plan.nodes);
    const auto memory = kibibytes(now.memory) / nodes, unlinked = kibibytes(now.unlinked);
    const auto descriptors = static_cast<double>(now.descriptors) / nodes;
    const auto processor = static_cast<double>(now.processor.count()) / nodes / 1'000.0;
    if (form == Form::json) {
        fmt::print(
            "{{\"name\":\"emulate\",\"event\":\"ready\",\"nodes\":{},\"groups\":{},\"processes\":{},\"seed\":{},\"client\":\"{}\",\"pid\":{},"
            "\"version\":\"{}\",\"machine\":\"{}\",\"relays\":{},\"connections\":{},\"start_s\":{:.2f},\"memory_kib_each\":{:.1f},"
            "\"memory_unlinked_kib_each\":{:.1f},\"descriptors_each\":{:.1f},\"start_processor_ms_each\":{:.2f}}}\n",
            plan.nodes, plan.groups, plan.processes, plan.seed, fleet.client_config().string(), ::getpid(), MCO_VERSION,
            machine(), now.relays, now.dialled, seconds(took), memory, unlinked, descriptors, processor);
    } else {
        fmt::print(
            "{} nodes in {} processes are ready after {:.1f} s: {} of them relay, {} connections among them\n"
            "each: {:.0f} KiB of memory with both ends of its connections ({:.0f} before its first link), {:.1f} descriptors,\n"
            "{:.1f} ms of processor time to start\n\n  mco ping -c {}\n\nCtrl-C ends them.\n",
            plan.nodes, plan.processes, seconds(took), now.relays, now.dialled, memory, unlinked, descriptors, processor,
            fleet.client_config().string());
    }
    std::fflush(stdout);
}

void tell_end(Form form, const EmulatedFleet::Plan& plan, const EmulatedFleet::Figures& before,
              const EmulatedFleet::Figures& now, Clock::duration took) {
    const auto replies = now.replies - before.replies;
    const auto processor = static_cast<double>((now.processor - before.processor).count());
    const auto each = replies == 0 ? 0.0 : processor / static_cast<double>(replies);
    const auto memory = kibibytes(now.memory) / static_cast<double>(plan.nodes);
    if (form == Form::json) {
        fmt::print(
            "{{\"name\":\"emulate\",\"event\":\"end\",\"nodes\":{},\"groups\":{},\"seed\":{},\"seconds\":{:.1f},\"replies\":{},"
            "\"processor_us\":{:.0f},\"processor_us_per_reply\":{:.1f},\"turns\":{},\"memory_kib_each\":{:.1f},\"descriptors\":{}}}\n",
            plan.nodes, plan.groups, plan.seed, seconds(took), replies, processor, each, now.turns - before.turns, memory,
            now.descriptors);
    } else {
        fmt::print("{} replies in {:.1f} s, {:.2f} s of processor time{}; {} turns; {:.0f} KiB of memory each at the end\n",
                   replies, seconds(took), processor / 1e6,
                   replies == 0 ? std::string() : fmt::format(", {:.0f} us a reply with what the idle mesh took", each),
                   now.turns - before.turns, memory);
    }
    std::fflush(stdout);
}

}  // namespace

proto::Result<void> run_emulate(Arguments arguments) {
    EmulatedFleet::Plan wanted;
    wanted.nodes = arguments.first_number("nodes", 1, 8'000);
    wanted.groups = arguments.number("groups", 1, 1, 64);
    wanted.relays = arguments.number("relays", 0, 0, 512);
    wanted.processes = arguments.number("processes", 0, 0, 64);
    wanted.workers = arguments.number("workers", 2, 1, 64);
    wanted.seed = arguments.number("seed", 1, 0, ~0ULL);
    wanted.filler = arguments.number("filler", 64, 0, 1 << 18);
    wanted.folder = arguments.text("folder", "");
    const auto limit = arguments.number("for", 0, 0, 1'000'000);
    const auto ready_descriptor = static_cast<int>(arguments.number("ready-fd", 0, 3, 1'000));
    const auto form = arguments.flag("json") ? Form::json : Form::text;
    if (auto done = arguments.done(); !done) return done;
    if (wanted.groups > wanted.nodes)
        return fail(Errc::invalid, fmt::format("{} groups need {} nodes at least", wanted.groups, wanted.groups));
    const auto plan = EmulatedFleet::fit(std::move(wanted));
    if (!plan) return tl::unexpected(plan.error());

    security::entropy::start();
    node::Signals::block();
    ::mallopt(M_ARENA_MAX, 2);
    const auto begin = Clock::now();
    auto fleet = EmulatedFleet::start(*plan);
    if (!fleet) return tl::unexpected(fleet.error());
    node::Signals signals;
    const auto whole = wait_until_whole(**fleet, plan->nodes, signals);
    if (!whole) return tl::unexpected(whole.error());
    if (!*whole) return fail(Errc::cancelled, "interrupted before all nodes were ready");

    const auto at_ready = (*fleet)->figures();
    const auto ready = Clock::now();
    tell_ready(form, *plan, **fleet, ready - begin);
    if (ready_descriptor != 0) tell_line(ready_descriptor, fmt::format("ready {}", (*fleet)->client_config().string()));
    const auto end = ready + std::chrono::seconds(limit);
    while (!asked_to_stop(signals) && (limit == 0 || Clock::now() < end)) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        if (auto told = (*fleet)->wait(signals.descriptor(), limit == 0 ? 1s : std::min<std::chrono::milliseconds>(left, 1s)); !told)
            return told;
    }
    const auto took = Clock::now() - ready;
    (*fleet)->stop();
    tell_end(form, *plan, at_ready, (*fleet)->figures(), took);
    return {};
}

}  // namespace mco::bench
