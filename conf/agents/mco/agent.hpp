#pragma once

#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

// An external agent of mcod in C++17: a table of actions, and a main that says `return mco::agent::serve({...})`. It speaks both ways that
// docs/agents.md tells of: started for each call, or, with "mode": "persistent" in the DDL, kept and fed with lines. One thread.
namespace mco::agent {

using Json = nlohmann::json;

// Thrown by an action: the caller sees status and message. 1 failed, 3 data missing, 4 data invalid, 5 other.
struct Failure : std::runtime_error {
    Failure(int status, const std::string& message) : std::runtime_error(message), statuscode(status) {}
    int statuscode;
};

// Gets the whole request; its inputs are in request.at("data"), who asks in request.at("callerid"). Returns the outputs as an object.
using Action = std::function<Json(const Json& request)>;
using Actions = std::map<std::string, Action>;

inline Json answer(const Actions& actions, const Json& request) {
    Json reply{{"statuscode", 0}, {"statusmsg", "OK"}, {"data", Json::object()}};
    const auto fail = [&](int status, const std::string& why) {
        reply["statuscode"] = status;
        reply["statusmsg"] = why;
    };
    try {
        const auto action = actions.find(request.value("action", ""));
        if (action == actions.end()) {
            fail(2, "unknown action");
        } else {
            reply["data"] = action->second(request);
        }
    } catch (const Failure& failure) {
        fail(failure.statuscode, failure.what());
    } catch (const Json::exception& error) {
        fail(4, error.what());
    } catch (const std::exception& error) {
        fail(5, error.what());
    }
    reply["requestid"] = request.value("requestid", "");
    return reply;
}

// main's exit status. A line that is no request is passed over; a file that is none is an error.
inline int serve(const Actions& actions) {
    const char* const in = std::getenv("CHORIA_EXTERNAL_REQUEST");
    const char* const out = std::getenv("CHORIA_EXTERNAL_REPLY");
    if (in == nullptr || out == nullptr) {
        for (std::string line; std::getline(std::cin, line);) {
            const Json request = Json::parse(line, nullptr, false);
            if (request.is_object()) std::cout << answer(actions, request).dump() << std::endl;
        }
        return 0;
    }
    std::ifstream file(in);
    const Json request = Json::parse(file, nullptr, false);
    if (!request.is_object()) {
        std::cerr << "the request is no JSON object\n";
        return 1;
    }
    const std::string protocol = request.value("protocol", "");
    const std::string activation = "activation_request";
    const bool asked = protocol.size() >= activation.size() && protocol.compare(protocol.size() - activation.size(), std::string::npos, activation) == 0;
    std::ofstream reply(out);
    reply << (asked ? Json{{"activate", true}} : answer(actions, request)).dump() << std::flush;
    return reply ? 0 : 1;
}

}  // namespace mco::agent
