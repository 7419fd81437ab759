/* SPDX-License-Identifier: MIT
   Tests of config/config_path.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "config/config_path.h"
#include "support/config_case.h"
#include "support/exact.h"
#include "support/failing_memory.h"

static char *resolve(const char *path, const char *folder, bool is_file, struct config_fault *fault_out)
{
    const size_t length = strlen(path);
    char *copy = exact_copy(path, length);
    char *full = config_path_resolve(copy, length, folder, is_file, &config_case_source, fault_out);
    free(copy);
    return full;
}

static void assert_resolves(const char *path, const char *folder, const char *expected)
{
    struct config_fault fault;
    char *full = resolve(path, folder, false, &fault);
    assert_non_null(full);
    assert_string_equal(full, expected);
    memory_free(full);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_config_path__makes_relative_paths_full(void **state)
{
    (void)state;
    assert_resolves("a.log", "C:\\conf", "C:\\conf\\a.log");
    assert_resolves("logs/a.log", "C:\\conf\\", "C:\\conf\\logs\\a.log");
    assert_resolves("a", "C:\\", "C:\\a");
    assert_resolves(".", "C:\\conf", "C:\\conf");
    assert_resolves(".", "C:\\", "C:\\");
    assert_resolves(".\\.\\\\a\\.", "C:\\conf", "C:\\conf\\a");
    assert_resolves("..\\a", "C:\\conf", "C:\\a");
    assert_resolves("..\\..\\..\\a", "C:\\conf\\b", "C:\\a");
    assert_resolves("a\\b\\..\\..\\c", "C:\\conf", "C:\\conf\\c");
    assert_resolves("..", "C:\\conf\\b", "C:\\conf");
    assert_resolves("..\\..\\..\\a", "\\\\server\\share\\b", "\\\\server\\share\\a");
    assert_resolves("a", "\\\\server\\share", "\\\\server\\share\\a");
    assert_resolves("a\\", "\\\\server\\share\\", "\\\\server\\share\\a");
    assert_resolves("\xC3\xA4 b\\c.d", "C:\\\xE2\x82\xAC", "C:\\\xE2\x82\xAC\\\xC3\xA4 b\\c.d");
    assert_resolves("..a\\.b\\...c", "C:\\conf", "C:\\conf\\..a\\.b\\...c");
    assert_resolves("..\\..\\a", "conf\\b", "a"); /* a folder that is not full has no root to stop at */
    assert_resolves("a", "", "a");
    assert_resolves("..\\a", "\\", "a");
    assert_resolves("..\\a", "C:", "a");
    assert_resolves("..\\a", "\\\\server", "\\\\server\\a");
}

static void test_config_path__keeps_full_paths(void **state)
{
    (void)state;
    assert_resolves("D:\\a\\b.log", "C:\\conf", "D:\\a\\b.log");
    assert_resolves("d:/a//b/", "C:\\conf", "d:\\a\\b");
    assert_resolves("D:\\", "C:\\conf", "D:\\");
    assert_resolves("D:\\..\\a", "C:\\conf", "D:\\a");
    assert_resolves("\\\\server\\share", "C:\\conf", "\\\\server\\share");
    assert_resolves("//server/share/a/../b", "C:\\conf", "\\\\server\\share\\b");
    assert_resolves("\\\\server\\share\\..\\..\\b", "C:\\conf", "\\\\server\\share\\b");
}

static void test_config_path__expands_variables_and_the_service(void **state)
{
    (void)state;
    assert_resolves("%ProgramData%\\a", "C:\\conf", "C:\\ProgramData\\a");
    assert_resolves("%PROGRAMDATA%", "C:\\conf", "C:\\ProgramData");
    assert_resolves("a%Empty%b", "C:\\conf", "C:\\conf\\ab");
    assert_resolves("logs\\<service>.log", "C:\\conf", "C:\\conf\\logs\\PortListener.log");
    assert_resolves("<Service>\\<SERVICE>", "C:\\conf", "C:\\conf\\PortListener\\PortListener");
    assert_resolves("100%", "C:\\conf", "C:\\conf\\100%");
    assert_resolves("100%%", "C:\\conf", "C:\\conf\\100%%");
    assert_resolves("%", "C:\\conf", "C:\\conf\\%");
}

static void test_config_path__makes_a_file_name_of_any_service_name(void **state)
{
    (void)state;
    struct config_source source = config_case_source;
    struct config_fault fault;
    source.service = "My:Service|<2>\x01/\\ok";
    char *full = config_path_resolve("<service>.log", 13, "C:\\conf", true, &source, &fault);
    assert_string_equal(full, "C:\\conf\\My_Service__2____ok.log");
    memory_free(full);
    source.service = "nul";
    assert_null(config_path_resolve("<service>.log", 13, "C:\\conf", true, &source, &fault));
    assert_string_equal(fault.problem, "\"nul.log\" is the name of a device in Windows");
    assert_int_equal(fault.offset, 0);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_config_path__tells_what_is_no_path(void **state)
{
    (void)state;
    static const char forbidden[] = "leave it out";
    static const char device[] = "choose another name";
    static const struct {
        const char *path;
        size_t offset;
        const char *problem;
        const char *remedy;
    } cases[] = {
        {"C:a.log", 0, "\"C:a.log\" depends on the current folder of the drive", "write C:\\..."},
        {"C:", 0, "\"C:\" depends on the current folder of the drive", "write C:\\..."},
        {"\\logs\\a", 0, "\"\\logs\\a\" does not say on which drive",
         "write the drive before it, such as C:\\..."},
        {"/var/log/a", 0, "\"/var/log/a\" does not say on which drive",
         "write the drive before it, such as C:\\..."},
        {"\\\\server", 0, "\"\\\\server\" is not a path of a network share",
         "write \\\\SERVER\\SHARE\\..., or C:\\..."},
        {"\\\\server\\", 0, "\"\\\\server\\\" is not a path of a network share",
         "write \\\\SERVER\\SHARE\\..., or C:\\..."},
        {"\\\\\\share\\a", 0, "\"\\\\\\share\\a\" is not a path of a network share",
         "write \\\\SERVER\\SHARE\\..., or C:\\..."},
        {"\\\\.\\COM1\\a", 0, "\"\\\\.\\COM1\\a\" is not a path of a network share",
         "write \\\\SERVER\\SHARE\\..., or C:\\..."},
        {"\\\\?\\C:\\a", 0, "\"\\\\?\\C:\\a\" is not a path of a network share",
         "write \\\\SERVER\\SHARE\\..., or C:\\..."},
        {"%Missing%\\a", 0, "\"%Missing%\" is not a variable of the environment",
         "define it for the account of the service, or write the path itself"},
        {"a\\%Missing%", 2, "\"%Missing%\" is not a variable of the environment",
         "define it for the account of the service, or write the path itself"},
        {"a*b", 1, "\"*\" cannot be in the name of a file or folder", forbidden},
        {"logs\\a?", 6, "\"?\" cannot be in the name of a file or folder", forbidden},
        {"ab:c", 2, "\":\" cannot be in the name of a file or folder", forbidden},
        {"{:\\a", 1, "\":\" cannot be in the name of a file or folder", forbidden},
        {"[:\\a", 1, "\":\" cannot be in the name of a file or folder", forbidden},
        {"1:\\a", 1, "\":\" cannot be in the name of a file or folder", forbidden},
        {"C:\\a:stream", 4, "\":\" cannot be in the name of a file or folder", forbidden},
        {"a<b", 1, "\"<\" cannot be in the name of a file or folder", forbidden},
        {"a\x1F", 1, "\"\\x1F\" cannot be in the name of a file or folder", forbidden},
        {"%Odd%", 0, "\"|\" cannot be in the name of a file or folder", forbidden},
        {"a.\\b", 0, "\"a.\" ends with a dot or a blank, which Windows drops", forbidden},
        {"b\\a \\c", 2, "\"a \" ends with a dot or a blank, which Windows drops", forbidden},
        {"...", 0, "\"...\" ends with a dot or a blank, which Windows drops", forbidden},
        {"con", 0, "\"con\" is the name of a device in Windows", device},
        {"logs\\NUL.log", 5, "\"NUL.log\" is the name of a device in Windows", device},
        {"aux\\a", 0, "\"aux\" is the name of a device in Windows", device},
        {"prn.a.b", 0, "\"prn.a.b\" is the name of a device in Windows", device},
        {"C:\\com1", 3, "\"com1\" is the name of a device in Windows", device},
        {"LPT9.txt", 0, "\"LPT9.txt\" is the name of a device in Windows", device},
        {"nul .log", 0, "\"nul .log\" is the name of a device in Windows", device},
        {"CONIN$", 0, "\"CONIN$\" is the name of a device in Windows", device},
        {"conout$.x", 0, "\"conout$.x\" is the name of a device in Windows", device},
        {"com\xC2\xB2", 0, "\"com\xC2\xB2\" is the name of a device in Windows", device},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config_fault fault;
        assert_null(resolve(cases[i].path, "C:\\conf", false, &fault));
        if (strcmp(fault.problem, cases[i].problem) != 0) {
            print_error("of %s:\n", cases[i].path);
        }
        assert_string_equal(fault.problem, cases[i].problem);
        assert_string_equal(fault.remedy, cases[i].remedy);
        assert_int_equal(fault.offset, cases[i].offset);
        assert_int_equal(failing_memory_live(), 0);
    }
}

static void test_config_path__takes_names_that_only_look_reserved(void **state)
{
    (void)state;
    static const char *const names[] = {"console", "nul1",  "com0",  "com",     "com10", "lpt",
                                        "acon",    "a.con", "com1a", "compact", ".nul"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct config_fault fault;
        char *full = resolve(names[i], "C:\\conf", true, &fault);
        assert_non_null(full);
        memory_free(full);
    }
    assert_int_equal(failing_memory_live(), 0);
}

static void test_config_path__wants_a_file_where_a_file_is_meant(void **state)
{
    (void)state;
    static const char *const folders[] = {"logs\\",
                                          "logs/",
                                          ".",
                                          "..",
                                          "logs\\.",
                                          "logs\\..",
                                          "C:\\",
                                          "C:\\a\\",
                                          "\\\\server\\share",
                                          "\\\\server\\share\\",
                                          "%Empty%"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct config_fault fault;
        assert_null(resolve(folders[i], "C:\\conf", true, &fault));
        assert_non_null(strstr(fault.problem, "\" names a folder"));
        assert_string_equal(fault.remedy, "write the name of a file behind it");
    }
    assert_int_equal(failing_memory_live(), 0);
}

static void test_config_path__bounds_the_length(void **state)
{
    (void)state;
    enum { LONGEST = 32000, FOLDER = 8 /* "C:\conf\" */ };
    struct config_fault fault;
    char *path = malloc(LONGEST + 2);
    assert_non_null(path);
    memset(path, 'x', LONGEST + 2);
    char *full = config_path_resolve(path, LONGEST - FOLDER, "C:\\conf", true, &config_case_source, &fault);
    assert_non_null(full);
    assert_int_equal(strlen(full), LONGEST);
    memory_free(full);
    assert_null(
        config_path_resolve(path, LONGEST - FOLDER + 1, "C:\\conf", true, &config_case_source, &fault));
    assert_non_null(strstr(fault.problem, " is longer than a path can be"));
    failing_memory_arm(1, true); /* of a value beyond it nothing is expanded */
    assert_null(config_path_resolve(path, LONGEST + 1, "C:\\conf", true, &config_case_source, &fault));
    assert_non_null(strstr(fault.problem, " is longer than a path can be"));
    assert_int_equal(fault.offset, 0);
    failing_memory_arm(0, false);
    memset(path, '%', 300); /* no variable has so long a name */
    memset(path + 1, 'y', 298);
    full = config_path_resolve(path, 300, "C:\\conf", true, &config_case_source, &fault);
    assert_non_null(full);
    memory_free(full);
    free(path);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_config_path__survives_a_full_heap(void **state)
{
    (void)state;
    size_t nth = 1;
    for (bool has_failed = true; has_failed; nth++) {
        struct config_fault fault = {.problem = "x"};
        failing_memory_arm(nth, false);
        char *full = resolve("%ProgramData%\\logs\\<service>.log", "C:\\conf", true, &fault);
        has_failed = failing_memory_hits() > 0;
        if (has_failed) {
            assert_null(full);
            assert_string_equal(fault.problem, "");
        } else {
            assert_non_null(full);
        }
        memory_free(full);
        assert_int_equal(failing_memory_live(), 0);
    }
    failing_memory_arm(0, false);
    assert_true(nth > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_path__makes_relative_paths_full),
        failing_memory_test(test_config_path__keeps_full_paths),
        failing_memory_test(test_config_path__expands_variables_and_the_service),
        failing_memory_test(test_config_path__makes_a_file_name_of_any_service_name),
        failing_memory_test(test_config_path__tells_what_is_no_path),
        failing_memory_test(test_config_path__takes_names_that_only_look_reserved),
        failing_memory_test(test_config_path__wants_a_file_where_a_file_is_meant),
        failing_memory_test(test_config_path__bounds_the_length),
        failing_memory_test(test_config_path__survives_a_full_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
