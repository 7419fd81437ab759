/* SPDX-License-Identifier: MIT
   Fuzzing handler/pe_file.h. The first byte chooses: bytes of a file, or changes to a right one, each an offset of two
   bytes and a value of one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "handler/pe_file.h"
#include "support/pe_image.h"

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

static void fuzz_pe_file__run(const uint8_t *at, size_t length, uint16_t machine)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);
    struct pe_problem problem = {.what = "", .remedy = NULL};
    REQUIRE(copy != NULL);
    if (length > 0) {
        memcpy(copy, at, length);
    }
    const bool is_right = pe_file_check(copy, length, machine, "portlistener_handler", &problem);
    for (size_t i = 0; i < 4; i++) {
        char name[PE_IMPORT_NAME_ROOM];
        const bool is_found = pe_file_import(copy, length, i, name);
        REQUIRE(memchr(name, '\0', sizeof name) != NULL && is_found == (name[0] != '\0'));
    }
    free(copy);
    REQUIRE(is_right == (problem.what == NULL) && is_right == (problem.remedy == NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const uint16_t machine = (data[0] & 2) != 0 ? PE_ARM64 : PE_X64;
    if ((data[0] & 1) != 0) {
        fuzz_pe_file__run(data + 1, size - 1, machine);
        return 0;
    }
    uint8_t image[PE_IMAGE_SIZE];
    pe_image_make(image);
    for (size_t i = 1; i + 3 <= size; i += 3) {
        image[(data[i] | (size_t)data[i + 1] << 8) % sizeof image] = data[i + 2];
    }
    fuzz_pe_file__run(image, sizeof image, machine);
    return 0;
}
