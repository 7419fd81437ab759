/* SPDX-License-Identifier: MIT
   Folders for tests of plugins, see plugin_folders.h. */
#include "support/plugin_folders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/descriptor.h"
#include "support/seam.h"

void plugin_folders_init(struct plugin_folders *folders)
{
    folders->plugins = NULL;
    folders->warnings = 0;
    folders->warning[0] = '\0';
    folder_init(&folders->files);
    folder_init(&folders->cache);
}

void plugin_folders_fini(struct plugin_folders *folders)
{
    plugins_destroy(folders->plugins);
    folders->plugins = NULL;
    folder_fini(&folders->cache);
    folder_fini(&folders->files);
}

/* The folder "plugins" beside this program, as if a test had made it. */
static void plugin_folders__find_source(struct folder *source)
{
    WCHAR path[MAX_PATH];
    const DWORD length = SEAM_REAL(GetModuleFileNameW)(NULL, path, MAX_PATH);
    assert_true(length > 0 && length < MAX_PATH);
    wcscpy(wcsrchr(path, L'\\') + 1, L"plugins");
    assert_true(SEAM_REAL(WideCharToMultiByte)(CP_UTF8, 0, path, -1, source->path, sizeof source->path, NULL,
                                               NULL) > 0);
}

void plugin_folders_put(struct plugin_folders *folders, const char *name, size_t extra)
{
    struct folder source;
    char file_name[64];
    size_t length = 0;
    snprintf(file_name, sizeof file_name, "%s.dll", name);
    plugin_folders__find_source(&source);
    char *bytes = folder_read(&source, file_name, &length);
    char *longer = realloc(bytes, length + extra + 1);
    assert_non_null(longer);
    memset(longer + length, 'x', extra);
    folder_write(&folders->files, file_name, longer, length + extra);
    free(longer);
}

static void plugin_folders__warn(void *context, const char *text)
{
    struct plugin_folders *folders = context;
    folders->warnings++;
    snprintf(folders->warning, sizeof folders->warning, "%s", text);
}

void plugin_folders_start(struct plugin_folders *folders, bool must_be_trusted)
{
    const struct plugins_options options = {.folder = folders->files.path,
                                            .cache_folder = folders->cache.path,
                                            .must_be_trusted = must_be_trusted,
                                            .warn = plugin_folders__warn,
                                            .context = folders};
    folders->plugins = plugins_create(&options);
}

static DWORD WINAPI plugin_folders__get_security(HANDLE handle, SE_OBJECT_TYPE type,
                                                 SECURITY_INFORMATION parts, PSID *owner, PSID *group,
                                                 PACL *dacl, PACL *sacl, PSECURITY_DESCRIPTOR *descriptor)
{
    (void)handle, (void)type, (void)parts, (void)owner, (void)group, (void)dacl, (void)sacl;
    *descriptor = descriptor_make("O:BAD:(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;WD)");
    return *descriptor != NULL ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

void plugin_folders_trust(void)
{
    seam_replace(IMPORT_GetSecurityInfo, (seam_function)plugin_folders__get_security);
}
