#include "node/agents/built_in.hpp"
#include "node/program.hpp"

int main(int argc, char** argv) {
    mco::node::BuiltInAgents agents;
    return mco::node::run_program(mco::node::Program::mcod, agents.all(), argc, argv);
}
