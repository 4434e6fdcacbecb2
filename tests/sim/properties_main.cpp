#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdlib>
#include <cstring>

#include <doctest/doctest.h>

// doctest's own options, and two of ours: --seeds N --first S.
int main(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; ++i) {
        if (std::strcmp(argv[i], "--seeds") == 0) ::setenv("MCO_SEEDS", argv[i + 1], 1);
        if (std::strcmp(argv[i], "--first") == 0) ::setenv("MCO_SEED", argv[i + 1], 1);
    }
    doctest::Context context(argc, argv);
    context.setOption("no-path-filenames", true);
    return context.run();
}
