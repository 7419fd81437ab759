/* SPDX-License-Identifier: MIT
   Reads the configuration again, the way the start did, and lets the engine run as it says, or only tells what that would
   change. What asks for it (the service manager, the control pipe, a watch over the file) calls reloader_run. */
#ifndef PORTLISTENER_SERVICE_RELOADER_H
#define PORTLISTENER_SERVICE_RELOADER_H

#include <stdbool.h>

#include "base/failure.h"
#include "base/log.h"
#include "base/text.h"
#include "base/win.h"
#include "config/config.h"
#include "engine.h"

struct reloader_options {
    struct config_request request; /* what it is read from; its pointers are kept, as are all here */
    struct log *log;               /* may be NULL */

    /* The files were read, and include this, whether they are used or refused; before `applied`. On the thread of
       reloader_run, unless that was dry. May be NULL. */
    void (*read)(void *context, const struct config_include *includes, size_t count);

    /* From now on `config` is in effect, until this is called again or the engine is destroyed. On the thread of
       reloader_run. May be NULL. */
    void (*applied)(void *context, const struct config *config);
    void *context;
};

struct reloader {
    SRWLOCK lock; /* one reload at a time */
    struct reloader_options options;
    struct engine *engine; /* NULL: none runs */
};

/* reloader_init: holds no resource, so there is no fini. reloader_set_engine: which one is to be changed; NULL before it
   stops. False: a reload is under way, and nothing was done: whoever waits for it needs a limit, as a plugin that it loads
   or starts may never return. */
void reloader_init(struct reloader *reloader, const struct reloader_options *options);
bool reloader_set_engine(struct reloader *reloader, struct engine *engine);

/* reloader_hold, reloader_let_go: meanwhile no reload takes the configuration away that is in effect. False: one is under
   way, as above. */
bool reloader_hold(struct reloader *reloader);
void reloader_let_go(struct reloader *reloader);

/* reloader_load: the configuration as it stands in the file now; NULL: `problems`, fresh from config_problems_init, tell
   why. */
struct config *reloader_load(const struct reloader *reloader, struct config_problems *problems);

/* reloader_run: reads the configuration and makes it so, or, `is_dry_run`, only tells what that would change. `told` takes
   what came of it, for people: a line that sums it up, then one line for each change, or each problem with its file and
   line. The code: DONE; CONFIGURATION: it is wrong, and nothing has changed; BIND: see start_policy; NOT_RUNNING: there
   is no engine, for it starts or stops; FAILED. It has been logged, unless it was dry. Any thread but a worker; waits for
   one that is under way. With `is_json` it is one JSON object: "result" (applied, unchanged, refused, described),
   "code", "message", "problems" (a list of lines), and "changes" and "restarts" as config_diff_add_json has them. */
void reloader_run(struct reloader *reloader, bool is_dry_run, bool is_json, struct text *told,
                  enum exit_code *code_out);

/* reloader_log_warnings: what was told about a configuration that is used, line by line. */
void reloader_log_warnings(struct log *log, const struct config_problems *problems);

#endif
