#define DOCTEST_CONFIG_IMPLEMENT
#include <csignal>

#include <doctest/doctest.h>

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a test that closes a child's pipe early wants EPIPE, not death
    doctest::Context context(argc, argv);
    context.setOption("no-path-filenames", true);
    return context.run();
}
