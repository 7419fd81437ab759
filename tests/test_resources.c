/* SPDX-License-Identifier: MIT
   What is linked into portlistener.exe and portlistener-events.dll beside code: the texts of the event log,
   the version, the manifest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/event_log.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "support/program.h"
#include "support/support.h"

static const WCHAR *const files[] = {L"portlistener.exe", L"portlistener-events.dll"};

static HMODULE load(const WCHAR *name)
{
    WCHAR path[PROGRAM_PATH_MAX];
    swprintf(path, PROGRAM_PATH_MAX, L"%ls", program_path());
    wcscpy(wcsrchr(path, L'\\') + 1, name);
    HMODULE module = LoadLibraryExW(path, NULL, LOAD_LIBRARY_AS_DATAFILE);
    assert_non_null(module);
    return module;
}

static const void *resource(HMODULE module, WORD type, DWORD *size_out)
{
    HRSRC found = FindResourceW(module, MAKEINTRESOURCEW(1), MAKEINTRESOURCEW(type));
    *size_out = found != NULL ? SizeofResource(module, found) : 0;
    return found != NULL ? LockResource(LoadResource(module, found)) : NULL;
}

static void test_resources__each_event_has_its_text_in_both_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        HMODULE module = load(files[i]);
        for (unsigned k = 0; k < EVENT_COUNT; k++) {
            const struct event_row *row = event_at(k);
            WCHAR said[] = L"what happened", *inserts[] = {said}, text[2048];
            const DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY,
                                                module, event_log_id(row), 0, text,
                                                sizeof text / sizeof text[0], (va_list *)(void *)inserts);
            if (length == 0) {
                fail_msg("%ls has no text for %s", files[i], row->name);
            }
            char *utf8 = utf16_to_utf8(text);
            assert_int_equal(strncmp(utf8, "what happened", 13), 0);
            assert_non_null(strstr(utf8, row->meaning));
            memory_free(utf8);
        }
        FreeLibrary(module);
    }
}

static void test_resources__both_files_say_their_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        HMODULE module = load(files[i]);
        DWORD size = 0;
        const BYTE *at = resource(module, 16 /* RT_VERSION */, &size);
        VS_FIXEDFILEINFO info = {0};
        assert_true(at != NULL && size > 40 + sizeof info);
        memcpy(&info, at + 40, sizeof info); /* behind the header and "VS_VERSION_INFO" */
        assert_int_equal(info.dwSignature, 0xFEEF04BD);
        char version[32];
        snprintf(version, sizeof version, "%u.%u.%u", (unsigned)HIWORD(info.dwFileVersionMS),
                 (unsigned)LOWORD(info.dwFileVersionMS), (unsigned)HIWORD(info.dwFileVersionLS));
        assert_string_equal(version, PORTLISTENER_VERSION);
        FreeLibrary(module);
    }
}

static void test_resources__the_manifest_asks_for_no_rights(void **state)
{
    HMODULE module = load(L"portlistener.exe");
    DWORD size = 0;
    (void)state;
    const char *at = resource(module, 24 /* RT_MANIFEST */, &size);
    assert_non_null(at);
    char *manifest = memory_copy_text(at, size);
    assert_non_null(strstr(manifest, "asInvoker"));
    assert_non_null(strstr(manifest, "longPathAware"));
    assert_non_null(strstr(manifest, "{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"));
    memory_free(manifest);
    FreeLibrary(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_resources__each_event_has_its_text_in_both_files),
        support_test(test_resources__both_files_say_their_version),
        support_test(test_resources__the_manifest_asks_for_no_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
