/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The detector under any sequence of scans, times, reloads and owners: see judge-model.h. */

#include "judge-program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct program program;

        program_init(&program, data, size);
        program_run(&program);
        if (program.model.broken[0] != '\0') {
                fprintf(stderr, "at step %llu, property %s\n",
                        (unsigned long long)program.model.steps, program.model.broken);
                abort();
        }
        program_done(&program);
        return 0;
}
