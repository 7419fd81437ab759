/* SPDX-License-Identifier: MIT
   The files of a whole drive at one moment, and what has changed since. Without the profile folders that Wine links to the
   home folder of Linux (Desktop, Documents ...). With cmocka's asserts inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_SNAPSHOT_H
#define PORTLISTENER_TESTS_SUPPORT_SNAPSHOT_H

#include "base/win.h"

struct snapshot;

/* snapshot_take: of everything below `folder`, "C:" for a drive. */
struct snapshot *snapshot_take(const WCHAR *folder);
void snapshot_destroy(struct snapshot *snapshot);

/* snapshot_compare: calls `changed` for each file and folder that is new, gone, or has another size or time of writing. */
void snapshot_compare(const struct snapshot *before, const struct snapshot *after,
                      void (*changed)(void *context, const WCHAR *path), void *context);

#endif
