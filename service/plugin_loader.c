/* SPDX-License-Identifier: MIT */
#include "plugin_loader.h"

#include <string.h>

#include "handler/plugin.h"

enum { LOADER_PATH_ROOM = 4096 };

#define LOADER_CACHE "plugin-cache"

/* Inside of plugins_find. */
static void plugin_loader__warn(void *context, const char *words)
{
    struct text *warning = ((const struct plugin_loader *)context)->warning;
    if (warning != NULL) {
        text_add_string(warning, warning->length > 0 ? "; " : "");
        text_add_string(warning, words);
    }
}

static void plugin_loader__late(void *context, const char *words)
{
    const struct plugin_loader *loader = context;
    loader->late(loader->late_context, words);
}

static void plugin_loader__note(struct plugin_loader *loader, const char *file)
{
    struct text text;
    AcquireSRWLockExclusive(&loader->lock);
    text_init(&text, loader->loading, sizeof loader->loading);
    text_add_string(&text, file);
    ReleaseSRWLockExclusive(&loader->lock);
}

bool plugin_loader_is_loading(const struct plugin_loader *loader, struct text *text)
{
    SRWLOCK *lock = (SRWLOCK *)(uintptr_t)&loader->lock;
    AcquireSRWLockShared(lock);
    const bool is_loading = loader->loading[0] != '\0';
    if (is_loading) {
        text_add_string(text, "the plugin ");
        text_add_escaped(text, loader->loading, strlen(loader->loading));
    }
    ReleaseSRWLockShared(lock);
    return is_loading;
}

static bool plugin_loader__prepare(struct plugin_loader *loader, const struct config_service *service)
{
    char room[LOADER_PATH_ROOM];
    struct text cache;
    text_init(&cache, room, sizeof room);
    text_add_format(&cache, "%s\\" LOADER_CACHE, service->data_dir);
    if (loader->plugins == NULL && !cache.is_cut) {
        loader->plugins = plugins_create(
            &(const struct plugins_options){.folder = service->plugin_dir,
                                            .cache_folder = room,
                                            .must_be_trusted = loader->trust == CONFIG_TRUST_ADMINISTRATORS,
                                            .warn = plugin_loader__warn,
                                            .late = loader->late != NULL ? plugin_loader__late : NULL,
                                            .context = loader});
    }
    return loader->plugins != NULL;
}

static const struct pl_handler *plugin_loader__load(void *context, const struct config_service *service,
                                                    const char *file, void **held_out, struct text *problem,
                                                    struct text *warning)
{
    struct plugin_loader *loader = context;
    struct failure failure;
    if (!plugin_loader__prepare(loader, service)) {
        return NULL;
    }
    loader->warning = loader->trust == CONFIG_TRUST_ANYBODY ? NULL : warning;
    plugin_loader__note(loader, file);
    struct plugin *plugin = plugins_find(loader->plugins, file, &failure);
    plugin_loader__note(loader, "");
    loader->warning = NULL;
    if (plugin == NULL) {
        text_add_string(problem, failure.text);
        return NULL;
    }
    *held_out = plugin;
    return plugin_handler(plugin);
}

static void plugin_loader__release(void *context, void *held)
{
    (void)context;
    plugin_release(held);
}

void plugin_loader_init(struct plugin_loader *loader, enum config_trust trust)
{
    *loader = (struct plugin_loader){
        .source = {.load = plugin_loader__load, .release = plugin_loader__release, .context = loader},
        .trust = trust};
    InitializeSRWLock(&loader->lock);
}

void plugin_loader_fini(struct plugin_loader *loader)
{
    plugins_destroy(loader->plugins);
    loader->plugins = NULL;
}
