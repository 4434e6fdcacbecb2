#include "bench/floor_crew.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace mco::bench {

Crew::Crew(const FloorShape& shape, Work work) : shape_(shape), work_(work) {
    if (!shape.processes) return;
    for (std::size_t i = 0; i < shape.agents; ++i) fork_one();
}

Crew::~Crew() {
    for (const int end : pipes_) ::close(end);
    for (const pid_t child : children_) ::kill(child, SIGKILL);
    for (const pid_t child : children_) ::waitpid(child, nullptr, 0);
}

bool Crew::start(const std::string& hub) {
    if (!shape_.processes) {
        thread_ = std::jthread([hub, work = work_, shape = shape_](const std::stop_token& stop) { work(hub, shape.agents, shape, stop); });
        return true;
    }
    for (const int end : pipes_) {
        if (::write(end, hub.data(), hub.size()) != static_cast<ssize_t>(hub.size())) return false;
    }
    return true;
}

void Crew::fork_one() {
    int ends[2];
    if (::pipe(ends) != 0) return;
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // an interrupted benchmark leaves nobody behind
        ::close(ends[1]);
        char text[512] = {};
        const auto size = ::read(ends[0], text, sizeof text - 1);
        if (size > 0) work_(std::string(text, static_cast<std::size_t>(size)), 1, shape_, {});
        ::_exit(0);
    }
    ::close(ends[0]);
    pipes_.push_back(ends[1]);
    if (child > 0) children_.push_back(child);
}

}  // namespace mco::bench
