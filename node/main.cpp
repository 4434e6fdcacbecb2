#include "node/agents/discovery.hpp"
#include "node/agents/mesh.hpp"
#include "node/agents/rpcutil.hpp"
#include "node/program.hpp"

int main(int argc, char** argv) {
    mco::node::Discovery discovery;
    mco::node::Mesh mesh;
    mco::node::Rpcutil rpcutil;
    return mco::node::run_program(mco::node::Program::mcod, {&discovery, &mesh, &rpcutil}, argc, argv);
}
