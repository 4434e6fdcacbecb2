#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdlib>
#include <cstring>

#include <doctest/doctest.h>

// doctest's own options, and three of ours: --seeds N --first S, and --trace 1, which prints what every node does.
int main(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; ++i) {
        if (std::strcmp(argv[i], "--seeds") == 0) ::setenv("MCO_SEEDS", argv[i + 1], 1);
        if (std::strcmp(argv[i], "--trace") == 0) ::setenv("MCO_TRACE", argv[i + 1], 1);
        if (std::strcmp(argv[i], "--first") == 0) ::setenv("MCO_SEED", argv[i + 1], 1);
    }
    doctest::Context context(argc, argv);
    context.setOption("no-path-filenames", true);
    return context.run();
}
