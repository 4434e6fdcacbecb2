#include "node/agents/service_manager.hpp"

namespace mco::node {

std::string_view word(ServiceManager::State state) {
    switch (state) {
        case ServiceManager::State::running:
            return "running";
        case ServiceManager::State::stopped:
            return "stopped";
    }
    return "unknown";
}

std::string_view word(ServiceManager::Change change) {
    switch (change) {
        case ServiceManager::Change::start:
            return "start";
        case ServiceManager::Change::stop:
            return "stop";
        case ServiceManager::Change::restart:
            return "restart";
    }
    return "unknown";
}

}  // namespace mco::node
