// Agent load: kept running. A request is a line of JSON on standard input, its answer a line on standard output.

#include <array>
#include <fstream>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

using Json = nlohmann::json;

namespace {

// What is remembered from one request to the next is why this agent is kept.
struct Load {
    double before = 0;
    int requests = 0;

    Json sample() {
        std::array<double, 3> averages{};
        std::ifstream file("/proc/loadavg");
        if (!(file >> averages[0] >> averages[1] >> averages[2]))
            return {{"statuscode", 1}, {"statusmsg", "/proc/loadavg cannot be read"}};
        const double change = requests++ == 0 ? 0 : averages[0] - before;
        before = averages[0];
        return {{"statuscode", 0},
                {"statusmsg", "OK"},
                {"data", {{"averages", averages}, {"change", change}, {"requests", requests}}}};
    }
};

}  // namespace

int main() {
    Load load;
    for (std::string line; std::getline(std::cin, line);) {
        const Json request = Json::parse(line, nullptr, false);
        if (!request.is_object()) continue;
        Json answer = request.value("action", "") == "sample"
                          ? load.sample()
                          : Json{{"statuscode", 2}, {"statusmsg", "unknown action"}};
        answer["requestid"] = request.value("requestid", "");  // says which request it answers
        std::cout << answer.dump() << std::endl;
    }
}
