#include "node/program.hpp"

// A proxy is a daemon without agents that always relays.
int main(int argc, char** argv) { return mco::node::run_program(mco::node::Program::proxy, {}, argc, argv); }
