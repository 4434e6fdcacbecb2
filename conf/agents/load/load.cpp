// Agent load: kept running, so that it knows what it answered before. Built with: c++ -std=c++17 -O2 load.cpp -o load

#include <array>
#include <fstream>

#include <mco/agent.hpp>

namespace {

using mco::agent::Json;

// What is remembered from one request to the next is why this agent is kept.
struct Load {
    double before = 0;
    int requests = 0;

    Json sample() {
        std::array<double, 3> averages{};
        std::ifstream file("/proc/loadavg");
        if (!(file >> averages[0] >> averages[1] >> averages[2])) throw mco::agent::Failure(1, "/proc/loadavg cannot be read");
        const double change = requests++ == 0 ? 0 : averages[0] - before;
        before = averages[0];
        return {{"averages", averages}, {"change", change}, {"requests", requests}};
    }
};

}  // namespace

int main() {
    Load load;
    return mco::agent::serve({{"sample", [&](const Json&) { return load.sample(); }}});
}
