/* SPDX-License-Identifier: MIT
   Tests of handler/plugin_file.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "handler/plugin_file.h"
#include "support/fault.h"
#include "support/pe_image.h"
#include "support/plugin_folders.h"
#include "support/seam.h"
#include "support/support.h"

static struct plugin_folders folders;

static int setup(void **state)
{
    const int result = support_setup(state);
    plugin_folders_init(&folders);
    plugin_folders_trust();
    return result;
}

static int teardown(void **state)
{
    plugin_folders_fini(&folders);
    return support_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void assert_refused_as(const char *name, enum exit_code code, const char *expected)
{
    struct plugin_file file;
    struct failure failure;
    if (plugin_file_open(&file, folders.files.path, name, true, &failure)) {
        fail_msg("%s was taken", name);
    }
    if (strstr(failure.text, expected) == NULL) {
        fail_msg("%s: \"%s\" has no \"%s\"", name, failure.text, expected);
    }
    assert_int_equal(failure.code, code);
    assert_ptr_equal(file.handle, INVALID_HANDLE_VALUE);
}

static void assert_refused(const char *name, const char *expected)
{
    assert_refused_as(name, EXIT_CODE_CONFIGURATION, expected);
}

static void write_image(const char *name, size_t offset, size_t size, uint32_t value)
{
    uint8_t image[PE_IMAGE_SIZE];
    pe_image_make(image);
    pe_image_put(image, offset, size, value);
    folder_write(&folders.files, name, (const char *)image, sizeof image);
}

static void test_opens(void **state)
{
    (void)state;
    struct plugin_file file;
    struct failure failure;
    plugin_folders_put(&folders, "echo", 0);
    assert_true(plugin_file_open(&file, folders.files.path, "ECHO.Dll", true, &failure));
    assert_string_equal(file.name, "echo");
    assert_true(file.is_trusted);
    assert_true(file.size > 1000);
    assert_memory_equal(file.bytes, "MZ", 2);
    assert_non_null(strstr(file.path, "\\ECHO.Dll"));
    assert_false(folder_delete(&folders.files, "echo.dll")); /* nobody can, while it is open */
    assert_ptr_equal(
        folder_open(&folders.files, "echo.dll", GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE),
        INVALID_HANDLE_VALUE);
    plugin_file_close(&file);
    plugin_file_close(&file);
    assert_true(folder_delete(&folders.files, "echo.dll"));
    write_image("abcdefghijklmnopqrstuvwxyz_-0123.dll", 2, 1, 0);
    assert_true(
        plugin_file_open(&file, folders.files.path, "abcdefghijklmnopqrstuvwxyz_-0123.dll", true, &failure));
    plugin_file_close(&file);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "echo",
                                        ".dll",
                                        "echo.dl",
                                        "echo.dllx",
                                        "echo.dll ",
                                        "echo.dll.dll",
                                        "../echo.dll",
                                        "..\\echo.dll",
                                        "C:\\echo.dll",
                                        "C:echo.dll",
                                        "a b.dll",
                                        "\xC3\xA9.dll",
                                        "echo.dll:stream",
                                        "*.dll",
                                        "echo\n.dll",
                                        "\\\\server\\share\\echo.dll",
                                        "abcdefghijklmnopqrstuvwxyz0123456.dll"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_refused(names[i], "\" is no name of a plugin: write 1 to 32 of a-z, 0-9, _ and -, then .dll");
    }
    assert_refused("echo\n.dll", "\"echo\\n.dll\" is no name");
}

static void test_no_ordinary_files(void **state)
{
    (void)state;
    WCHAR wide[FOLDER_PATH_ROOM];
    assert_refused("absent.dll", "absent.dll cannot be loaded: there is no such file: error 2");
    assert_true(SEAM_REAL(MultiByteToWideChar)(CP_UTF8, 0, folder_join(&folders.files, "folder.dll"), -1,
                                               wide, FOLDER_PATH_ROOM) > 0);
    assert_true(SEAM_REAL(CreateDirectoryW)(wide, NULL));
    assert_refused("folder.dll",
                   "folder.dll cannot be loaded: it is a folder; put the file of a plugin there");
    assert_refused("nul.dll", "it is a device, not a file; give the plugin another name");
}

static BOOL WINAPI say_link(HANDLE file, FILE_INFO_BY_HANDLE_CLASS kind, LPVOID information, DWORD length)
{
    const BOOL result = SEAM_REAL(GetFileInformationByHandleEx)(file, kind, information, length);
    if (kind == FileAttributeTagInfo) {
        ((FILE_ATTRIBUTE_TAG_INFO *)information)->FileAttributes |= FILE_ATTRIBUTE_REPARSE_POINT;
    }
    return result;
}

static void test_links(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "echo", 0);
    seam_replace(IMPORT_GetFileInformationByHandleEx, (seam_function)say_link);
    assert_refused("echo.dll",
                   "it is a link or another reparse point, whose target can change; put the file itself");
}

static void test_no_plugins(void **state)
{
    (void)state;
    size_t length = 0;
    plugin_folders_put(&folders, "echo", 0);
    char *bytes = folder_read(&folders.files, "echo.dll", &length);
    folder_write(&folders.files, "truncated.dll", bytes, length / 2);
    free(bytes);
    folder_write(&folders.files, "empty.dll", "", 0);
    folder_write(&folders.files, "text.dll", "this is no DLL", 14);
    write_image("x86.dll", PE_IMAGE_COFF, 2, 0x14C);
    write_image("arm64.dll", PE_IMAGE_COFF, 2, 0xAA64);
    write_image("pe32.dll", PE_IMAGE_OPTIONAL, 2, 0x10B);
    write_image("program.dll", PE_IMAGE_COFF + 18, 2, 0x22);
    write_image("forwarder.dll", PE_IMAGE_FUNCTIONS, 4, 0x20C0);
    plugin_folders_put(&folders, "no-export", 0);
    assert_refused("empty.dll", "empty.dll cannot be loaded: the file is empty; copy the file again");
    assert_refused("text.dll", "text.dll cannot be loaded: the file is no Windows program");
    assert_refused("truncated.dll", "truncated.dll cannot be loaded: the file ends within");
    assert_refused("x86.dll", "the DLL is for 32-bit x86; build it for 64-bit x64");
    assert_refused("arm64.dll", "the DLL is for ARM64");
    assert_refused("pe32.dll", "32-bit DLL (PE32)");
    assert_refused("program.dll", "the file is a program (EXE), not a DLL");
    assert_refused("forwarder.dll", "is another DLL's (a forwarder)");
    assert_refused("no-export.dll", "the DLL does not export portlistener_handler; export it undecorated");
}

static BOOL WINAPI say_huge(HANDLE file, PLARGE_INTEGER size)
{
    (void)file;
    size->QuadPart = (LONGLONG)PLUGIN_FILE_SIZE_MAX + 1;
    return TRUE;
}

static BOOL WINAPI say_longer(HANDLE file, PLARGE_INTEGER size)
{
    const BOOL result = SEAM_REAL(GetFileSizeEx)(file, size);
    size->QuadPart++;
    return result;
}

static void test_sizes(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "echo", 0);
    seam_replace(IMPORT_GetFileSizeEx, (seam_function)say_huge);
    assert_refused("echo.dll", "it is larger than 64 MB");
    seam_replace(IMPORT_GetFileSizeEx, (seam_function)say_longer);
    assert_refused("echo.dll", "it ended while it was read; try again");
}

static void test_locked_for_writing(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "echo", 0);
    HANDLE writer = folder_open(&folders.files, "echo.dll", GENERIC_WRITE, FILE_SHARE_READ);
    assert_refused_as("echo.dll", EXIT_CODE_FAILED, "it is being written by ");
    folder_close(writer);
}

/* As this machine has them, the folders are open to others. */
static void test_not_trusted(void **state)
{
    (void)state;
    struct plugin_file file;
    struct failure failure;
    plugin_folders_put(&folders, "echo", 0);
    seam_restore();
    assert_refused("echo.dll", "icacls");
    assert_true(plugin_file_open(&file, folders.files.path, "echo.dll", false, &failure));
    assert_false(file.is_trusted);
    assert_non_null(strstr(file.distrust.text, "icacls"));
    plugin_file_close(&file);
    fault_arm(IMPORT_GetSecurityInfo, 1, ERROR_ACCESS_DENIED, 1);
    assert_refused_as("echo.dll", EXIT_CODE_FAILED, "its permissions are not to be had: error 5");
}

static void assert_fails(enum import import, uint32_t nth, DWORD code, enum exit_code exit_code,
                         const char *expected)
{
    fault_arm(import, nth, code, 1);
    assert_refused_as("echo.dll", exit_code, expected);
    assert_int_equal(fault_hits(), 1);
    fault_clear();
}

static void test_calls_that_fail(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "echo", 0);
    assert_fails(IMPORT_CreateFileW, 1, ERROR_ACCESS_DENIED, EXIT_CODE_ACCESS_DENIED,
                 "the account of this process needs the right to read it");
    assert_fails(IMPORT_CreateFileW, 1, ERROR_PATH_NOT_FOUND, EXIT_CODE_CONFIGURATION,
                 "there is no such file");
    assert_fails(IMPORT_CreateFileW, 1, ERROR_NOT_READY, EXIT_CODE_FAILED, "it cannot be opened: error 21");
    assert_fails(IMPORT_GetFileInformationByHandleEx, 1, ERROR_NOT_SUPPORTED, EXIT_CODE_FAILED,
                 "whether it is a file cannot be told: error 50");
    assert_fails(IMPORT_GetFileSizeEx, 1, ERROR_NOT_READY, EXIT_CODE_FAILED,
                 "its size cannot be told: error 21");
    assert_fails(IMPORT_ReadFile, 1, ERROR_READ_FAULT, EXIT_CODE_FAILED, "it cannot be read: error 30");
    for (uint32_t nth = 1;; nth++) { /* every allocation */
        struct plugin_file file;
        struct failure failure;
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        const bool is_open = plugin_file_open(&file, folders.files.path, "echo.dll", true, &failure);
        if (is_open) {
            assert_int_equal(fault_hits(), 0);
            plugin_file_close(&file);
            break;
        }
        assert_int_equal(failure.code, EXIT_CODE_FAILED);
        assert_non_null(strstr(failure.text, "no memory"));
        fault_clear();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_opens),           test(test_names), test(test_no_ordinary_files),  test(test_links),
        test(test_no_plugins),      test(test_sizes), test(test_locked_for_writing), test(test_not_trusted),
        test(test_calls_that_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
