/* SPDX-License-Identifier: MIT
   The registry key of a service, for tests: written to and taken away. Names in ASCII. */
#ifndef PORTLISTENER_TESTS_SUPPORT_REGISTRY_KEY_H
#define PORTLISTENER_TESTS_SUPPORT_REGISTRY_KEY_H

#include "base/win.h"

/* registry_key_set: a value of `key` below the service's Parameters; "" is Parameters itself. */
void registry_key_set(const char *service, const char *key, const char *name, DWORD type, const void *data,
                      size_t size);
void registry_key_text(const char *service, const char *key, const char *name, const char *text);

/* registry_key_remove: the service's key with all below it, if there is one. */
void registry_key_remove(const char *service);

#endif
