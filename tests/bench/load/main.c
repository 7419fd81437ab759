/* SPDX-License-Identifier: MIT
   The load program of the benchmarks; settings.c tells what it does. */
#include <stdio.h>

#include "bench/load/load.h"

int main(int argc, char **argv)
{
    struct settings settings;
    char problem[200];
    if (!settings_parse(&settings, argc, argv, problem, sizeof problem)) {
        fprintf(stderr, "bench_load: %s\n%s", problem, settings_usage);
        return 2;
    }
    return load_run(&settings);
}
