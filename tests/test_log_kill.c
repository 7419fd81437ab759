/* SPDX-License-Identifier: MIT
   A log whose process is killed again and again (R10): a child, which is this program again, writes and rotates until it
   ends itself in the middle of a call, or behind it; then the next start opens the same files. No line that was known to
   be stored may be missing, and at most one for each kill may be torn. PORTLISTENER_TEST_KILLS: how many kills. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/log.h"
#include "base/utf16.h"
#include "support/folder.h"
#include "support/support.h"

enum {
    KILLS = 15,
    ROUNDS = 3, /* kills of one set of files */
    LINES = 400,
    LINES_IN_A_FLUSH = 7,
    ROTATE_SIZE = 1500,
    PATIENCE = 60000,
    EXIT_CODE_OF_KILL = 9
};

/* Where it dies: in or behind the n-th call of these. */
enum point { IN_WRITE, BEHIND_WRITE, BEHIND_RENAME, BEHIND_OPEN, BEHIND_BEGIN, POINT_COUNT };

static const unsigned most[POINT_COUNT] = {40, 40, 10, 10, 10}; /* calls that there surely are */

/* ---- The child ---- */

static struct {
    enum point point;
    LONG volatile calls_left;
} child;

static void child_die_at(enum point point)
{
    if (child.point == point && InterlockedDecrement(&child.calls_left) == 0) {
        TerminateProcess(GetCurrentProcess(), EXIT_CODE_OF_KILL);
    }
}

static BOOL WINAPI child_write(HANDLE file, LPCVOID at, DWORD length, LPDWORD written,
                               LPOVERLAPPED overlapped)
{
    if (child.point == IN_WRITE && child.calls_left == 1) {
        (void)SEAM_REAL(WriteFile)(file, at, length / 2, written, overlapped);
    }
    child_die_at(IN_WRITE);
    const BOOL is_done = SEAM_REAL(WriteFile)(file, at, length, written, overlapped);
    child_die_at(BEHIND_WRITE);
    return is_done;
}

static BOOL WINAPI child_rename(LPCWSTR from, LPCWSTR to, DWORD flags)
{
    const BOOL is_done = SEAM_REAL(MoveFileExW)(from, to, flags);
    child_die_at(BEHIND_RENAME);
    return is_done;
}

static HANDLE WINAPI child_open(LPCWSTR path, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security,
                                DWORD disposition, DWORD flags, HANDLE template)
{
    HANDLE file = SEAM_REAL(CreateFileW)(path, access, share, security, disposition, flags, template);
    child_die_at(BEHIND_OPEN);
    return file;
}

static BOOL WINAPI child_begin(HANDLE file, const FILETIME *created, const FILETIME *accessed,
                               const FILETIME *written)
{
    const BOOL is_done = SEAM_REAL(SetFileTime)(file, created, accessed, written);
    child_die_at(BEHIND_BEGIN);
    return is_done;
}

/* What both see: how many lines are known to be stored. */
static LONG volatile *shared_count(const WCHAR *name, HANDLE *mapping_out)
{
    *mapping_out = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof(LONG), name);
    return *mapping_out != NULL ? MapViewOfFile(*mapping_out, FILE_MAP_WRITE, 0, 0, 0) : NULL;
}

static struct log *open_log(const char *path)
{
    struct failure failure;
    return log_create(
        &(const struct log_options){
            .file = path, .level = LOG_LEVEL_INFO, .rotate_size = ROTATE_SIZE, .keep = 60},
        &failure);
}

static int child_main(WCHAR **arguments)
{
    char *path = utf16_to_utf8(arguments[0]);
    HANDLE mapping = NULL;
    LONG volatile *stored = shared_count(arguments[1], &mapping);
    const unsigned long round = wcstoul(arguments[2], NULL, 10);
    child.point = (enum point)wcstoul(arguments[3], NULL, 10);
    child.calls_left = (LONG)wcstoul(arguments[4], NULL, 10);
    seam_replace(IMPORT_WriteFile, (seam_function)child_write);
    seam_replace(IMPORT_MoveFileExW, (seam_function)child_rename);
    seam_replace(IMPORT_CreateFileW, (seam_function)child_open);
    seam_replace(IMPORT_SetFileTime, (seam_function)child_begin);
    struct log *log = open_log(path);
    for (LONG i = 0; i < LINES; i++) {
        log_write(log, EVENT_SERVICE_STARTING, NULL, 0, "round %lu line %ld end", round, (long)i);
        if (i % LINES_IN_A_FLUSH == LINES_IN_A_FLUSH - 1) {
            log_flush(log, PATIENCE);
            InterlockedExchange(stored, i + 1);
        }
    }
    return 1; /* it should have died */
}

/* ---- The parent ---- */

static struct folder folder;

static int setup(void **state)
{
    support_setup(state);
    folder_init(&folder);
    return 0;
}

static int teardown(void **state)
{
    folder_fini(&folder);
    return support_teardown(state);
}

/* Returns how many lines are known to be stored. */
static LONG run_and_die(unsigned round, enum point point, unsigned calls)
{
    WCHAR self[FOLDER_PATH_ROOM], path[FOLDER_PATH_ROOM], name[64], line[3 * FOLDER_PATH_ROOM];
    STARTUPINFOW info = {.cb = sizeof info};
    PROCESS_INFORMATION process;
    HANDLE mapping = NULL;
    DWORD code = 0;
    swprintf(name, 64, L"portlistener-test-kill-%lu-%u", (unsigned long)GetCurrentProcessId(), round);
    LONG volatile *shared = shared_count(name, &mapping);
    assert_non_null((void *)(uintptr_t)shared);
    GetModuleFileNameW(NULL, self, FOLDER_PATH_ROOM);
    MultiByteToWideChar(CP_UTF8, 0, folder_join(&folder, "kill.log"), -1, path, FOLDER_PATH_ROOM);
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" child \"%ls\" %ls %u %u %u", self, path, name,
             round, (unsigned)point, calls);
    assert_true(CreateProcessW(self, line, NULL, NULL, FALSE, 0, NULL, NULL, &info, &process));
    assert_int_equal(WaitForSingleObject(process.hProcess, PATIENCE), WAIT_OBJECT_0);
    assert_true(GetExitCodeProcess(process.hProcess, &code));
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    assert_int_equal(code, EXIT_CODE_OF_KILL);
    const LONG stored = shared != NULL ? *shared : 0; /* GCC takes no word for it */
    UnmapViewOfFile((const void *)(uintptr_t)shared);
    CloseHandle(mapping);
    return stored;
}

struct tally {
    LONG next[ROUNDS]; /* of each round: the line that comes next */
    unsigned torn;
};

/* "... PL1001 round 1 line 23 end". */
static void tally_line(struct tally *tally, const char *at)
{
    static const char first[] = " PL1001 round ", second[] = " line ";
    char *end = NULL;
    const char *words = strstr(at, first);
    const unsigned long round = words != NULL ? strtoul(words + sizeof first - 1, &end, 10) : ROUNDS;
    if (round >= ROUNDS || strncmp(end, second, sizeof second - 1) != 0) {
        tally->torn++;
        return;
    }
    const long number = strtol(end + sizeof second - 1, &end, 10);
    if (strcmp(end, " end\r") != 0) {
        tally->torn++;
        return;
    }
    assert_int_equal(number, tally->next[round]); /* none twice, none left out before one that is there */
    tally->next[round]++;
}

static struct tally tally_all(void)
{
    struct tally tally = {.torn = 0};
    const size_t count = folder_list(&folder);
    for (size_t i = 0; i < count; i++) {
        size_t length = 0;
        char *bytes = folder_read(&folder, folder.names[i], &length), *at = bytes;
        for (char *end = strchr(at, '\n'); end != NULL; end = strchr(at, '\n')) {
            *end = '\0';
            tally_line(&tally, at);
            at = end + 1;
        }
        assert_ptr_equal(at, bytes + length); /* the last line is ended */
        free(bytes);
    }
    return tally;
}

/* The next start, which has nothing to say yet. */
static void open_and_close(void)
{
    char path[FOLDER_PATH_ROOM];
    snprintf(path, sizeof path, "%s", folder_join(&folder, "kill.log"));
    log_destroy(open_log(path));
}

/* Some kills of one set of files. */
static unsigned kill_some(unsigned first)
{
    LONG stored[ROUNDS];
    struct tally tally = {.torn = 0};
    for (unsigned round = 0; round < ROUNDS; round++) {
        const enum point point = (enum point)((first + round) % POINT_COUNT);
        stored[round] = run_and_die(round, point, 1 + (first + round) * 7919 % most[point]);
        open_and_close();
        tally = tally_all();
        assert_true(tally.torn <= round + 1);
        for (unsigned i = 0; i <= round; i++) {
            assert_true(tally.next[i] >= stored[i]);
        }
    }
    for (size_t i = folder_list(&folder); i > 0; i--) {
        assert_true(folder_delete(&folder, folder.names[i - 1]));
    }
    return tally.torn;
}

static void test_log_kill__loses_no_line_that_was_stored(void **state)
{
    (void)state;
    const char *wanted = getenv("PORTLISTENER_TEST_KILLS"); /* NOLINT(concurrency-mt-unsafe): one thread */
    const unsigned kills = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : KILLS;
    unsigned torn = 0;
    for (unsigned done = 0; done < kills; done += ROUNDS) {
        torn += kill_some(done);
    }
    print_message("             R10: %u kills, no stored line lost, %u torn, each ended at the next start\n",
                  kills, torn);
    assert_true(torn > 0 || kills < KILLS);
}

#define kill_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int wmain(int count, WCHAR **arguments);

int wmain(int count, WCHAR **arguments)
{
    const struct CMUnitTest tests[] = {
        kill_test(test_log_kill__loses_no_line_that_was_stored),
    };
    if (count == 7 && wcscmp(arguments[1], L"child") == 0) {
        return child_main(arguments + 2);
    }
    return cmocka_run_group_tests_name("log_kill", tests, NULL, NULL);
}
