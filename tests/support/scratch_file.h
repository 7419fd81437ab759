/* SPDX-License-Identifier: MIT
   A file beside the test for what is read by its name; also natively. */
#ifndef PORTLISTENER_TESTS_SUPPORT_SCRATCH_FILE_H
#define PORTLISTENER_TESTS_SUPPORT_SCRATCH_FILE_H

#include <stdio.h>
#include <stdlib.h>

/* scratch_file_write: in place of what was there; scratch_file_remove: it need not be there. */
static inline void scratch_file_write(const char *name, const char *at, size_t length)
{
    FILE *file = fopen(name, "wb");
    if (file == NULL || fwrite(at, 1, length, file) != length || fclose(file) != 0) {
        perror(name);
        abort();
    }
}

static inline void scratch_file_remove(const char *name)
{
    (void)remove(name);
}

#endif
