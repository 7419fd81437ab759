/* SPDX-License-Identifier: MIT
   The configuration as the program uses it: typed, defaults filled in, checked as a whole, never changed
   afterwards. */
#ifndef PORTLISTENER_CONFIG_CONFIG_H
#define PORTLISTENER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/address_prefix.h"
#include "base/log_level.h"
#include "base/text.h"
#include "config/config_places.h"

struct config_item;
struct config_registry;
struct config_retired;
struct whole_file;

enum config_protocol { CONFIG_TCP, CONFIG_UDP };
enum config_start_policy { CONFIG_START_PARTIAL, CONFIG_START_ALL };
enum config_event_log {
    CONFIG_EVENT_LOG_OFF,
    CONFIG_EVENT_LOG_ERRORS,
    CONFIG_EVENT_LOG_LIFECYCLE,
    CONFIG_EVENT_LOG_ALL
};

/* Versions of the PROXY header that are taken; bits. */
enum config_proxy_protocol {
    CONFIG_PROXY_OFF = 0,
    CONFIG_PROXY_V1 = 1,
    CONFIG_PROXY_V2 = 2,
    CONFIG_PROXY_BOTH = CONFIG_PROXY_V1 | CONFIG_PROXY_V2
};

enum { CONFIG_SOCKETS_MAX = 65536 }; /* of all enabled endpoints together */

enum { CONFIG_BURST_PART = 5 }; /* accept_burst counts as at least this part of accept_rate, rounded up */

/* Where a value comes from: its line (see config_places.h) and the column where the value begins; line 0: the table's
   default. */
struct config_origin {
    uint32_t line;
    uint32_t column;
    bool is_shared;   /* the line stands in [defaults] */
    bool is_handlers; /* line 0: the default is the handler's */
};

/* One item of `listen`, or one half of "localhost": an address with one or more ports. */
struct config_listen {
    enum config_protocol protocol;
    bool is_dual_stack;        /* "*": address is ::, the socket takes IPv4 too */
    bool is_localhost;         /* one of its two halves */
    struct pl_address address; /* port: the first of the range */
    uint16_t last_port;
    uint32_t line; /* of the item, for messages */
    uint32_t column;
};

/* Networks, in the order in which they are written. A list that was written once is there once: all endpoints that
   have it have the same `at`. */
struct config_prefixes {
    struct address_prefix *at; /* NULL: none */
    size_t count;
};

/* The options of an endpoint: what its handler's table has, see config_settings.h. */
struct pl_config {
    const struct config_options *options; /* NULL: none yet */
    struct config_setting *settings;      /* of each row of the table, in its order; so are the origins */
    struct config_origin *origins;
};

/* Durations are milliseconds, sizes bytes; ranges and defaults: config_keys.c. */
struct config_endpoint {
    char *name;
    struct config_listen *listen;
    size_t listen_count;
    char *handler; /* as the handler itself writes its name; or the name of a DLL */
    struct pl_config options;
    struct config_prefixes allow; /* none: everyone */
    struct config_prefixes deny;
    uint32_t max_connections; /* 0: no limit; so are the next three */
    uint32_t max_connections_per_source;
    uint32_t max_outbound;
    uint32_t accept_rate;
    uint32_t accept_burst; /* 0: as accept_rate */
    struct config_prefixes trusted_proxies;
    uint64_t proxy_timeout;
    enum config_proxy_protocol proxy_protocol;
    uint32_t backlog;
    uint32_t accepts_max;
    uint32_t receives_max;
    uint64_t first_byte_timeout; /* 0: none; so are the other timeouts */
    uint64_t idle_timeout;
    uint64_t send_timeout;
    uint64_t lifetime;
    uint64_t close_timeout;
    uint32_t send_queue;
    bool is_enabled;
    bool nodelay;
    bool keepalive;
    bool access_log; /* writes to it */
    uint64_t keepalive_time;
    uint64_t keepalive_interval;
    uint32_t recv_buffer; /* 0: the system's for TCP, 4M for UDP */
    uint32_t send_buffer;
    uint32_t max_datagram;
    uint32_t udp_sessions_max;
    uint32_t reply_limit;          /* thousandths; 0: none */
    uint32_t line;                 /* of its section, for messages */
    struct config_origin *origins; /* of each row of config_keys_endpoint, in its order */
};

struct config_service {
    uint32_t workers; /* 0: one for each logical processor */
    uint32_t blocking_threads;
    uint32_t max_connections; /* 0: no limit */
    uint64_t drain_timeout;
    enum config_start_policy start_policy;
    uint64_t bind_retry;
    char *data_dir; /* full path */
    char *log_file; /* full path, or "-" */
    enum log_level log_level;
    bool log_is_json;
    bool log_is_local_time;
    uint64_t log_rotate_size;     /* 0: never by size */
    uint64_t log_rotate_interval; /* 0: never by age */
    uint32_t log_keep;
    char *access_log; /* full path, or "-"; empty: off */
    enum config_event_log event_log;
    bool reload_is_watch; /* else manual */
    bool control_pipe;
    char *plugin_dir;              /* full path */
    struct config_origin *origins; /* of each row of config_keys_service, in its order */
};

/* What an include line means: the files of a folder that have a name, or one like a pattern. */
struct config_include {
    char *folder; /* full path */
    char *pattern;
};

struct config {
    char *file;                  /* as messages name it */
    struct config_places places; /* what it was read from */
    struct config_include *includes;
    size_t include_count;
    struct config_service service;
    struct config_endpoint defaults;   /* owns what its endpoints have from it: texts, lists of networks */
    struct config_endpoint *endpoints; /* in the order of the file */
    size_t endpoint_count;
    struct config_options **options; /* of each of the source's handlers; NULL: no endpoint has it */
    size_t option_count;
    struct config_plugin *plugins; /* handlers in DLLs that it names; see config_plugins.h */
};

/* One problem; its message, without "file:line:column: error: ", is text.at[offset..offset + length). Its file, or its
   key or value of the registry, is text.at[place..place + place_length). */
struct config_problem {
    uint32_t line; /* 0: the whole file, or the registry */
    uint32_t column;
    bool is_error;
    bool is_registry;
    size_t offset;
    size_t length;
    size_t place;
    size_t place_length;
};

/* What is wrong with a configuration, for a person: one line each, "file:line:column: error: what is wrong;
   what would be right", or "HKLM\...\endpoint web\backlog: error: ...", in the order of what is read. All of them, not only the first (of thousands: the first
   thousand, and a last line that tells of the rest). */
struct config_problems {
    struct text text; /* lines, each ended by \n */
    uint32_t errors;
    uint32_t warnings;
    struct config_problem *list; /* the same, for tools */
    size_t count;
    struct config_include *includes; /* of a configuration that is refused: what it would have included */
    size_t include_count;
    size_t room;                        /* from here on: for config_problems.c */
    const struct config_places *places; /* what the lines are of; NULL: of the one file */
    struct text found;                  /* the messages as they came */
    bool is_out_of_memory;              /* then the text says so, and only that */
    bool is_access_denied;              /* the file or the registry key may not be read */
    char no_memory_room[512];
};

void config_problems_init(struct config_problems *problems);
void config_problems_fini(struct config_problems *problems);

/* Where handlers in DLLs come from. */
struct config_plugin_source {
    /* The handler in `file` of service->plugin_dir, held until it is released: `held_out`. NULL: `problem` has what is
       wrong and what to do; nothing: no memory. `warning` has what deserves a look, if anything does. */
    const struct pl_handler *(*load)(void *context, const struct config_service *service, const char *file,
                                     void **held_out, struct text *problem, struct text *warning);
    void (*release)(void *context, void *held);
    void *context;
};

/* How included files are found. Texts are in UTF-8. */
struct config_include_source {
    /* Gives the name of each file in `folder` (a full path) to `take`, until it says false. False: `problem` has what is
       wrong and what to do; nothing: no memory. */
    bool (*list)(void *context, const char *folder, bool (*take)(void *taker, const char *name), void *taker,
                 struct text *problem);
    /* As whole_file_read. */
    bool (*read)(void *context, const char *path, size_t most, struct whole_file *file_out,
                 struct text *problem);
    void *context;
};

/* Where the text of a configuration comes from, and what it may name. */
struct config_source {
    const char *file;                           /* the name of the file, for messages */
    const char *folder;                         /* full path: where relative paths begin */
    const char *service;                        /* takes the place of <service> in paths */
    const struct pl_handler *const *handlers;   /* ends with NULL; as long as the configuration */
    const struct config_plugin_source *plugins; /* likewise; NULL: none is loaded */
    const struct config_registry
        *registry;             /* its values come before those of the text; NULL: there are none */
    const char *registry_name; /* of the key that has them, for messages */
    const struct config_include_source *includes; /* NULL: no file can be included */
    const char *path;                     /* full path of the file, which does not include itself; or NULL */
    const struct config_retired *retired; /* old names of keys; NULL: those of this release */
    /* Each section and entry of the files, as it is written; false: there is no memory for it. May be NULL. */
    bool (*given)(void *context, const struct config_item *item);
    void *given_context;
    /* Appends the value of an environment variable; false where there is none. */
    bool (*variable)(const char *name, struct text *value);
};

/* config_parse: reads text[0..length), UTF-8 (NULL: no such file), and the registry, and checks it all. NULL: an error;
   warnings may be there either way. `problems`: fresh from config_problems_init. */
struct config *config_parse(const struct config_source *source, const char *text, size_t length,
                            struct config_problems *problems);

/* config_load: config_parse of the file `path` (UTF-8, relative to the current folder), read as one snapshot
   while nobody can write to it, for the service named `service`. Relative paths inside begin in the file's
   folder. Not while another thread changes the current folder or the environment. */
struct config *config_load(const char *path, const char *service, const struct pl_handler *const *handlers,
                           const struct config_plugin_source *plugins, struct config_problems *problems);

/* Files and registry keys that others than administrators can change. */
enum config_trust {
    CONFIG_TRUST_ANYBODY,       /* nobody asks */
    CONFIG_TRUST_WARN,          /* are told in a warning */
    CONFIG_TRUST_ADMINISTRATORS /* are refused */
};

/* What a program's configuration is read from. */
struct config_request {
    const char *path;   /* of the file, as for config_load */
    bool may_lack_file; /* where there is no such file, the registry has it all */
    enum config_trust trust;
    bool is_file_only;   /* the registry is not read */
    const char *service; /* whose registry key is read, too */
    const struct pl_handler *const *handlers;
    const struct config_plugin_source *plugins;
    bool (*given)(void *context, const struct config_item *item); /* as in config_source */
    void *given_context;
};

/* config_load_request: config_load with the values of the service's registry key, which come before the file's, and with
   the files that it includes. */
struct config *config_load_request(const struct config_request *request, struct config_problems *problems);

/* config_destroy: NULL is allowed. */
void config_destroy(struct config *config);

#endif
