#include "tests/unit/node/scripts.hpp"

#include <fstream>
#include <sstream>

namespace mco::test {

std::string Scripts::log() const {
    std::ifstream file(dir_ / "log");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace mco::test
