/* SPDX-License-Identifier: MIT
   What the outside asks of a running service: stop, pause, continue, reload. The service manager's or the console's
   handler puts it in and returns at once; the thread that runs the service takes it out. */
#ifndef PORTLISTENER_SERVICE_CONTROL_H
#define PORTLISTENER_SERVICE_CONTROL_H

#include <stdbool.h>

#include "base/win.h"
#include "engine.h"

/* Why a stop was asked for; the lower it stands here, the less time is left. */
enum control_stop {
    CONTROL_RUN,         /* none was */
    CONTROL_STOP,        /* by a person: connections have drain_timeout */
    CONTROL_PRESHUTDOWN, /* the machine goes down, services that asked to be told early */
    CONTROL_SHUTDOWN     /* the machine goes down, or the console is closed: seconds are left */
};

/* What is done once, and then forgotten; bits. */
enum control_wish {
    CONTROL_RELOAD = 1, /* read the configuration again */
    CONTROL_ROTATE = 2, /* begin new log files */
    CONTROL_DUMP = 4,   /* write to the log how things stand */
    CONTROL_WATCH = 8   /* see whether, and where, the configuration is to be watched now */
};

struct control {
    SRWLOCK lock;
    CONDITION_VARIABLE changed; /* something below */
    enum control_stop stop;
    bool is_pause_wanted;
    bool is_hurried;
    bool has_started;      /* there is, or was, an engine */
    unsigned wishes;       /* enum control_wish */
    struct engine *engine; /* for control_hurry; NULL while there is none */
};

/* control_init: holds no resource, so there is no fini. */
void control_init(struct control *control);

/* control_ask_stop, control_ask_pause, control_ask: any thread; never wait. The first reason to stop stays. */
void control_ask_stop(struct control *control, enum control_stop why);
void control_ask_pause(struct control *control, bool is_pause_wanted);
void control_ask(struct control *control, enum control_wish wish);

/* control_hurry: asks for a stop that waits for no connection. Any thread. */
void control_hurry(struct control *control);

/* control_set_engine: who is to be hurried. NULL before the engine is destroyed. */
void control_set_engine(struct control *control, struct engine *engine);

/* control_take_wishes: those since it was called last. */
unsigned control_take_wishes(struct control *control);

/* control_wait: until something else is wanted than `is_paused`, or there is a wish; then tells what. */
enum control_stop control_wait(struct control *control, bool is_paused, bool *is_pause_wanted_out);

/* control_has_started: whether an engine runs, or has run. control_is_stopping: whether a stop was asked for.
   Any thread. */
bool control_has_started(struct control *control);
bool control_is_stopping(struct control *control);

/* control_is_hurried: whether control_hurry was called. Any thread. */
bool control_is_hurried(struct control *control);

#endif
