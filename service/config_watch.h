/* SPDX-License-Identifier: MIT
   A watch over what a configuration was read from: its file, the files that it includes, the service's registry key. Tells
   when their contents have changed, once for each change, also when an editor writes a new file and renames it, or writes
   in several steps. */
#ifndef PORTLISTENER_SERVICE_CONFIG_WATCH_H
#define PORTLISTENER_SERVICE_CONFIG_WATCH_H

#include "base/failure.h"
#include "config/config.h"

/* After a change all must be quiet so long, in milliseconds; but who never is, is told so late at most. */
enum { CONFIG_WATCH_QUIET = 500, CONFIG_WATCH_LATE = 5000 };

struct config_watch;

struct config_watch_options {
    const char *path;    /* full path of the file, which may be missing */
    const char *service; /* whose registry key it is */

    /* Something has changed. On the watch's own thread, one call at a time. */
    void (*changed)(void *context);
    void *context;
};

/* config_watch_start: what `config` includes is watched, too; it need not stay. NULL: see `failure_out`. */
struct config_watch *config_watch_start(const struct config_watch_options *options,
                                        const struct config *config, struct failure *failure_out);

/* config_watch_update: from now on what this one includes, and `others`, which a configuration that was refused does: that
   is mended there, perhaps. Any thread, also in `changed`. False without memory: it goes on as before. */
bool config_watch_update(struct config_watch *watch, const struct config *config,
                         const struct config_include *others, size_t other_count);

/* config_watch_stop: waits until `changed` has returned; not in it. NULL is allowed. */
void config_watch_stop(struct config_watch *watch);

#endif
