/* SPDX-License-Identifier: MIT */
#include "handler/pe_file.h"

#include <string.h>

enum {
    DOS_HEADER_SIZE = 64,
    PE_OFFSET_AT = 60, /* in the DOS header */
    COFF_SIZE = 24,    /* with the signature "PE\0\0" */
    OPTIONAL_MIN = 112,
    EXPORTS_AT = 112, /* in the optional header: data directory 0 */
    SECTION_SIZE = 40,
    SECTIONS_MAX = 96, /* the loader's limit */
    EXPORT_DIRECTORY_SIZE = 40,
    IMPORTS_AT = 120, /* data directory 1 */
    IMPORT_SIZE = 20,
    IMPORTS_MAX = 4096, /* more than any DLL has */

    MAGIC_PE32 = 0x10B,
    MAGIC_PE32_PLUS = 0x20B,
    FILE_EXECUTABLE = 0x0002,
    FILE_DLL = 0x2000
};
#define SECTION_EXECUTE 0x20000000U

#define GET_AGAIN "copy the file again, or build it again"
#define NO_PLUGIN "give the file of a plugin, a DLL built for this program"

struct image {
    const uint8_t *at;
    size_t length;
    uint64_t optional; /* offsets in the file */
    uint64_t sections;
    uint32_t section_count;
    uint32_t exports; /* RVA and size of the export directory */
    uint32_t exports_size;
    uint32_t function_count;
    uint32_t name_count;
    uint64_t functions; /* offsets in the file */
    uint64_t names;
    uint64_t ordinals;
};

static bool pe_file__refuse(struct pe_problem *problem_out, const char *what, const char *remedy)
{
    *problem_out = (struct pe_problem){.what = what, .remedy = remedy};
    return false;
}

static bool pe_file__has(const struct image *image, uint64_t offset, uint64_t size)
{
    return offset <= image->length && size <= image->length - offset;
}

/* The caller has asked pe_file__has. */
static uint16_t pe_file__u16(const struct image *image, uint64_t offset)
{
    const uint8_t *at = image->at + offset;
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t pe_file__u32(const struct image *image, uint64_t offset)
{
    return pe_file__u16(image, offset) | (uint32_t)pe_file__u16(image, offset + 2) << 16;
}

/* The offset in the file of `size` bytes that will be at `rva`; 0: no section has them. That each section is in the
   file is known here. `flags_out` are the section's. */
static uint64_t pe_file__find(const struct image *image, uint32_t rva, uint64_t size, uint32_t *flags_out)
{
    for (uint32_t i = 0; i < image->section_count; i++) {
        const uint64_t header = image->sections + (uint64_t)i * SECTION_SIZE;
        const uint32_t start = pe_file__u32(image, header + 12);
        const uint32_t stored = pe_file__u32(image, header + 16);
        const uint64_t offset = (uint64_t)pe_file__u32(image, header + 20) + (rva - start);
        if (rva >= start && rva - start < stored && size <= stored - (rva - start)) {
            *flags_out = pe_file__u32(image, header + 36);
            return offset;
        }
    }
    return 0;
}

static bool pe_file__read_dos(struct image *image, struct pe_problem *problem_out)
{
    if (image->length == 0) {
        return pe_file__refuse(problem_out, "the file is empty", GET_AGAIN);
    }
    if (image->length < 2 || image->at[0] != 'M' || image->at[1] != 'Z') {
        return pe_file__refuse(problem_out, "the file is no Windows program: it does not begin with \"MZ\"",
                               NO_PLUGIN);
    }
    if (image->length < DOS_HEADER_SIZE) {
        return pe_file__refuse(problem_out, "the file ends within its DOS header", GET_AGAIN);
    }
    const uint64_t pe = pe_file__u32(image, PE_OFFSET_AT);
    if (!pe_file__has(image, pe, COFF_SIZE)) {
        return pe_file__refuse(problem_out, "the file ends before its PE header is complete", GET_AGAIN);
    }
    if (memcmp(image->at + pe, "PE\0\0", 4) != 0) {
        return pe_file__refuse(problem_out, "the file has no PE header: it is a program for DOS, or damaged",
                               NO_PLUGIN);
    }
    image->optional = pe + COFF_SIZE;
    return true;
}

static bool pe_file__is_machine(uint16_t found, uint16_t machine, struct pe_problem *problem_out)
{
    if (found == machine) {
        return true;
    }
    const char *remedy = machine == PE_ARM64 ? "build it for ARM64, as this program is"
                                             : "build it for 64-bit x64, as this program is";
    const char *what = found == PE_X86     ? "the DLL is for 32-bit x86"
                       : found == PE_X64   ? "the DLL is for x64"
                       : found == PE_ARM64 ? "the DLL is for ARM64"
                                           : "the DLL is for another processor";
    return pe_file__refuse(problem_out, what, remedy);
}

static bool pe_file__read_coff(struct image *image, uint16_t machine, struct pe_problem *problem_out)
{
    const uint64_t coff = image->optional - COFF_SIZE + 4;
    const uint16_t optional_size = pe_file__u16(image, coff + 16);
    const uint16_t flags = pe_file__u16(image, coff + 18);
    if (!pe_file__is_machine(pe_file__u16(image, coff), machine, problem_out)) {
        return false;
    }
    if ((flags & FILE_EXECUTABLE) == 0) {
        return pe_file__refuse(problem_out, "its linker marked the file as not fit to run",
                               "build it without errors of the linker");
    }
    if ((flags & FILE_DLL) == 0) {
        return pe_file__refuse(problem_out, "the file is a program (EXE), not a DLL", NO_PLUGIN);
    }
    image->section_count = pe_file__u16(image, coff + 2);
    image->sections = image->optional + optional_size;
    if (!pe_file__has(image, image->optional, optional_size)) {
        return pe_file__refuse(problem_out, "the file ends within its optional header", GET_AGAIN);
    }
    if (optional_size < 2 ||
        (pe_file__u16(image, image->optional) == MAGIC_PE32_PLUS && optional_size < OPTIONAL_MIN)) {
        return pe_file__refuse(problem_out, "the optional header is too short", GET_AGAIN);
    }
    return true;
}

static bool pe_file__read_optional(struct image *image, struct pe_problem *problem_out)
{
    const uint16_t magic = pe_file__u16(image, image->optional);
    if (magic == MAGIC_PE32) {
        return pe_file__refuse(problem_out, "the optional header is that of a 32-bit DLL (PE32)",
                               "build it as a 64-bit DLL (PE32+)");
    }
    if (magic != MAGIC_PE32_PLUS) {
        return pe_file__refuse(problem_out, "the optional header is of an unknown kind", GET_AGAIN);
    }
    if (image->section_count == 0 || image->section_count > SECTIONS_MAX) {
        return pe_file__refuse(problem_out, "the number of sections is not 1 to 96", GET_AGAIN);
    }
    if (!pe_file__has(image, image->sections, (uint64_t)image->section_count * SECTION_SIZE)) {
        return pe_file__refuse(problem_out, "the file ends within its section headers", GET_AGAIN);
    }
    for (uint32_t i = 0; i < image->section_count; i++) {
        const uint64_t header = image->sections + (uint64_t)i * SECTION_SIZE;
        if (!pe_file__has(image, pe_file__u32(image, header + 20), pe_file__u32(image, header + 16))) {
            return pe_file__refuse(problem_out, "the file ends within a section", GET_AGAIN);
        }
    }
    return true;
}

static bool pe_file__read_exports(struct image *image, struct pe_problem *problem_out)
{
    const bool has_directory = image->sections - image->optional >= EXPORTS_AT + 8 &&
                               pe_file__u32(image, image->optional + EXPORTS_AT - 4) > 0;
    uint32_t flags = 0;
    image->exports = has_directory ? pe_file__u32(image, image->optional + EXPORTS_AT) : 0;
    image->exports_size = has_directory ? pe_file__u32(image, image->optional + EXPORTS_AT + 4) : 0;
    if (image->exports == 0) {
        return pe_file__refuse(problem_out, "the DLL exports nothing",
                               "mark portlistener_handler with __declspec(dllexport)");
    }
    const uint64_t directory = pe_file__find(image, image->exports, EXPORT_DIRECTORY_SIZE, &flags);
    if (directory == 0) {
        return pe_file__refuse(problem_out, "the export directory is not in the file", GET_AGAIN);
    }
    image->function_count = pe_file__u32(image, directory + 20);
    image->name_count = pe_file__u32(image, directory + 24);
    if (image->name_count == 0) {
        return true;
    }
    image->functions = pe_file__find(image, pe_file__u32(image, directory + 28),
                                     (uint64_t)image->function_count * 4, &flags);
    image->names =
        pe_file__find(image, pe_file__u32(image, directory + 32), (uint64_t)image->name_count * 4, &flags);
    image->ordinals =
        pe_file__find(image, pe_file__u32(image, directory + 36), (uint64_t)image->name_count * 2, &flags);
    if (image->functions == 0 || image->names == 0 || image->ordinals == 0) {
        return pe_file__refuse(problem_out, "the tables of exports are not in the file", GET_AGAIN);
    }
    return true;
}

static bool pe_file__check_function(const struct image *image, uint32_t index, struct pe_problem *problem_out)
{
    const uint32_t ordinal = pe_file__u16(image, image->ordinals + (uint64_t)index * 2);
    if (ordinal >= image->function_count) {
        return pe_file__refuse(problem_out, "the export portlistener_handler has no address", GET_AGAIN);
    }
    const uint32_t rva = pe_file__u32(image, image->functions + (uint64_t)ordinal * 4);
    uint32_t flags = 0;
    if (rva >= image->exports && rva - image->exports < image->exports_size) {
        return pe_file__refuse(problem_out, "the export portlistener_handler is another DLL's (a forwarder)",
                               "let the plugin export a function of its own");
    }
    if (pe_file__find(image, rva, 1, &flags) == 0 || (flags & SECTION_EXECUTE) == 0) {
        return pe_file__refuse(problem_out, "the export portlistener_handler is not a function",
                               "export a function that returns the descriptor, not the descriptor");
    }
    return true;
}

bool pe_file_check(const uint8_t *at, size_t length, uint16_t machine, const char *name,
                   struct pe_problem *problem_out)
{
    struct image image = {.at = at, .length = length};
    const size_t name_size = strlen(name) + 1;
    *problem_out = (struct pe_problem){.what = NULL};
    if (!pe_file__read_dos(&image, problem_out) || !pe_file__read_coff(&image, machine, problem_out) ||
        !pe_file__read_optional(&image, problem_out) || !pe_file__read_exports(&image, problem_out)) {
        return false;
    }
    for (uint32_t i = 0; i < image.name_count; i++) {
        uint32_t flags = 0;
        const uint64_t found =
            pe_file__find(&image, pe_file__u32(&image, image.names + (uint64_t)i * 4), name_size, &flags);
        if (found != 0 && memcmp(at + found, name, name_size) == 0) {
            return pe_file__check_function(&image, i, problem_out);
        }
    }
    return pe_file__refuse(problem_out, "the DLL does not export portlistener_handler",
                           "export it undecorated: extern \"C\" __declspec(dllexport)");
}

/* Where the import directory is, as an RVA; 0: there is none. */
static uint32_t pe_file__imports(const struct image *image)
{
    const bool has_directory = image->sections - image->optional >= IMPORTS_AT + 8 &&
                               pe_file__u32(image, image->optional + EXPORTS_AT - 4) > 1;
    return has_directory ? pe_file__u32(image, image->optional + IMPORTS_AT) : 0;
}

/* Up to the end of what is in the file at that place, or of the room. */
static bool pe_file__copy_name(const struct image *image, uint32_t rva, char *name_out)
{
    uint32_t flags = 0;
    for (uint32_t i = 0; i < PE_IMPORT_NAME_ROOM; i++) {
        const uint64_t offset = pe_file__find(image, rva + i, 1, &flags);
        if (offset == 0) {
            break;
        }
        name_out[i] = (char)image->at[offset];
        if (name_out[i] == '\0') {
            return i > 0;
        }
    }
    return false;
}

bool pe_file_import(const uint8_t *at, size_t length, size_t index, char name_out[PE_IMPORT_NAME_ROOM])
{
    struct image image = {.at = at, .length = length};
    struct pe_problem problem;
    uint32_t flags = 0;
    bool is_found = false;
    if (index < IMPORTS_MAX && pe_file__read_dos(&image, &problem) &&
        pe_file__read_coff(&image, pe_file__u16(&image, image.optional - COFF_SIZE + 4), &problem) &&
        pe_file__read_optional(&image, &problem)) {
        const uint32_t imports = pe_file__imports(&image);
        const uint64_t row =
            imports != 0 ? pe_file__find(&image, imports + (uint32_t)index * IMPORT_SIZE, IMPORT_SIZE, &flags)
                         : 0;
        const uint32_t name = row != 0 ? pe_file__u32(&image, row + 12) : 0;
        is_found = name != 0 && pe_file__copy_name(&image, name, name_out);
    }
    if (!is_found) {
        name_out[0] = '\0';
    }
    return is_found;
}
