/* SPDX-License-Identifier: MIT
   The smallest DLL that pe_file_check takes, to be spoilt by tests. */
#ifndef PORTLISTENER_TESTS_SUPPORT_PE_IMAGE_H
#define PORTLISTENER_TESTS_SUPPORT_PE_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    PE_IMAGE_SIZE = 0x600,
    PE_IMAGE_COFF = 0x84, /* offsets in the file */
    PE_IMAGE_OPTIONAL = 0x98,
    PE_IMAGE_SECTIONS = 0x118, /* behind two data directories: code, then the tables */
    PE_IMAGE_EXPORTS = 0x400,
    PE_IMAGE_FUNCTIONS = 0x440,
    PE_IMAGE_NAMES = 0x450,
    PE_IMAGE_ORDINALS = 0x460,
    PE_IMAGE_NAME = 0x480,
    PE_IMAGE_IMPORTS = 0x500, /* two, then the end */
    PE_IMAGE_FIRST = 0x540,
    PE_IMAGE_SECOND = 0x560
};

static inline void pe_image_put(uint8_t *image, size_t offset, size_t size, uint32_t value)
{
    for (size_t i = 0; i < size; i++) {
        image[offset + i] = (uint8_t)(value >> 8 * i);
    }
}

static inline void pe_image_section(uint8_t *image, size_t index, uint32_t rva, uint32_t offset,
                                    uint32_t flags)
{
    const size_t header = PE_IMAGE_SECTIONS + 40 * index;
    pe_image_put(image, header + 8, 4, 0x200);
    pe_image_put(image, header + 12, 4, rva);
    pe_image_put(image, header + 16, 4, 0x200);
    pe_image_put(image, header + 20, 4, offset);
    pe_image_put(image, header + 36, 4, flags);
}

static inline void pe_image_import(uint8_t *image, size_t index, uint32_t name)
{
    pe_image_put(image, PE_IMAGE_IMPORTS + 20 * index + 12, 4, name - 0x400 + 0x2000);
}

/* pe_image_make: PE_IMAGE_SIZE bytes at `image`, for x64, exporting portlistener_handler, needing FIRST.dll and
   second.dll. */
static inline void pe_image_make(uint8_t *image)
{
    memset(image, 0, PE_IMAGE_SIZE);
    image[0] = 'M';
    image[1] = 'Z';
    pe_image_put(image, 60, 4, 0x80);
    image[0x80] = 'P'; /* and two zeros */
    image[0x81] = 'E';
    pe_image_put(image, PE_IMAGE_COFF, 2, 0x8664);
    pe_image_put(image, PE_IMAGE_COFF + 2, 2, 2);
    pe_image_put(image, PE_IMAGE_COFF + 16, 2, 128);
    pe_image_put(image, PE_IMAGE_COFF + 18, 2, 0x2022);
    pe_image_put(image, PE_IMAGE_OPTIONAL, 2, 0x20B);
    pe_image_put(image, PE_IMAGE_OPTIONAL + 108, 4, 2);
    pe_image_put(image, PE_IMAGE_OPTIONAL + 112, 4, 0x2000);
    pe_image_put(image, PE_IMAGE_OPTIONAL + 116, 4, 0x100);
    pe_image_put(image, PE_IMAGE_OPTIONAL + 120, 4, 0x2100);
    pe_image_put(image, PE_IMAGE_OPTIONAL + 124, 4, 60);
    pe_image_section(image, 0, 0x1000, 0x200, 0x60000020);
    pe_image_section(image, 1, 0x2000, 0x400, 0x40000040);
    pe_image_put(image, PE_IMAGE_EXPORTS + 16, 4, 1);
    pe_image_put(image, PE_IMAGE_EXPORTS + 20, 4, 1);
    pe_image_put(image, PE_IMAGE_EXPORTS + 24, 4, 1);
    pe_image_put(image, PE_IMAGE_EXPORTS + 28, 4, 0x2040);
    pe_image_put(image, PE_IMAGE_EXPORTS + 32, 4, 0x2050);
    pe_image_put(image, PE_IMAGE_EXPORTS + 36, 4, 0x2060);
    pe_image_put(image, PE_IMAGE_FUNCTIONS, 4, 0x1000);
    pe_image_put(image, PE_IMAGE_NAMES, 4, 0x2080);
    memcpy(image + PE_IMAGE_NAME, "portlistener_handler", 21);
    pe_image_import(image, 0, PE_IMAGE_FIRST);
    pe_image_import(image, 1, PE_IMAGE_SECOND);
    memcpy(image + PE_IMAGE_FIRST, "FIRST.dll", 10);
    memcpy(image + PE_IMAGE_SECOND, "second.dll", 11);
}

#endif
