#include "node/agents/discovery.hpp"
#include "node/agents/rpcutil.hpp"
#include "node/program.hpp"

int main(int argc, char** argv) {
    mco::node::Discovery discovery;
    mco::node::Rpcutil rpcutil;
    return mco::node::run_program(mco::node::Program::mcod, {&discovery, &rpcutil}, argc, argv);
}
