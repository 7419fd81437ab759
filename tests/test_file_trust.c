/* SPDX-License-Identifier: MIT
   Tests of base/file_trust.h. Wine has the permissions of Linux: what files and folders have is made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/file_trust.h"
#include "support/descriptor.h"
#include "support/fault.h"
#include "support/folder.h"
#include "support/seam.h"
#include "support/support.h"

#define SAFE "O:BAD:(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;WD)"
#define OPEN "O:BAD:(A;;FA;;;SY)(A;;FA;;;BU)"
/* as C:\ProgramData: adding to it is no harm further up */
#define DATA "O:SYD:(A;;FA;;;SY)(A;;0x1200af;;;BU)"

static struct {
    const char *sddl[8]; /* of the file, its folder, the one above ... */
    size_t asked;        /* how many were asked for */
    size_t link;         /* which one is a link, from 1; 0: none */
    size_t looked;       /* how many were asked about that */
    const WCHAR *path;   /* what the file's full path is */
    WCHAR opened[8][64]; /* folders that were opened */
    DWORD access;        /* as what they were */
    size_t opened_count;
} world;

static DWORD WINAPI get_security(HANDLE handle, SE_OBJECT_TYPE type, SECURITY_INFORMATION parts, PSID *owner,
                                 PSID *group, PACL *dacl, PACL *sacl, PSECURITY_DESCRIPTOR *descriptor)
{
    (void)handle, (void)owner, (void)group, (void)dacl, (void)sacl;
    assert_int_equal(type, SE_FILE_OBJECT);
    assert_int_equal(parts, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION);
    const char *sddl = world.sddl[world.asked++];
    *descriptor = descriptor_make(sddl != NULL ? sddl : SAFE);
    return ERROR_SUCCESS;
}

static BOOL WINAPI get_information(HANDLE file, FILE_INFO_BY_HANDLE_CLASS kind, LPVOID information,
                                   DWORD length)
{
    (void)file, (void)length;
    assert_int_equal(kind, FileAttributeTagInfo);
    FILE_ATTRIBUTE_TAG_INFO *tag = information;
    tag->FileAttributes = ++world.looked == world.link ? FILE_ATTRIBUTE_REPARSE_POINT : FILE_ATTRIBUTE_NORMAL;
    return TRUE;
}

static DWORD WINAPI get_path(HANDLE file, LPWSTR path, DWORD room, DWORD flags)
{
    (void)file, (void)room;
    assert_int_equal(flags, 0);
    wcscpy(path, world.path);
    return (DWORD)wcslen(path);
}

/* Any handle will do. */
static HANDLE WINAPI open_folder(LPCWSTR path, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security,
                                 DWORD disposition, DWORD flags, HANDLE like)
{
    WCHAR program[MAX_PATH];
    wcscpy(world.opened[world.opened_count++], path);
    world.access = access;
    assert_int_equal(flags, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT);
    assert_true(GetModuleFileNameW(NULL, program, MAX_PATH) > 0);
    return SEAM_REAL(CreateFileW)(program, FILE_READ_ATTRIBUTES, share, security, disposition, 0, like);
}

static int setup(void **state)
{
    memset(&world, 0, sizeof world);
    world.path = L"\\\\?\\C:\\Program Files\\PortListener\\plugins\\echo.dll";
    const int result = support_setup(state);
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)get_security);
    seam_replace(IMPORT_GetFileInformationByHandleEx, (seam_function)get_information);
    seam_replace(IMPORT_GetFinalPathNameByHandleW, (seam_function)get_path);
    seam_replace(IMPORT_CreateFileW, (seam_function)open_folder);
    return result;
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, support_teardown)

static bool check(struct failure *failure_out)
{
    world.asked = world.looked = world.opened_count = 0;
    *failure_out = (struct failure){.code = EXIT_CODE_DONE};
    return file_trust_check(GetCurrentProcess(), failure_out); /* no call reaches the system */
}

static void assert_refused(enum exit_code code, const char *expected)
{
    struct failure failure;
    assert_false(check(&failure));
    assert_int_equal(failure.code, code);
    if (strstr(failure.text, expected) == NULL) {
        fail_msg("\"%s\" has no \"%s\"", failure.text, expected);
    }
    assert_int_equal(failure.win32_error != 0, code == EXIT_CODE_FAILED);
}

static void test_looks_at_all_folders(void **state)
{
    (void)state;
    struct failure failure;
    assert_true(check(&failure));
    assert_int_equal(world.asked, 5);
    assert_int_equal(world.looked, 5);
    assert_int_equal(world.opened_count, 4);
    assert_int_equal(wcscmp(world.opened[0], L"\\\\?\\C:\\Program Files\\PortListener\\plugins"), 0);
    assert_int_equal(wcscmp(world.opened[1], L"\\\\?\\C:\\Program Files\\PortListener"), 0);
    assert_int_equal(wcscmp(world.opened[2], L"\\\\?\\C:\\Program Files"), 0);
    assert_int_equal(wcscmp(world.opened[3], L"\\\\?\\C:\\"), 0);
    assert_int_equal(world.access, READ_CONTROL | FILE_READ_ATTRIBUTES);
    world.path = L"\\\\?\\D:\\echo.dll";
    assert_true(check(&failure));
    assert_int_equal(world.opened_count, 1);
    assert_int_equal(wcscmp(world.opened[0], L"\\\\?\\D:\\"), 0);
}

static void test_names_what_is_open(void **state)
{
    (void)state;
    static const char *const names[] = {"C:\\Program Files\\PortListener\\plugins\\echo.dll is open to",
                                        "its folder C:\\Program Files\\PortListener\\plugins is open to",
                                        "its folder C:\\Program Files\\PortListener is open to",
                                        "its folder C:\\Program Files is open to",
                                        "its folder C:\\ is open to"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        world.sddl[i] = OPEN;
        assert_refused(EXIT_CODE_CONFIGURATION, names[i]);
        world.sddl[i] = NULL;
    }
}

static void test_adding_counts_in_the_folder_of_the_file_only(void **state)
{
    (void)state;
    struct failure failure;
    world.sddl[1] = DATA;
    assert_refused(EXIT_CODE_CONFIGURATION, "plugins is open to");
    world.sddl[1] = SAFE;
    for (size_t i = 2; i < 5; i++) {
        world.sddl[i] = DATA;
    }
    assert_true(check(&failure));
    world.path = L"\\\\?\\D:\\echo.dll"; /* there the root is the folder of the file */
    world.sddl[1] = DATA;
    assert_refused(EXIT_CODE_CONFIGURATION, "its folder D:\\ is open to");
}

static void test_links(void **state)
{
    (void)state;
    world.link = 1;
    assert_refused(EXIT_CODE_CONFIGURATION, "echo.dll is a link or another reparse point");
    world.link = 3;
    assert_refused(EXIT_CODE_CONFIGURATION, "C:\\Program Files\\PortListener is a link");
}

static void test_other_disks(void **state)
{
    (void)state;
    static const WCHAR *const paths[] = {L"\\\\?\\UNC\\server\\share\\echo.dll",
                                         L"\\\\?\\Volume{1234}\\echo.dll", L"C:\\echo.dll", L"\\\\?\\C:"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        world.path = paths[i];
        assert_refused(EXIT_CODE_CONFIGURATION, "is not on a disk of this machine with a drive letter");
        assert_int_equal(world.asked, 0);
    }
}

static DWORD WINAPI get_endless_path(HANDLE file, LPWSTR path, DWORD room, DWORD flags)
{
    (void)file, (void)flags;
    path[0] = L'\0';
    return room + 1;
}

static void assert_fails(enum import import, uint32_t nth, DWORD code, const char *expected)
{
    fault_arm(import, nth, code, 1);
    assert_refused(EXIT_CODE_FAILED, expected);
    assert_int_equal(fault_hits(), 1);
    fault_clear();
}

static void test_calls_that_fail(void **state)
{
    (void)state;
    assert_fails(IMPORT_HeapAlloc, 1, 0, "the file cannot be checked: there is no memory");
    assert_fails(IMPORT_GetFinalPathNameByHandleW, 1, ERROR_PATH_NOT_FOUND,
                 "the file cannot be checked: its full path is not to be had: error 3");
    assert_fails(IMPORT_GetFileInformationByHandleEx, 1, ERROR_NOT_SUPPORTED,
                 "echo.dll cannot be checked for being a link: error 50");
    assert_fails(IMPORT_GetFileInformationByHandleEx, 2, ERROR_NOT_SUPPORTED,
                 "plugins cannot be checked for being a link: error 50");
    assert_fails(IMPORT_GetSecurityInfo, 1, ERROR_INVALID_FUNCTION,
                 "echo.dll cannot be checked: its permissions are not to be had: error 1");
    assert_fails(IMPORT_GetSecurityInfo, 2, ERROR_ACCESS_DENIED,
                 "plugins cannot be checked: its permissions are not to be had: error 5");
    assert_fails(
        IMPORT_CreateFileW, 2, ERROR_ACCESS_DENIED,
        "PortListener cannot be checked: this account needs the right to read that folder's permissions");
    seam_replace(IMPORT_GetFinalPathNameByHandleW, (seam_function)get_endless_path);
    assert_refused(EXIT_CODE_FAILED, "its full path is not to be had: error 206");
}

/* A real file, as this machine has it: in a folder for temporary files others can change it. */
static void test_real(void **state)
{
    (void)state;
    struct failure failure;
    struct folder folder;
    seam_restore();
    folder_init(&folder);
    folder_write(&folder, "echo.dll", "MZ", 2);
    HANDLE file = folder_open(&folder, "echo.dll", GENERIC_READ, FILE_SHARE_READ);
    assert_false(file_trust_check(file, &failure));
    assert_int_equal(failure.code, EXIT_CODE_CONFIGURATION);
    assert_non_null(strstr(failure.text, "icacls"));
    folder_close(file);
    folder_fini(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_looks_at_all_folders),
        test(test_names_what_is_open),
        test(test_adding_counts_in_the_folder_of_the_file_only),
        test(test_links),
        test(test_other_disks),
        test(test_calls_that_fail),
        test(test_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
