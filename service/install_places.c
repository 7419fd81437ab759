/* SPDX-License-Identifier: MIT
   Places and rights of the installation, see install_places.h. */
#include "install_places.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/utf16.h"
#include "base/win.h"
#include "install_files.h"
#include "registration.h"

#define INSTALL_PLACES_FOLDER  "PortListener"
#define INSTALL_PLACES_SOURCES L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application"

enum { INSTALL_PLACES_NAME_MAX = 80 };

bool install_places_find(struct install_places *places_out, const char *service, struct failure *failure_out)
{
    char *programs = install_files_programs();
    char *data = install_files_data();
    *places_out = (struct install_places){.own = install_files_own()};
    if (programs != NULL && data != NULL && places_out->own != NULL) {
        places_out->source = install_files_folder(places_out->own);
        places_out->program = install_files_join(programs, INSTALL_PLACES_FOLDER);
        places_out->data = install_files_join(data, service);
    }
    if (places_out->program != NULL) {
        places_out->target = install_files_join(places_out->program, INSTALL_PLACES_PROGRAM);
    }
    memory_free(data);
    memory_free(programs);
    if (places_out->source != NULL && places_out->target != NULL && places_out->data != NULL) {
        return true;
    }
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED,
                                    .text = "the system does not tell where programs and their data go"};
    return false;
}

void install_places_free(struct install_places *places)
{
    memory_free(places->own);
    memory_free(places->source);
    memory_free(places->program);
    memory_free(places->target);
    memory_free(places->data);
}

bool install_places_is_name(const char *service)
{
    const size_t length = strlen(service);
    return length > 0 && length <= INSTALL_PLACES_NAME_MAX && service[0] != '.' && service[0] != '-' &&
           service[length - 1] != '.' &&
           strspn(service, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

bool install_places_are_of(const struct install_places *places, const char *image)
{
    return image != NULL &&
           (registration_runs(image, places->target) || registration_runs(image, places->own));
}

bool install_places_have_texts(const char *event_file)
{
    const char *name = strrchr(event_file, '\\');
    return name != NULL && registration_is_equal(name + 1, INSTALL_PLACES_EVENTS);
}

/* To open a key in order to create one in it changes nothing, and who may not do that may not do the rest either. */
bool install_places_check_rights(struct failure *failure_out)
{
    HKEY key = NULL;
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    DWORD error = manager != NULL ? ERROR_SUCCESS : GetLastError();
    if (manager != NULL) {
        CloseServiceHandle(manager);
        error = (DWORD)RegCreateKeyExW(HKEY_LOCAL_MACHINE, INSTALL_PLACES_SOURCES, 0, NULL, 0,
                                       KEY_CREATE_SUB_KEY, NULL, &key, NULL);
    }
    if (error == ERROR_SUCCESS) {
        RegCloseKey(key);
        return true;
    }
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, "nothing was changed, as the service manager or the registry refuses it: ");
    utf16_add_error(&text, error);
    if (error == ERROR_ACCESS_DENIED) {
        *failure_out =
            (struct failure){.code = EXIT_CODE_ACCESS_DENIED,
                             .win32_error = error,
                             .text = "nothing was changed, as that needs administrator rights: run elevated "
                                     "(\"Run as administrator\")"};
    }
    return false;
}
