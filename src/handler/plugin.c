/* SPDX-License-Identifier: MIT
   Handlers in DLLs, see plugin.h. */
#include "handler/plugin.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/utf16.h"
#include "base/win.h"
#include "handler/handshake.h"
#include "handler/pe_file.h"
#include "handler/plugin_copy.h"
#include "handler/plugin_file.h"

struct plugins {
    SRWLOCK lock; /* for the list and the references of what is in it */
    struct list_node list;
    char *folder;
    char *cache_folder;
    bool must_be_trusted;
    void (*warn)(void *context, const char *text);
    void (*late)(void *context, const char *text); /* NULL: nobody wants to know */
    void *context;
};

struct plugin {
    struct list_node node;
    struct plugins *plugins;
    size_t references; /* 0: PL_STAYS_LOADED, and nobody has it now */
    char name[PLUGIN_FILE_NAME_MAX + 1];
    struct plugin_copy copy;
    HMODULE module;
    const struct pl_handler *handler;
};

typedef const struct pl_handler *(*plugin_entry)(void);

struct plugins *plugins_create(const struct plugins_options *options)
{
    struct plugins *plugins = memory_alloc(sizeof *plugins);
    if (plugins == NULL) {
        return NULL;
    }
    InitializeSRWLock(&plugins->lock);
    list_init(&plugins->list);
    plugins->folder = memory_copy_text(options->folder, strlen(options->folder));
    plugins->cache_folder = memory_copy_text(options->cache_folder, strlen(options->cache_folder));
    plugins->must_be_trusted = options->must_be_trusted;
    plugins->warn = options->warn;
    plugins->late = options->late;
    plugins->context = options->context;
    if (plugins->folder == NULL || plugins->cache_folder == NULL) {
        plugins_destroy(plugins);
        return NULL;
    }
    plugin_copy_clear(plugins->cache_folder);
    return plugins;
}

static bool plugin__stays(const struct plugin *plugin)
{
    return plugin->handler != NULL && (plugin->handler->flags & PL_STAYS_LOADED) != 0;
}

/* The DLL of one that stays is left to the process, and so is its copy. */
static void plugin__destroy(struct plugin *plugin)
{
    if (plugin__stays(plugin)) {
        plugin_copy_keep(&plugin->copy);
    } else {
        if (plugin->module != NULL) {
            FreeLibrary(plugin->module);
        }
        plugin_copy_destroy(&plugin->copy);
    }
    memory_free(plugin);
}

void plugins_destroy(struct plugins *plugins)
{
    if (plugins == NULL) {
        return;
    }
    while (!list_is_empty(&plugins->list)) {
        struct plugin *plugin = LIST_ELEMENT(list_take_first(&plugins->list), struct plugin, node);
        assert(plugin->references == 0);
        plugin__destroy(plugin);
    }
    memory_free(plugins->cache_folder);
    memory_free(plugins->folder);
    memory_free(plugins);
}

/* Whether the system would load the DLL of this name for it. What can be loaded is, and let go again: names such as
   api-ms-win-core-file-l1-1-0.dll are no files, so that nobody else can say. */
static bool plugin__has_needed(const char *name)
{
    WCHAR *wide = utf16_from(name);
    HMODULE module = wide != NULL ? LoadLibraryExW(wide, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32) : NULL;
    const bool is_missing = wide != NULL && module == NULL && GetLastError() == ERROR_MOD_NOT_FOUND;
    if (module != NULL) {
        FreeLibrary(module);
    }
    memory_free(wide);
    return !is_missing;
}

/* It names the first one that is missing. Where none is, one of them lacks another. */
static bool plugin__refuse_needs(const struct plugin_file *file, struct failure *failure_out)
{
    char name[PE_IMPORT_NAME_ROOM], room[2 * PE_IMPORT_NAME_ROOM];
    struct text what;
    size_t index = 0;
    while (pe_file_import(file->bytes, file->size, index, name) && plugin__has_needed(name)) {
        index++;
    }
    text_init(&what, room, sizeof room);
    if (name[0] != '\0') {
        text_add_string(&what, "it needs ");
        text_add_escaped(&what, name, strlen(name));
        text_add_string(&what, ", which is not in System32, where alone it is looked for");
    } else {
        text_add_string(&what, "a DLL that it needs lacks another one itself");
    }
    return plugin_file_refuse(file, what.at, ERROR_MOD_NOT_FOUND,
                              "link what it needs into it, with -static or /MT", failure_out);
}

static bool plugin__refuse_load(const struct plugin_file *file, DWORD error, struct failure *failure_out)
{
    switch (error) {
    case ERROR_MOD_NOT_FOUND:
        return plugin__refuse_needs(file, failure_out);
    case ERROR_PROC_NOT_FOUND:
        return plugin_file_refuse(file, "it needs a function that a DLL of this system does not have", error,
                                  "build it for this version of Windows", failure_out);
    case ERROR_DLL_INIT_FAILED:
        return plugin_file_refuse(file, "its own start (DllMain) has refused", error,
                                  "ask its author what it needs", failure_out);
    case ERROR_BAD_EXE_FORMAT:
        return plugin_file_refuse(file, "Windows takes it for damaged", error,
                                  "copy the file again, or build it again", failure_out);
    case ERROR_INVALID_IMAGE_HASH:
    case ERROR_ACCESS_DISABLED_BY_POLICY:
    case ERROR_SYSTEM_INTEGRITY_POLICY_VIOLATION:
        return plugin_file_refuse(file, "a policy of this machine forbids it", error,
                                  "let that policy allow the file, and its copy in the folder plugin-cache",
                                  failure_out);
    default:
        return plugin_file_refuse(file, "Windows cannot load it", error, NULL, failure_out);
    }
}

/* ---- What runs of it ---- */

struct plugin_entrance {
    const WCHAR *path;
    HMODULE module;            /* NULL: `error` */
    plugin_entry entry;        /* NULL: `error` */
    volatile LONG has_dllmain; /* returned */
    const struct pl_handler *handler;
    DWORD error;
};

/* Only System32 is searched for what the DLL needs: in the folder of its copy lies nothing else, and nothing else there
   shall be taken for a DLL of the system. */
static DWORD WINAPI plugin_entrance__run(void *argument)
{
    struct plugin_entrance *entrance = argument;
    entrance->module = LoadLibraryExW(entrance->path, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (entrance->module == NULL) {
        entrance->error = GetLastError();
        return 0;
    }
    InterlockedExchange(&entrance->has_dllmain, 1);
    entrance->entry = (plugin_entry)(void (*)(void))GetProcAddress(entrance->module, "portlistener_handler");
    if (entrance->entry == NULL) {
        entrance->error = GetLastError();
        return 0;
    }
    entrance->handler = entrance->entry();
    return 0;
}

static void plugin_entrance__tell_late(struct plugin_entrance *entrance, const struct plugin *plugin)
{
    char room[400];
    struct text text;
    const bool has_dllmain = InterlockedCompareExchange(&entrance->has_dllmain, 0, 0) != 0;
    text_init(&text, room, sizeof room);
    text_add_format(
        &text,
        "the plugin %s.dll has not returned from %s for at least %d seconds, and whoever loads it "
        "waits: it must return at once, tell whoever made it. If it never returns, only the end of "
        "the process ends it",
        plugin->name, has_dllmain ? "portlistener_handler" : "DllMain", PLUGIN_LOAD_LIMIT / 1000);
    plugin->plugins->late(plugin->plugins->context, room);
}

/* The thread is there before the DLL is: while a DllMain hangs, no thread can begin. */
static void plugin_entrance__pass(struct plugin_entrance *entrance, const struct plugin *plugin)
{
    HANDLE thread =
        plugin->plugins->late != NULL ? CreateThread(NULL, 0, plugin_entrance__run, entrance, 0, NULL) : NULL;
    if (thread == NULL) {
        plugin_entrance__run(entrance);
        return;
    }
    if (WaitForSingleObject(thread, PLUGIN_LOAD_LIMIT) == WAIT_TIMEOUT) {
        plugin_entrance__tell_late(entrance, plugin);
        WaitForSingleObject(thread, INFINITE);
    }
    CloseHandle(thread);
}

static bool plugin__load(struct plugin *plugin, const struct plugin_file *file, struct failure *failure_out)
{
    struct plugin_entrance entrance = {.path = plugin->copy.path};
    plugin_entrance__pass(&entrance, plugin);
    plugin->module = entrance.module;
    if (plugin->module == NULL) {
        return plugin__refuse_load(file, entrance.error, failure_out);
    }
    if (entrance.entry == NULL) {
        return plugin_file_refuse(file, "its portlistener_handler cannot be found", entrance.error, NULL,
                                  failure_out);
    }
    char room[512];
    struct text problem;
    text_init(&problem, room, sizeof room);
    if (!handshake_check(entrance.handler, plugin->name, &problem)) {
        return plugin_file_refuse(file, room, 0, NULL, failure_out);
    }
    plugin->handler = entrance.handler;
    return true;
}

static struct plugin *plugin__create(struct plugins *plugins, const struct plugin_file *file,
                                     struct failure *failure_out)
{
    struct plugin *plugin = memory_alloc(sizeof *plugin);
    if (plugin == NULL) {
        plugin_file_refuse(file, "there is no memory", ERROR_NOT_ENOUGH_MEMORY, NULL, failure_out);
        return NULL;
    }
    plugin->plugins = plugins;
    plugin->references = 1;
    memcpy(plugin->name, file->name, sizeof plugin->name);
    if (!plugin_copy_create(&plugin->copy, plugins->cache_folder, file, failure_out)) {
        memory_free(plugin);
        return NULL;
    }
    if (!plugin__load(plugin, file, failure_out)) {
        plugin__destroy(plugin);
        return NULL;
    }
    list_append(&plugins->list, &plugin->node);
    return plugin;
}

/* With the lock held. */
static struct plugin *plugins__find(struct plugins *plugins, const struct plugin_file *file,
                                    struct failure *failure_out)
{
    for (struct list_node *node = plugins->list.next; node != &plugins->list; node = node->next) {
        struct plugin *plugin = LIST_ELEMENT(node, struct plugin, node);
        if (strcmp(plugin->name, file->name) == 0 && plugin_copy_is(&plugin->copy, file)) {
            plugin->references++;
            return plugin;
        }
    }
    return plugin__create(plugins, file, failure_out);
}

static void plugins__warn(const struct plugins *plugins, const struct plugin_file *file)
{
    char room[sizeof file->distrust.text + 100];
    struct text text;
    text_init(&text, room, sizeof room);
    text_add_format(&text, "plugin %s.dll is loaded although it is not safe: %s", file->name,
                    file->distrust.text);
    plugins->warn(plugins->context, room);
}

struct plugin *plugins_find(struct plugins *plugins, const char *file_name, struct failure *failure_out)
{
    struct plugin_file file;
    struct plugin *plugin = NULL;
    AcquireSRWLockExclusive(&plugins->lock);
    if (plugin_file_open(&file, plugins->folder, file_name, plugins->must_be_trusted, failure_out)) {
        plugin = plugins__find(plugins, &file, failure_out);
        if (plugin != NULL && !file.is_trusted) {
            plugins__warn(plugins, &file);
        }
        plugin_file_close(&file);
    }
    ReleaseSRWLockExclusive(&plugins->lock);
    return plugin;
}

void plugin_hold(struct plugin *plugin)
{
    AcquireSRWLockExclusive(&plugin->plugins->lock);
    assert(plugin->references > 0);
    plugin->references++;
    ReleaseSRWLockExclusive(&plugin->plugins->lock);
}

void plugin_release(struct plugin *plugin)
{
    struct plugins *plugins = plugin->plugins;
    AcquireSRWLockExclusive(&plugins->lock);
    assert(plugin->references > 0);
    plugin->references--;
    if (plugin->references == 0 && !plugin__stays(plugin)) {
        list_remove(&plugin->node);
        plugin__destroy(plugin);
    }
    ReleaseSRWLockExclusive(&plugins->lock);
}

const struct pl_handler *plugin_handler(const struct plugin *plugin)
{
    return plugin->handler;
}
