/* SPDX-License-Identifier: MIT
   Tests of handler/pe_file.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handler/pe_file.h"
#include "support/exact.h"
#include "support/pe_image.h"

/* From a block of just its size, so that a sanitizer sees a read behind it. */
static bool check(const uint8_t *at, size_t length, uint16_t machine, struct pe_problem *problem_out)
{
    char *copy = exact_copy((const char *)at, length);
    const bool is_right =
        pe_file_check((const uint8_t *)copy, length, machine, "portlistener_handler", problem_out);
    free(copy);
    assert_int_equal(problem_out->what == NULL, is_right);
    assert_int_equal(problem_out->remedy == NULL, is_right);
    return is_right;
}

static void assert_refused(const uint8_t *at, size_t length, const char *what)
{
    struct pe_problem problem;
    assert_false(check(at, length, PE_X64, &problem));
    assert_string_equal(problem.what, what);
}

static void test_right(void **state)
{
    (void)state;
    uint8_t image[PE_IMAGE_SIZE];
    struct pe_problem problem;
    pe_image_make(image);
    assert_true(check(image, sizeof image, PE_X64, &problem));
    pe_image_put(image, PE_IMAGE_COFF, 2, PE_ARM64);
    assert_true(check(image, sizeof image, PE_ARM64, &problem));
}

/* One change of `size` bytes makes it `what`. */
struct change {
    size_t offset;
    size_t size;
    uint32_t value;
    const char *what;
};

#define TABLES      "the tables of exports are not in the file"
#define SECTIONS    "the number of sections is not 1 to 96"
#define MISSING     "the DLL does not export portlistener_handler"
#define NO_FUNCTION "the export portlistener_handler is not a function"

static void test_one_change(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {0, 1, 'N', "the file is no Windows program: it does not begin with \"MZ\""},
        {1, 1, 'N', "the file is no Windows program: it does not begin with \"MZ\""},
        {60, 4, 0xFFFFFFFF, "the file ends before its PE header is complete"},
        {60, 4, PE_IMAGE_SIZE - 23, "the file ends before its PE header is complete"},
        {0x80, 2, 'N' | 'E' << 8, "the file has no PE header: it is a program for DOS, or damaged"},
        {PE_IMAGE_COFF, 2, PE_X86, "the DLL is for 32-bit x86"},
        {PE_IMAGE_COFF, 2, PE_ARM64, "the DLL is for ARM64"},
        {PE_IMAGE_COFF, 2, 0x1C4, "the DLL is for another processor"},
        {PE_IMAGE_COFF + 18, 2, 0x2020, "its linker marked the file as not fit to run"},
        {PE_IMAGE_COFF + 18, 2, 0x0022, "the file is a program (EXE), not a DLL"},
        {PE_IMAGE_COFF + 16, 2, 0xFFFF, "the file ends within its optional header"},
        {PE_IMAGE_COFF + 16, 2, 1, "the optional header is too short"},
        {PE_IMAGE_COFF + 16, 2, 111, "the optional header is too short"},
        {PE_IMAGE_OPTIONAL, 2, 0x10B, "the optional header is that of a 32-bit DLL (PE32)"},
        {PE_IMAGE_OPTIONAL, 2, 0x107, "the optional header is of an unknown kind"},
        {PE_IMAGE_COFF + 2, 2, 0, SECTIONS},
        {PE_IMAGE_COFF + 2, 2, 97, SECTIONS},
        {PE_IMAGE_COFF + 2, 2, 96, "the file ends within its section headers"},
        {PE_IMAGE_SECTIONS + 16, 4, 0xFFFFFFFF, "the file ends within a section"},
        {PE_IMAGE_SECTIONS + 60, 4, PE_IMAGE_SIZE - 0x1FF, "the file ends within a section"},
        {PE_IMAGE_OPTIONAL + 108, 4, 0, "the DLL exports nothing"},
        {PE_IMAGE_OPTIONAL + 112, 4, 0, "the DLL exports nothing"},
        {PE_IMAGE_OPTIONAL + 112, 4, 0x3000, "the export directory is not in the file"},
        {PE_IMAGE_OPTIONAL + 112, 4, 0x21D9, "the export directory is not in the file"},
        {PE_IMAGE_EXPORTS + 20, 4, 0xFFFFFFFF, TABLES},
        {PE_IMAGE_EXPORTS + 24, 4, 0xFFFFFFFF, TABLES},
        {PE_IMAGE_EXPORTS + 28, 4, 0, TABLES},
        {PE_IMAGE_EXPORTS + 32, 4, 0xFFFFFFFF, TABLES},
        {PE_IMAGE_EXPORTS + 36, 4, 0x21FF, TABLES},
        {PE_IMAGE_EXPORTS + 24, 4, 0, MISSING},
        {PE_IMAGE_NAMES, 4, 0x21F8, MISSING},
        {PE_IMAGE_NAMES, 4, 0x9000, MISSING},
        {PE_IMAGE_NAME + 20, 1, '2', MISSING},
        {PE_IMAGE_NAME, 1, '_', MISSING},
        {PE_IMAGE_ORDINALS, 2, 1, "the export portlistener_handler has no address"},
        {PE_IMAGE_FUNCTIONS, 4, 0x20C0, "the export portlistener_handler is another DLL's (a forwarder)"},
        {PE_IMAGE_FUNCTIONS, 4, 0x2100, NO_FUNCTION},
        {PE_IMAGE_FUNCTIONS, 4, 0, NO_FUNCTION},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t image[PE_IMAGE_SIZE];
        pe_image_make(image);
        pe_image_put(image, changes[i].offset, changes[i].size, changes[i].value);
        assert_refused(image, sizeof image, changes[i].what);
    }
}

static void test_no_room_for_directories(void **state)
{
    (void)state;
    uint8_t image[PE_IMAGE_SIZE];
    pe_image_make(image);
    memmove(image + PE_IMAGE_SECTIONS - 16, image + PE_IMAGE_SECTIONS, 80);
    pe_image_put(image, PE_IMAGE_COFF + 16, 2, 112);
    assert_refused(image, sizeof image, "the DLL exports nothing");
}

static void test_other_machine(void **state)
{
    (void)state;
    uint8_t image[PE_IMAGE_SIZE];
    struct pe_problem problem;
    pe_image_make(image);
    assert_false(check(image, sizeof image, PE_ARM64, &problem));
    assert_string_equal(problem.what, "the DLL is for x64");
    assert_string_equal(problem.remedy, "build it for ARM64, as this program is");
}

static void test_cut(void **state)
{
    (void)state;
    uint8_t image[PE_IMAGE_SIZE];
    struct pe_problem problem;
    pe_image_make(image);
    for (size_t length = 0; length < sizeof image; length++) {
        assert_false(check(image, length, PE_X64, &problem));
    }
    assert_refused(image, 0, "the file is empty");
    assert_refused(image, 1, "the file is no Windows program: it does not begin with \"MZ\"");
    assert_refused(image, 63, "the file ends within its DOS header");
    assert_refused(image, PE_IMAGE_OPTIONAL - 1, "the file ends before its PE header is complete");
    assert_refused(image, PE_IMAGE_SECTIONS - 1, "the file ends within its optional header");
    assert_refused(image, PE_IMAGE_SECTIONS + 79, "the file ends within its section headers");
    assert_refused(image, sizeof image - 1, "the file ends within a section");
}

/* ---- What it needs ---- */

static void assert_import(const uint8_t *at, size_t length, size_t index, const char *name)
{
    char found[PE_IMPORT_NAME_ROOM] = "left over";
    char *copy = exact_copy((const char *)at, length);
    const bool is_found = pe_file_import((const uint8_t *)copy, length, index, found);
    free(copy);
    assert_string_equal(found, name != NULL ? name : "");
    assert_int_equal(is_found, name != NULL);
}

static void test_imports(void **state)
{
    (void)state;
    uint8_t image[PE_IMAGE_SIZE];
    pe_image_make(image);
    assert_import(image, sizeof image, 0, "FIRST.dll");
    assert_import(image, sizeof image, 1, "second.dll");
    assert_import(image, sizeof image, 2, NULL);
    assert_import(image, sizeof image, 3, NULL);
    assert_import(image, sizeof image, 4096, NULL);
    assert_import(image, sizeof image, SIZE_MAX, NULL);
    pe_image_put(image, PE_IMAGE_COFF, 2, PE_ARM64); /* whoever it is for */
    assert_import(image, sizeof image, 1, "second.dll");
}

static void test_no_imports(void **state)
{
    (void)state;
    static const struct {
        size_t offset, size;
        uint32_t value;
    } changes[] = {
        {0, 1, 'N'},
        {PE_IMAGE_COFF + 18, 2, 0x22},            /* no DLL */
        {PE_IMAGE_OPTIONAL, 2, 0x10B},            /* PE32 */
        {PE_IMAGE_OPTIONAL + 108, 4, 1},          /* the directory is not there, */
        {PE_IMAGE_OPTIONAL + 120, 4, 0},          /* empty, */
        {PE_IMAGE_OPTIONAL + 120, 4, 0x3000},     /* not in the file, */
        {PE_IMAGE_OPTIONAL + 120, 4, 0xFFFFFFF8}, /* at the end of all, */
        {PE_IMAGE_OPTIONAL + 120, 4, 0x21ED},     /* or cut */
        {PE_IMAGE_IMPORTS + 12, 4, 0},            /* the name is not there, */
        {PE_IMAGE_IMPORTS + 12, 4, 0x9000},       /* not in the file, */
        {PE_IMAGE_IMPORTS + 12, 4, 0x2100},       /* empty, */
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t image[PE_IMAGE_SIZE];
        pe_image_make(image);
        pe_image_put(image, changes[i].offset, changes[i].size, changes[i].value);
        assert_import(image, sizeof image, 0, NULL);
    }
}

static void test_no_room_for_imports(void **state)
{
    (void)state;
    uint8_t image[PE_IMAGE_SIZE];
    pe_image_make(image);
    memmove(image + PE_IMAGE_SECTIONS - 8, image + PE_IMAGE_SECTIONS, 80);
    pe_image_put(image, PE_IMAGE_COFF + 16, 2, 120);
    assert_import(image, sizeof image, 0, NULL);
}

/* The name ends where the section does, or where there is no more room. */
static void test_import_without_an_end(void **state)
{
    (void)state;
    uint8_t image[PE_IMAGE_SIZE];
    pe_image_make(image);
    memset(image + PE_IMAGE_SECOND, 'x', PE_IMAGE_SIZE - PE_IMAGE_SECOND);
    assert_import(image, sizeof image, 1, NULL);
    pe_image_make(image);
    memset(image + 0x200, 'x', 0x200); /* the code */
    pe_image_put(image, PE_IMAGE_IMPORTS + 20 + 12, 4, 0x1000);
    assert_import(image, sizeof image, 1, NULL);
    image[0x200 + PE_IMPORT_NAME_ROOM - 1] = '\0';
    char name[PE_IMPORT_NAME_ROOM];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_import(image, sizeof image, 1, name);
}

static void test_imports_of_what_is_cut(void **state)
{
    (void)state;
    uint8_t image[PE_IMAGE_SIZE];
    pe_image_make(image);
    for (size_t length = 0; length < sizeof image; length++) {
        assert_import(image, length, 0, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right),
        cmocka_unit_test(test_one_change),
        cmocka_unit_test(test_no_room_for_directories),
        cmocka_unit_test(test_other_machine),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_imports),
        cmocka_unit_test(test_no_imports),
        cmocka_unit_test(test_no_room_for_imports),
        cmocka_unit_test(test_import_without_an_end),
        cmocka_unit_test(test_imports_of_what_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
