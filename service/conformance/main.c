/* SPDX-License-Identifier: MIT
   The program portlistener-conformance: for authors of handlers; see docs/plugin/README.md. */
#include <inttypes.h>
#include <string.h>

#include "base/descriptor.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "checks.h"
#include "handler/plugin.h"
#include "hardening.h"
#include "settings.h"

enum { PATH_ROOM = 32768 };

int wmain(int count, WCHAR **utf16);

/* ---- What it is ---- */

static void main__describe(struct output *out, const struct pl_handler *handler)
{
    output_format(out, "%s %s: %s\n", handler->name, handler->version, handler->summary);
    output_format(out,
                  "ABI %" PRIu32 ".%" PRIu32 ", at least %" PRIu32 ".%" PRIu32 "; this program has %u.%u\n",
                  handler->abi_major, handler->abi_minor, handler->abi_major, handler->needs_minor,
                  PL_ABI_MAJOR, PL_ABI_MINOR);
    output_format(out, "flags:%s%s%s%s%s%s%s\n", (handler->flags & PL_TCP) != 0 ? " tcp" : "",
                  (handler->flags & PL_UDP) != 0 ? " udp" : "",
                  (handler->flags & PL_SESSIONS) != 0 ? " sessions" : "",
                  (handler->flags & PL_BLOCKING) != 0 ? " blocking" : "",
                  (handler->flags & PL_RELAY) != 0 ? " relay" : "",
                  (handler->flags & PL_ASKED_EMPTY) != 0 ? " asked-empty" : "",
                  (handler->flags & PL_STAYS_LOADED) != 0 ? " stays-loaded" : "");
    output_format(out, "options: %zu, counters: %zu, max_input: %" PRIu32 "\n",
                  descriptor_option_count(handler), descriptor_counter_count(handler),
                  handler->max_input != 0 ? handler->max_input : 65536);
}

/* ---- Trials ---- */

static void main__run_checks(struct trial *trial, unsigned flag, const char *only)
{
    report_begin(&trial->report, "start");
    if (!trial_start(trial)) {
        return;
    }
    report_end(&trial->report);
    for (const struct check *check = checks_all; check->name != NULL && !trial->is_over && !trial->is_deaf;
         check++) {
        if ((check->flags & flag) != 0 && (only == NULL || strcmp(only, check->name) == 0)) {
            trial_run(trial, check);
        }
    }
    if (!trial->is_over) {
        report_begin(&trial->report, "stop");
        trial_stop(trial, 0);
        report_end(&trial->report);
    }
}

enum main_end {
    MAIN_DONE,
    MAIN_HANGS,  /* a callback does not return, and nothing can be taken down */
    MAIN_REFUSED /* the options are wrong: nothing was tried */
};

static enum main_end main__try(struct trial *trial, const struct pl_handler *handler, unsigned flag,
                               const struct settings *settings)
{
    enum main_end end = MAIN_DONE;
    struct text problem;
    text_init_heap(&problem);
    trial->is_over = trial->is_deaf = trial->has_told_kept = false;
    trial->left = 0;
    memset(trial->told, 0, sizeof trial->told);
    output_format(trial->report.out, "-- %s\n", flag == PL_TCP ? "tcp" : "udp");
    if (!witness_init(&trial->subject.witness, handler)) {
        report_begin(&trial->report, "start");
        report_problem(&trial->report, REPORT_FAILED, "there is no memory");
    } else if (!subject_configure(&trial->subject, flag == PL_TCP ? CONFIG_TCP : CONFIG_UDP,
                                  settings->options.at, &problem)) {
        end = MAIN_REFUSED;
        report_begin(&trial->report, "options");
        report_problem(&trial->report, REPORT_FAILED,
                       "not taken; give what it requires with --option NAME=VALUE");
        output_text(trial->report.out, &problem);
    } else {
        output_text(trial->report.out, &problem);
        main__run_checks(trial, flag, settings->check);
    }
    text_fini(&problem);
    if (trial->subject.engine != NULL) {
        return MAIN_HANGS;
    }
    subject_fini(&trial->subject);
    witness_fini(&trial->subject.witness);
    return end;
}

static const struct check *main__find_check(const char *name)
{
    const struct check *check = checks_all;
    while (check->name != NULL && strcmp(check->name, name) != 0) {
        check++;
    }
    return check->name != NULL ? check : NULL;
}

static enum exit_code main__refuse_check(const struct settings *settings, struct streams *streams)
{
    output_format(&streams->err, "portlistener-conformance: there is no check \"%s\"; there are:\n",
                  settings->check);
    for (const struct check *check = checks_all; check->name != NULL; check++) {
        output_format(&streams->err, "  %s\n", check->name);
    }
    return EXIT_CODE_USAGE;
}

/* Whether there is anything to try with one of these protocols; what is wrong is told. */
static bool main__has_work(struct output *out, unsigned protocols, const struct settings *settings)
{
    const struct check *check = settings->check != NULL ? main__find_check(settings->check) : NULL;
    if (protocols == 0) {
        output_format(out, "the handler does not have the protocol that --protocol names\n");
        return false;
    }
    if (check != NULL && (check->flags & protocols) == 0) {
        output_format(out, "the check \"%s\" is for %s, and what is to be tried is %s: nothing was tried\n",
                      check->name, check->flags == PL_TCP ? "tcp" : "udp",
                      protocols == PL_TCP ? "tcp" : "udp");
        return false;
    }
    return true;
}

static enum exit_code main__test(struct trial *trial, const struct pl_handler *handler,
                                 const struct settings *settings)
{
    struct output *out = trial->report.out;
    const unsigned protocols = handler->flags & settings->protocols & (PL_TCP | PL_UDP);
    enum main_end end = MAIN_DONE;
    main__describe(out, handler);
    if (!main__has_work(out, protocols, settings)) {
        return EXIT_CODE_USAGE;
    }
    for (unsigned flag = PL_TCP; end == MAIN_DONE && flag <= PL_UDP; flag <<= 1) {
        if ((flag & protocols) != 0) {
            end = main__try(trial, handler, flag, settings);
        }
    }
    if (end == MAIN_REFUSED) {
        return EXIT_CODE_USAGE;
    }
    const bool has_passed = trial->report.failures == 0;
    output_format(out, "result: %s, %u failed, %u warnings%s\n", has_passed ? "passed" : "FAILED",
                  trial->report.failures, trial->report.warnings,
                  end == MAIN_DONE ? ""
                                   : "; what comes behind the callback that has not returned was not tried");
    return has_passed ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
}

/* ---- Loading ---- */

static void main__warn(void *context, const char *text)
{
    output_format(context, "note: %s\n", text);
}

/* Told here: the loader's words are for those who have a configuration. */
static bool main__is_there(const char *path, struct output *out)
{
    WCHAR *wide = utf16_from(path);
    const bool is_missing =
        wide != NULL && GetFileAttributesW(wide) == INVALID_FILE_ATTRIBUTES &&
        (GetLastError() == ERROR_FILE_NOT_FOUND || GetLastError() == ERROR_PATH_NOT_FOUND);
    if (is_missing) {
        output_format(out, "load: FAILED: %s: there is no such file; give the path of the plugin's DLL\n",
                      path);
    }
    memory_free(wide);
    return !is_missing;
}

/* "C:\folder" and "name.dll" of a path; NULL: there is no memory, or no such path. The cache is a folder for all runs. */
static char *main__split(const char *path, const char **name_out)
{
    WCHAR *wide = utf16_from(path);
    WCHAR *full = memory_alloc(PATH_ROOM * sizeof *full);
    char *folder = NULL;
    if (wide != NULL && full != NULL && GetFullPathNameW(wide, PATH_ROOM, full, NULL) > 0) {
        folder = utf16_to_utf8(full);
    }
    memory_free(full);
    memory_free(wide);
    char *end = folder != NULL ? strrchr(folder, '\\') : NULL;
    if (end == NULL) {
        memory_free(folder);
        return NULL;
    }
    *end = '\0';
    *name_out = end + 1;
    return folder;
}

static char *main__cache(void)
{
    WCHAR wide[MAX_PATH + 1] = L"";
    struct text text;
    GetTempPathW(MAX_PATH + 1, wide);
    text_init_heap(&text);
    utf16_add(&text, wide);
    text_add_string(&text, "portlistener-conformance");
    char *cache = memory_copy_text(text.at, text.length);
    text_fini(&text);
    return cache;
}

/* The plugin stays where a callback of it has not returned, and the process ends with it. */
static enum exit_code main__load(struct plugins *plugins, const char *name, const struct settings *settings,
                                 struct output *out)
{
    struct failure failure;
    struct trial *trial = memory_alloc(sizeof *trial);
    struct plugin *plugin = trial != NULL ? plugins_find(plugins, name, &failure) : NULL;
    enum exit_code code = EXIT_CODE_FAILED;
    if (plugin == NULL) {
        output_format(out, "load: FAILED: %s\n", trial != NULL ? failure.text : "there is no memory");
    } else {
        trial->report.out = out;
        code = main__test(trial, plugin_handler(plugin), settings);
        if (trial->subject.engine != NULL) {
            return code;
        }
        plugin_release(plugin);
    }
    memory_free(trial);
    plugins_destroy(plugins);
    return code;
}

static enum exit_code main__run(const struct settings *settings, struct output *out)
{
    if (!main__is_there(settings->plugin, out)) {
        return EXIT_CODE_USAGE;
    }
    const char *name = NULL;
    char *folder = main__split(settings->plugin, &name);
    char *cache = main__cache();
    struct plugins *plugins = NULL;
    enum exit_code code = EXIT_CODE_FAILED;
    if (folder != NULL && cache != NULL) {
        const struct plugins_options options = {
            .folder = folder, .cache_folder = cache, .warn = main__warn, .late = main__warn, .context = out};
        plugins = plugins_create(&options);
    }
    if (plugins != NULL) {
        code = main__load(plugins, name, settings, out);
    } else {
        output_format(out, "load: FAILED: %s is no path of a file, or there is no memory\n",
                      settings->plugin);
    }
    memory_free(cache);
    memory_free(folder);
    return code;
}

/* ---- The command line ---- */

static enum exit_code main__parse(const char *const *words, size_t count, struct streams *streams)
{
    struct settings settings;
    struct failure failure;
    enum exit_code code = EXIT_CODE_DONE;
    if (!settings_parse(&settings, words, count, &failure)) {
        output_format(&streams->err, "portlistener-conformance: %s\n", failure.text);
        code = failure.code;
    } else if (settings.plugin == NULL) {
        output_write(&streams->out, settings_usage, strlen(settings_usage));
    } else if (settings.check != NULL && main__find_check(settings.check) == NULL) {
        code = main__refuse_check(&settings, streams);
    } else {
        code = main__run(&settings, &streams->out);
    }
    settings_fini(&settings);
    return code;
}

int wmain(int count, WCHAR **utf16)
{
    hardening_apply(); /* as the service does: what that forbids a plugin shows here */
    WSADATA data;
    struct streams streams;
    output_init(&streams.out, STD_OUTPUT_HANDLE);
    output_init(&streams.err, STD_ERROR_HANDLE);
    const size_t word_count = count > 1 ? (size_t)count - 1 : 0;
    char **words = memory_alloc((word_count + 1) * sizeof *words);
    bool is_done = words != NULL && WSAStartup(MAKEWORD(2, 2), &data) == 0;
    for (size_t i = 0; is_done && i < word_count; i++) {
        words[i] = utf16_to_utf8(utf16[i + 1]);
        is_done = words[i] != NULL;
    }
    return is_done ? (int)main__parse((const char *const *)words, word_count, &streams) : EXIT_CODE_FAILED;
}
