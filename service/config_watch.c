/* SPDX-License-Identifier: MIT
   Watching a configuration, see config_watch.h. The system tells only that something has happened in a folder or below a
   key, and the log may well lie in that folder: what counts is whether the contents are others than before. */
#include "config_watch.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "base/whole_file.h"
#include "base/win.h"
#include "config/config_file.h"
#include "config/config_files.h"
#include "config/config_include.h"
#include "config/config_registry_load.h"

enum {
    WATCH_FOLDERS_MAX = 60, /* a thread waits for 64 things at most */
    WATCH_AGAIN = 5000,     /* milliseconds, until what cannot be waited for is looked at again */
    WATCH_ROOT = 3,         /* bytes of C:\ */
    WATCH_WAKE = 0,         /* the order of what is waited for */
    WATCH_REGISTRY = 1,
    WATCH_FOLDER = 2
};

#define WATCH_HASH_START UINT64_C(0xCBF29CE484222325) /* FNV-1a */
#define WATCH_HASH_PRIME UINT64_C(0x100000001B3)

/* Where it looks. */
struct watch_places {
    struct config_include *list; /* the file itself is the first one */
    size_t count;
};

struct config_watch {
    struct config_watch_options options;
    char *path;
    char *service;
    HANDLE thread;
    HANDLE wake;
    SRWLOCK lock;
    struct watch_places next; /* for the thread to take; list NULL: nothing new */
    volatile LONG is_stopping;

    struct watch_places places; /* from here on: the thread's */
    HANDLE waits[WATCH_FOLDER + WATCH_FOLDERS_MAX];
    DWORD wait_count;
    bool has_unwatched; /* a folder is not there, or there are too many */
    HKEY key;
    uint64_t hash; /* of the contents that are known */
    ULONGLONG first;
    ULONGLONG last; /* when something happened that was not looked at yet; 0: nothing */
};

/* ---- places ---- */

static void config_watch__free_places(struct watch_places *places)
{
    config_include_free(places->list, places->count);
    *places = (struct watch_places){.list = NULL};
}

static bool config_watch__add_place(struct watch_places *places, const char *folder, size_t length,
                                    const char *pattern)
{
    struct config_include *place = &places->list[places->count++];
    place->folder = memory_copy_text(folder, length);
    place->pattern = memory_copy_text(pattern, strlen(pattern));
    return place->folder != NULL && place->pattern != NULL;
}

static bool config_watch__has(const struct watch_places *places, size_t count,
                              const struct config_include *include)
{
    size_t i = 0;
    while (i < count && (strcmp(places->list[i].folder, include->folder) != 0 ||
                         strcmp(places->list[i].pattern, include->pattern) != 0)) {
        i++;
    }
    return i < count;
}

/* False without memory. */
static bool config_watch__make_places(const struct config_watch *watch, const struct config *config,
                                      const struct config_include *others, size_t other_count,
                                      struct watch_places *places_out)
{
    const char *name = strrchr(watch->path, '\\') + 1; /* it is a full path */
    const bool is_in_root = name - watch->path == WATCH_ROOT;
    const size_t length = (size_t)(name - watch->path) - (is_in_root ? 0 : 1);
    *places_out = (struct watch_places){
        .list = memory_alloc((config->include_count + other_count + 1) * sizeof *places_out->list)};
    bool is_made = places_out->list != NULL && config_watch__add_place(places_out, watch->path, length, name);
    for (size_t i = 0; is_made && i < config->include_count; i++) {
        const struct config_include *include = &config->includes[i];
        is_made =
            config_watch__add_place(places_out, include->folder, strlen(include->folder), include->pattern);
    }
    const size_t own = places_out->count;
    for (size_t i = 0; is_made && i < other_count; i++) {
        is_made = config_watch__has(places_out, own, &others[i]) ||
                  config_watch__add_place(places_out, others[i].folder, strlen(others[i].folder),
                                          others[i].pattern);
    }
    if (!is_made) {
        config_watch__free_places(places_out);
    }
    return is_made;
}

/* ---- contents ---- */

static uint64_t config_watch__hash(uint64_t hash, const void *at, size_t length)
{
    const unsigned char *bytes = at;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ bytes[i]) * WATCH_HASH_PRIME;
    }
    return (hash ^ length) * WATCH_HASH_PRIME;
}

struct watch_look {
    const struct config_include *place;
    uint64_t sum; /* of the files' hashes: their order does not count */
    bool is_sure;
};

/* A file of the folder. One that is being written is looked at later. */
static bool config_watch__take(void *taker, const char *name)
{
    struct watch_look *look = taker;
    struct whole_file file;
    struct text path, problem;
    if (!config_include_matches(look->place->pattern, name)) {
        return true;
    }
    text_init_heap(&path);
    text_init_heap(&problem);
    text_add_format(&path, "%s\\%s", look->place->folder, name);
    const bool is_read = !path.is_cut && whole_file_read(path.at, CONFIG_FILE_SIZE_MAX, &file, &problem);
    if (is_read) {
        const uint64_t hash = config_watch__hash(WATCH_HASH_START, name, strlen(name));
        look->sum += config_watch__hash(hash, file.at, file.length);
    }
    if (!path.is_cut) {
        whole_file_free(&file);
    }
    look->is_sure = is_read;
    text_fini(&path);
    text_fini(&problem);
    return is_read;
}

static bool config_watch__look_in_registry(const struct config_watch *watch, uint64_t *hash)
{
    struct config_registry registry;
    struct failure failure;
    const bool is_read = config_registry_load(watch->service, &registry, &failure);
    if (is_read) {
        *hash = config_watch__hash(*hash, registry.bytes, registry.length);
        for (size_t i = 0; i < registry.count; i++) {
            *hash = config_watch__hash(*hash, &registry.list[i].type, sizeof registry.list[i].type);
        }
    }
    config_registry_fini(&registry);
    return is_read;
}

/* The hash of all that is there; false: something cannot be read now. A folder that is not there has no files. */
static bool config_watch__look(const struct config_watch *watch, uint64_t *hash_out)
{
    struct config_files files;
    struct text problem;
    bool is_sure = true;
    uint64_t hash = WATCH_HASH_START;
    config_files_init(&files, CONFIG_TRUST_ANYBODY, NULL);
    for (size_t i = 0; is_sure && i < watch->places.count; i++) {
        struct watch_look look = {.place = &watch->places.list[i], .is_sure = true};
        text_init_heap(&problem);
        (void)files.source.list(files.source.context, look.place->folder, config_watch__take, &look,
                                &problem);
        text_fini(&problem);
        is_sure = look.is_sure;
        hash = config_watch__hash(hash, &look.sum, sizeof look.sum);
    }
    is_sure = is_sure && config_watch__look_in_registry(watch, &hash);
    *hash_out = hash;
    return is_sure;
}

/* ---- waiting ---- */

static void config_watch__close_folders(struct config_watch *watch)
{
    while (watch->wait_count > WATCH_FOLDER) {
        FindCloseChangeNotification(watch->waits[--watch->wait_count]);
    }
}

static bool config_watch__is_watched(const struct config_watch *watch, size_t index)
{
    const char *folder = watch->places.list[index].folder;
    size_t i = 0;
    while (i < index && !text_equal(folder, strlen(folder), watch->places.list[i].folder)) {
        i++;
    }
    return i < index;
}

static void config_watch__open_folder(struct config_watch *watch, const char *folder)
{
    WCHAR *wide = utf16_from(folder);
    HANDLE handle =
        wide != NULL ? FindFirstChangeNotificationW(wide, FALSE,
                                                    FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_SIZE |
                                                        FILE_NOTIFY_CHANGE_LAST_WRITE)
                     : INVALID_HANDLE_VALUE;
    memory_free(wide);
    if (handle == INVALID_HANDLE_VALUE) {
        watch->has_unwatched = true;
    } else {
        watch->waits[watch->wait_count++] = handle;
    }
}

static void config_watch__open_folders(struct config_watch *watch)
{
    config_watch__close_folders(watch);
    watch->has_unwatched = false;
    for (size_t i = 0; i < watch->places.count; i++) {
        if (watch->wait_count >= WATCH_FOLDER + WATCH_FOLDERS_MAX) {
            watch->has_unwatched = true;
        } else if (!config_watch__is_watched(watch, i)) {
            config_watch__open_folder(watch, watch->places.list[i].folder);
        }
    }
}

/* The system tells of one change; then it must be asked again, before the values are read. */
static void config_watch__arm_registry(const struct config_watch *watch)
{
    if (watch->key != NULL) {
        (void)RegNotifyChangeKeyValue(watch->key, TRUE, REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_CHANGE_LAST_SET,
                                      watch->waits[WATCH_REGISTRY], TRUE);
    }
}

/* The service's own key: Parameters may come and go. A console run has none. */
static void config_watch__open_registry(struct config_watch *watch)
{
    WCHAR *path = config_registry_key(watch->service);
    if (path != NULL) {
        *wcsrchr(path, L'\\') = L'\0';
        if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_NOTIFY, &watch->key) != ERROR_SUCCESS) {
            watch->key = NULL;
        }
        memory_free(path);
    }
    config_watch__arm_registry(watch);
}

/* How long to wait, in milliseconds. */
static DWORD config_watch__patience(const struct config_watch *watch)
{
    if (watch->last == 0) {
        return watch->has_unwatched ? WATCH_AGAIN : INFINITE;
    }
    const ULONGLONG quiet = watch->last + CONFIG_WATCH_QUIET, late = watch->first + CONFIG_WATCH_LATE;
    const ULONGLONG due = quiet < late ? quiet : late, now = GetTickCount64();
    return due > now ? (DWORD)(due - now) : 0;
}

static void config_watch__note(struct config_watch *watch)
{
    watch->last = GetTickCount64();
    watch->first = watch->first != 0 ? watch->first : watch->last;
}

static bool config_watch__is_same(const struct watch_places *left, const struct watch_places *right)
{
    size_t i = 0;
    while (i < left->count && i < right->count && strcmp(left->list[i].folder, right->list[i].folder) == 0 &&
           strcmp(left->list[i].pattern, right->list[i].pattern) == 0) {
        i++;
    }
    return i == left->count && i == right->count;
}

/* Other places have other contents, which whoever made the update knows. */
static void config_watch__take_update(struct config_watch *watch)
{
    AcquireSRWLockExclusive(&watch->lock);
    struct watch_places next = watch->next;
    watch->next = (struct watch_places){.list = NULL};
    ReleaseSRWLockExclusive(&watch->lock);
    if (next.list == NULL || config_watch__is_same(&watch->places, &next)) {
        config_watch__free_places(&next);
        return;
    }
    config_watch__free_places(&watch->places);
    watch->places = next;
    config_watch__open_folders(watch);
    (void)config_watch__look(watch, &watch->hash);
}

/* All is quiet. What cannot be read is looked at again, until it is too late: when it can, something happens again. */
static void config_watch__settle(struct config_watch *watch)
{
    uint64_t hash = 0;
    const bool is_late = GetTickCount64() >= watch->first + CONFIG_WATCH_LATE;
    if (!config_watch__look(watch, &hash) && !is_late) {
        watch->last = GetTickCount64();
        return;
    }
    watch->first = 0;
    watch->last = 0;
    if (hash != watch->hash) {
        watch->hash = hash;
        watch->options.changed(watch->options.context);
    }
}

static void config_watch__happened(struct config_watch *watch, DWORD which)
{
    if (which == WATCH_REGISTRY) {
        config_watch__arm_registry(watch);
        config_watch__note(watch);
    } else if (which >= WATCH_FOLDER && which < watch->wait_count) {
        config_watch__note(watch);
        if (!FindNextChangeNotification(watch->waits[which])) { /* the folder is gone */
            config_watch__open_folders(watch);
        }
    } else if (which == WATCH_WAKE) {
        config_watch__take_update(watch);
    } else if (watch->last != 0) {
        config_watch__settle(watch);
    } else {
        config_watch__open_folders(watch);
        config_watch__note(watch); /* meanwhile nobody has watched */
    }
}

static DWORD WINAPI config_watch__run(void *context)
{
    struct config_watch *watch = context;
    config_watch__open_registry(watch); /* what is asked for there ends with the thread that asks */
    config_watch__open_folders(watch);
    config_watch__note(watch);
    while (InterlockedCompareExchange(&watch->is_stopping, 0, 0) == 0) {
        const DWORD answer =
            WaitForMultipleObjects(watch->wait_count, watch->waits, FALSE, config_watch__patience(watch));
        config_watch__happened(watch, answer == WAIT_TIMEOUT ? WATCH_FOLDER + WATCH_FOLDERS_MAX
                                                             : answer - WAIT_OBJECT_0);
    }
    return 0;
}

/* ---- from outside ---- */

static struct config_watch *config_watch__fail(struct config_watch *watch, DWORD error,
                                               struct failure *failure_out)
{
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, "changes of the configuration cannot be watched for: ");
    utf16_add_error(&text, error);
    text_add_string(&text, "; ask for a reload after each change, or restart the service");
    config_watch_stop(watch);
    return NULL;
}

struct config_watch *config_watch_start(const struct config_watch_options *options,
                                        const struct config *config, struct failure *failure_out)
{
    struct config_watch *watch = memory_alloc(sizeof *watch);
    if (watch == NULL) {
        return config_watch__fail(watch, ERROR_NOT_ENOUGH_MEMORY, failure_out);
    }
    watch->options = *options;
    InitializeSRWLock(&watch->lock);
    watch->path = memory_copy_text(options->path, strlen(options->path));
    watch->service = memory_copy_text(options->service, strlen(options->service));
    if (watch->path == NULL || watch->service == NULL ||
        !config_watch__make_places(watch, config, NULL, 0, &watch->places)) {
        return config_watch__fail(watch, ERROR_NOT_ENOUGH_MEMORY, failure_out);
    }
    watch->wake = CreateEventW(NULL, FALSE, FALSE, NULL);
    watch->waits[WATCH_WAKE] = watch->wake;
    watch->waits[WATCH_REGISTRY] = watch->wake != NULL ? CreateEventW(NULL, FALSE, FALSE, NULL) : NULL;
    if (watch->waits[WATCH_REGISTRY] == NULL) {
        return config_watch__fail(watch, GetLastError(), failure_out);
    }
    watch->wait_count = WATCH_FOLDER;
    (void)config_watch__look(watch, &watch->hash);
    watch->thread = CreateThread(NULL, 0, config_watch__run, watch, 0, NULL);
    return watch->thread != NULL ? watch : config_watch__fail(watch, GetLastError(), failure_out);
}

bool config_watch_update(struct config_watch *watch, const struct config *config,
                         const struct config_include *others, size_t other_count)
{
    struct watch_places next;
    if (!config_watch__make_places(watch, config, others, other_count, &next)) {
        return false;
    }
    AcquireSRWLockExclusive(&watch->lock);
    struct watch_places before = watch->next;
    watch->next = next;
    ReleaseSRWLockExclusive(&watch->lock);
    config_watch__free_places(&before);
    SetEvent(watch->wake);
    return true;
}

void config_watch_stop(struct config_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    if (watch->thread != NULL) {
        InterlockedExchange(&watch->is_stopping, 1);
        SetEvent(watch->wake);
        WaitForSingleObject(watch->thread, INFINITE);
        CloseHandle(watch->thread);
    }
    config_watch__close_folders(watch);
    if (watch->key != NULL) {
        RegCloseKey(watch->key);
    }
    for (DWORD i = 0; i < WATCH_FOLDER; i++) {
        if (watch->waits[i] != NULL) {
            CloseHandle(watch->waits[i]);
        }
    }
    config_watch__free_places(&watch->places);
    config_watch__free_places(&watch->next);
    memory_free(watch->path);
    memory_free(watch->service);
    memory_free(watch);
}
