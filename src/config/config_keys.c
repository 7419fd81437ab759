/* SPDX-License-Identifier: MIT
   The table of all keys, see config_keys.h. */
#include "config/config_keys.h"

#include <string.h>

#include "base/memory.h"
#include "config/config_listen.h"
#include "config/config_value.h"

#define SERVICE_PLACE(member) \
    .offset = offsetof(struct config_service, member), .size = sizeof(((struct config_service *)NULL)->member)
#define ENDPOINT_PLACE(member)                          \
    .offset = offsetof(struct config_endpoint, member), \
    .size = sizeof(((struct config_endpoint *)NULL)->member)

#define KB   UINT64_C(1024)
#define MB   (1024 * KB)
#define GB   (1024 * MB)
#define SEC  UINT64_C(1000)
#define MIN  (60 * SEC)
#define HOUR (60 * MIN)
#define DAY  (24 * HOUR)

/* The order of the choices is that of the enums in config.h; of two-way choices, the second is true. */
static const char *const start_policies[] = {"partial", "all", NULL};
static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_times[] = {"utc", "local", NULL};
static const char *const proxy_protocols[] = {"off", "v1", "v2", "both", NULL};
static const char *const reloads[] = {"manual", "watch", NULL};
static const char *const event_logs[] = {"off", "errors", "lifecycle", "all", NULL};

static const struct config_key service_keys[] = {
    {.name = "workers",
     .type = CONFIG_TYPE_NUMBER,
     SERVICE_PLACE(workers),
     .value = "0",
     .least = 1,
     .most = 64,
     .zero = "one per logical processor",
     .needs_restart = true,
     .help = "Worker threads, never more than 64. Each has a completion port of its own; none is tied to a "
             "processor."},
    {.name = "blocking_threads",
     .type = CONFIG_TYPE_NUMBER,
     SERVICE_PLACE(blocking_threads),
     .value = "16",
     .least = 1,
     .most = 512,
     .needs_restart = true,
     .help =
         "Threads for handlers that may wait (`blocking`), which share them; one endpoint never has the last one. "
         "There are none while no endpoint has such a handler."},
    {.name = "max_connections",
     .type = CONFIG_TYPE_NUMBER,
     SERVICE_PLACE(max_connections),
     .value = "0",
     .least = 1,
     .most = 4000000,
     .zero = "no limit",
     .help = "TCP connections of all endpoints together. One more is accepted, reset and counted."},
    {.name = "drain_timeout",
     .type = CONFIG_TYPE_DURATION,
     SERVICE_PLACE(drain_timeout),
     .value = "10s",
     .least = 0,
     .most = HOUR,
     .help = "How long a stop lets live connections finish. Those that are left are then reset. When the "
             "system shuts down, they have 8s at most, unless the service's PRESHUTDOWN timeout is at least "
             "5s longer than this, as `portlistener install` sets it."},
    {.name = "start_policy",
     .type = CONFIG_TYPE_CHOICE,
     SERVICE_PLACE(start_policy),
     .value = "partial",
     .choices = start_policies,
     .help = "`partial`: run with the endpoints that can be bound and go on trying the others. When nothing "
             "can be bound, a start on demand (`net start`, `run`) fails with code 4; an automatic start "
             "goes on trying, if the error may pass. `all`: one that cannot be bound fails every start with "
             "code 4."},
    {.name = "bind_retry",
     .type = CONFIG_TYPE_DURATION,
     SERVICE_PLACE(bind_retry),
     .value = "500ms",
     .least = 100,
     .most = 30 * SEC,
     .help = "After this time a failed bind is tried again; the time doubles up to 30s. A new address of "
             "this machine brings a try at once. The start itself waits up to 10s for a port that is taken "
             "(errors 10048 and 10013) before the bind counts as failed."},
    {.name = "reload",
     .type = CONFIG_TYPE_CHOICE,
     SERVICE_PLACE(reload_is_watch),
     .value = "manual",
     .choices = reloads,
     .help =
         "`manual`: the configuration is read again when somebody asks for it. `watch`: also when this file, a "
         "file that it includes, or the service's registry key has changed and then been left alone for half a "
         "second. What is wrong is told in the log, and changes nothing."},
    {.name = "data_dir",
     .type = CONFIG_TYPE_FOLDER,
     SERVICE_PLACE(data_dir),
     .value = ".",
     .needs_restart = true,
     .help = "Folder of what the service writes: a relative `log_file` or `access_log` begins here. A "
             "relative path begins in the folder of this file; `.` is that folder itself."},
    {.name = "log_file",
     .type = CONFIG_TYPE_LOG_FILE,
     SERVICE_PLACE(log_file),
     .value = "logs\\<service>.log",
     .needs_restart = true,
     .help = "The log. `<service>` is the name of the service, `-` standard error (console runs)."},
    {.name = "log_level",
     .type = CONFIG_TYPE_CHOICE,
     SERVICE_PLACE(log_level),
     .value = "info",
     .choices = log_levels,
     .help = "The least important events that are still logged."},
    {.name = "log_format",
     .type = CONFIG_TYPE_CHOICE,
     SERVICE_PLACE(log_is_json),
     .value = "text",
     .choices = log_formats,
     .help = "Lines for people, or one JSON object a line."},
    {.name = "log_time",
     .type = CONFIG_TYPE_CHOICE,
     SERVICE_PLACE(log_is_local_time),
     .value = "utc",
     .choices = log_times,
     .help = "Time stamps are ISO 8601 with milliseconds, in UTC or in local time with its offset."},
    {.name = "log_rotate_size",
     .type = CONFIG_TYPE_SIZE,
     SERVICE_PLACE(log_rotate_size),
     .value = "10M",
     .least = 64 * KB,
     .most = 100 * GB,
     .zero = "not by size",
     .help = "The log starts a new file at this size."},
    {.name = "log_rotate_interval",
     .type = CONFIG_TYPE_DURATION,
     SERVICE_PLACE(log_rotate_interval),
     .value = "0",
     .least = MIN,
     .most = 365 * DAY,
     .zero = "not by age",
     .help = "The log starts a new file after this time."},
    {.name = "log_keep",
     .type = CONFIG_TYPE_NUMBER,
     SERVICE_PLACE(log_keep),
     .value = "8",
     .least = 1,
     .most = 1000,
     .help = "How many old log files are kept."},
    {.name = "access_log",
     .type = CONFIG_TYPE_LOG_FILE,
     SERVICE_PLACE(access_log),
     .value = "",
     .needs_restart = true,
     .help =
         "A second log, with one line for each TCP connection and UDP session that ends and each client "
         "that is refused: time, endpoint, protocol, client, proxy, local address, id, bytes in and out, "
         "duration, reason. `<service>` is the name of the service, `-` standard error (console runs). "
         "Its form, times and rotation are those of the log. Its fields and reasons: docs/access-log.md."},
    {.name = "event_log",
     .type = CONFIG_TYPE_CHOICE,
     SERVICE_PLACE(event_log),
     .value = "lifecycle",
     .choices = event_logs,
     .help = "`off`: nothing goes to the Windows event log; `errors`: errors; `lifecycle`: also starts and "
             "stops; `all`: everything that is logged."},
    {.name = "plugin_dir",
     .type = CONFIG_TYPE_FOLDER,
     SERVICE_PLACE(plugin_dir),
     .value = "plugins",
     .needs_restart = true,
     .help =
         "Folder of the handlers in DLLs; no other is looked into. A relative path begins in the folder of this "
         "file. What is loaded is a copy in `data_dir`\\plugin-cache, so that the DLL itself can be replaced. A "
         "service refuses a DLL that others than administrators can change."},
    {.name = "control_pipe",
     .type = CONFIG_TYPE_BOOL,
     SERVICE_PLACE(control_pipe),
     .value = "yes",
     .needs_restart = true,
     .help =
         "The pipe `\\\\.\\pipe\\portlistener-<service>`, over which `portlistener status`, `connections`, `close`, "
         "`endpoint`, `reload` and `rotate` reach the running service. Administrators of this machine may use it, and "
         "who runs it on a console; other machines cannot."},
};

static const struct config_key endpoint_keys[] = {
    {.name = "enabled",
     .type = CONFIG_TYPE_BOOL,
     ENDPOINT_PLACE(is_enabled),
     .value = "yes",
     .help = "`no`: the endpoint is checked, but takes no port."},
    {.name = "listen",
     .type = CONFIG_TYPE_LISTEN,
     ENDPOINT_PLACE(listen),
     .is_endpoint_only = true,
     .help = "Where to listen: a list of addresses, in the forms described above."},
    {.name = "handler",
     .type = CONFIG_TYPE_HANDLER,
     ENDPOINT_PLACE(handler),
     .help =
         "What is done with the data: the name of a handler, which `portlistener handlers` lists, or of a DLL in "
         "`plugin_dir` with one: `NAME.dll`."},
    {.name = "allow",
     .type = CONFIG_TYPE_PREFIXES,
     ENDPOINT_PLACE(allow),
     .value = "",
     .zero = "everyone",
     .help = "Only these addresses and networks may connect or send datagrams; all others are denied: "
             "connections are reset, datagrams dropped. IPv4 clients are found by IPv4 networks only: `::/0` "
             "is everyone with IPv6. Where `[defaults]` has a list, an endpoint has its own instead of it, "
             "not besides."},
    {.name = "deny",
     .type = CONFIG_TYPE_PREFIXES,
     ENDPOINT_PLACE(deny),
     .value = "",
     .zero = "nobody",
     .help =
         "These addresses and networks are denied, also where `allow` has them. As there, `::/0` is everyone "
         "with IPv6 alone."},
    {.name = "max_connections",
     .type = CONFIG_TYPE_NUMBER,
     ENDPOINT_PLACE(max_connections),
     .scope = CONFIG_SCOPE_TCP,
     .value = "0",
     .least = 1,
     .most = 4000000,
     .zero = "no limit",
     .help = "TCP connections of the endpoint. One more is accepted, reset and counted."},
    {.name = "max_connections_per_source",
     .type = CONFIG_TYPE_NUMBER,
     ENDPOINT_PLACE(max_connections_per_source),
     .value = "0",
     .least = 1,
     .most = 4000000,
     .zero = "no limit",
     .help =
         "TCP connections and UDP sessions of one client address, for IPv6 of one /64 (link-local addresses count "
         "one by one). One more connection is accepted, reset and counted; one more session is not begun."},
    {.name = "max_outbound",
     .type = CONFIG_TYPE_NUMBER,
     ENDPOINT_PLACE(max_outbound),
     .value = "0",
     .least = 1,
     .most = 4000000,
     .zero = "no limit",
     .help =
         "Connections to other hosts, over TCP and UDP, that the handler of the endpoint has at the same time. One "
         "more is not opened, and counted. They count for no other limit."},
    {.name = "accept_rate",
     .type = CONFIG_TYPE_NUMBER,
     ENDPOINT_PLACE(accept_rate),
     .scope = CONFIG_SCOPE_TCP,
     .value = "0",
     .least = 1,
     .most = 1000000,
     .zero = "no limit",
     .help = "New TCP connections a second. More of them wait in the backlog, and are taken as the rate "
             "allows. What the lists and limits refuse does not count; behind a "
             "proxy it does, for there the client is not known yet."},
    {.name = "accept_burst",
     .type = CONFIG_TYPE_NUMBER,
     ENDPOINT_PLACE(accept_burst),
     .scope = CONFIG_SCOPE_TCP,
     .value = "0",
     .least = 1,
     .most = 1000000,
     .zero = "as accept_rate",
     .help = "With `accept_rate`: how many may come at once after a quiet time. A fifth of `accept_rate` "
             "always may: less than that counts as a fifth, with a warning."},
    {.name = "proxy_protocol",
     .type = CONFIG_TYPE_CHOICE,
     ENDPOINT_PLACE(proxy_protocol),
     .value = "off",
     .choices = proxy_protocols,
     .help =
         "Clients come through proxies that tell their addresses in a PROXY header (HAProxy's, version 1, 2 "
         "or either). Then each connection must begin with one, for UDP (version 2) each datagram, and "
         "`trusted_proxies` must name the proxies. `deny` is asked about the proxy and about the client, "
         "`allow` and `max_connections_per_source` about the client alone. What a proxy sends for itself "
         "(LOCAL, UNKNOWN: health checks, as a rule) passes without them; HAProxy's checks with version 1 name "
         "HAProxy itself as the client."},
    {.name = "trusted_proxies",
     .type = CONFIG_TYPE_PREFIXES,
     ENDPOINT_PLACE(trusted_proxies),
     .value = "",
     .zero = "no proxy",
     .help =
         "The proxies, as addresses and networks, that are believed when they name the client for whom "
         "they connect (PROXY protocol). For UDP, whoever can forge the source address of a datagram can send in "
         "a proxy's name, and so name any client."},
    {.name = "proxy_timeout",
     .type = CONFIG_TYPE_DURATION,
     ENDPOINT_PLACE(proxy_timeout),
     .scope = CONFIG_SCOPE_TCP,
     .value = "3s",
     .least = 100,
     .most = HOUR,
     .help = "With `proxy_protocol`: the whole header must have come this long after the accept."},
    {.name = "backlog",
     .type = CONFIG_TYPE_NUMBER,
     ENDPOINT_PLACE(backlog),
     .scope = CONFIG_SCOPE_TCP,
     .value = "512",
     .least = 1,
     .most = 65535,
     .needs_restart = true,
     .help = "How many new TCP connections the system keeps waiting for the service."},
    {.name = "accepts_max",
     .type = CONFIG_TYPE_NUMBER,
     ENDPOINT_PLACE(accepts_max),
     .scope = CONFIG_SCOPE_TCP,
     .value = "256",
     .least = 1,
     .most = 4096,
     .help = "TCP accepts that wait at the same time for each socket: one when idle, up to this many under "
             "load."},
    {.name = "receives_max",
     .type = CONFIG_TYPE_NUMBER,
     ENDPOINT_PLACE(receives_max),
     .scope = CONFIG_SCOPE_UDP,
     .value = "32",
     .least = 1,
     .most = 1024,
     .help = "UDP receives that wait at the same time for each busy socket."},
    {.name = "first_byte_timeout",
     .type = CONFIG_TYPE_DURATION,
     ENDPOINT_PLACE(first_byte_timeout),
     .scope = CONFIG_SCOPE_TCP,
     .value = "0",
     .least = 100,
     .most = 365 * DAY,
     .zero = "no limit",
     .help = "From the accept to the client's first byte; then the connection is closed."},
    {.name = "idle_timeout",
     .type = CONFIG_TYPE_DURATION,
     ENDPOINT_PLACE(idle_timeout),
     .value = "5m",
     .least = 100,
     .most = 365 * DAY,
     .zero = "no limit",
     .help = "No byte in either direction for this long closes the connection. UDP: it ends the session."},
    {.name = "send_timeout",
     .type = CONFIG_TYPE_DURATION,
     ENDPOINT_PLACE(send_timeout),
     .scope = CONFIG_SCOPE_TCP,
     .value = "30s",
     .least = 100,
     .most = 365 * DAY,
     .zero = "no limit",
     .help = "No progress of what is being sent for this long resets the connection."},
    {.name = "lifetime",
     .type = CONFIG_TYPE_DURATION,
     ENDPOINT_PLACE(lifetime),
     .scope = CONFIG_SCOPE_TCP,
     .value = "0",
     .least = 100,
     .most = 365 * DAY,
     .zero = "no limit",
     .help = "The longest that a connection may live, busy or not."},
    {.name = "close_timeout",
     .type = CONFIG_TYPE_DURATION,
     ENDPOINT_PLACE(close_timeout),
     .scope = CONFIG_SCOPE_TCP,
     .value = "5s",
     .least = 100,
     .most = 365 * DAY,
     .zero = "no limit",
     .help = "After our end of the connection is closed, wait this long for the client's; then reset it."},
    {.name = "send_queue",
     .type = CONFIG_TYPE_SIZE,
     ENDPOINT_PLACE(send_queue),
     .scope = CONFIG_SCOPE_TCP,
     .value = "1M",
     .least = 64 * KB,
     .most = GB,
     .help = "The most that may wait to be sent to one client. A handler that comes to this limit waits "
             "until the client has read; one that cannot wait (it has no `on_writable`) loses the "
             "connection, which is reset."},
    {.name = "nodelay",
     .type = CONFIG_TYPE_BOOL,
     ENDPOINT_PLACE(nodelay),
     .scope = CONFIG_SCOPE_TCP,
     .value = "yes",
     .help = "Small pieces are sent at once, without waiting for more (TCP_NODELAY)."},
    {.name = "keepalive",
     .type = CONFIG_TYPE_BOOL,
     ENDPOINT_PLACE(keepalive),
     .scope = CONFIG_SCOPE_TCP,
     .value = "no",
     .help = "The system probes quiet TCP connections, so that vanished clients are noticed."},
    {.name = "keepalive_time",
     .type = CONFIG_TYPE_DURATION,
     ENDPOINT_PLACE(keepalive_time),
     .scope = CONFIG_SCOPE_TCP,
     .value = "2h",
     .least = SEC,
     .most = 30 * DAY,
     .help = "With `keepalive`: quiet for this long, then the first probe."},
    {.name = "keepalive_interval",
     .type = CONFIG_TYPE_DURATION,
     ENDPOINT_PLACE(keepalive_interval),
     .scope = CONFIG_SCOPE_TCP,
     .value = "75s",
     .least = SEC,
     .most = DAY,
     .help = "With `keepalive`: from one unanswered probe to the next."},
    {.name = "recv_buffer",
     .type = CONFIG_TYPE_SIZE,
     ENDPOINT_PLACE(recv_buffer),
     .value = "0",
     .least = KB,
     .most = GB,
     .zero = "the system's, for UDP 4M",
     .help = "The system's buffer for what has arrived, for each socket (SO_RCVBUF)."},
    {.name = "send_buffer",
     .type = CONFIG_TYPE_SIZE,
     ENDPOINT_PLACE(send_buffer),
     .value = "0",
     .least = KB,
     .most = GB,
     .zero = "the system's",
     .help = "The system's buffer for what is to be sent, for each socket (SO_SNDBUF)."},
    {.name = "max_datagram",
     .type = CONFIG_TYPE_SIZE,
     ENDPOINT_PLACE(max_datagram),
     .scope = CONFIG_SCOPE_UDP,
     .value = "65507",
     .least = 512,
     .most = 65507,
     .help = "Longer UDP datagrams are cut to this size; the handler is told, and it is counted."},
    {.name = "udp_sessions_max",
     .type = CONFIG_TYPE_NUMBER,
     ENDPOINT_PLACE(udp_sessions_max),
     .scope = CONFIG_SCOPE_UDP,
     .value = "65536",
     .least = 1,
     .most = 1000000,
     .help = "UDP clients that the endpoint remembers at the same time, for handlers that have sessions. A "
             "new one takes the place of the oldest that has sent one datagram only, else of the one that "
             "has been quiet longest. One that was never answered, or has sent one datagram only, is "
             "forgotten 30s after its first."},
    {.name = "reply_limit",
     .type = CONFIG_TYPE_RATIO,
     ENDPOINT_PLACE(reply_limit),
     .scope = CONFIG_SCOPE_UDP,
     .value = "1.0",
     .least = 100,
     .most = 1000000,
     .zero = "no limit",
     .help = "UDP answers: how many bytes a client may be sent for each byte that it has sent, so that "
             "nobody can have others flooded by asking in their name. An answer that does not fit is "
             "dropped whole and counted; `chargen` and `qotd` cut theirs to fit. Handlers that relay have no "
             "such limit."},
    {.name = "access_log",
     .type = CONFIG_TYPE_BOOL,
     ENDPOINT_PLACE(access_log),
     .value = "yes",
     .help = "`no`: this endpoint writes nothing to the access log."},
};

const struct config_table config_keys_service = {service_keys, sizeof service_keys / sizeof service_keys[0]};
const struct config_table config_keys_endpoint = {endpoint_keys,
                                                  sizeof endpoint_keys / sizeof endpoint_keys[0]};

const struct config_key *config_keys_find(const struct config_table *table, const char *at, size_t length)
{
    for (size_t i = 0; i < table->count; i++) {
        if (text_equal(at, length, table->keys[i].name)) {
            return &table->keys[i];
        }
    }
    return NULL;
}

bool config_keys_may_be_empty(const struct config_key *key)
{
    return key->value != NULL && key->value[0] == '\0';
}

bool config_keys_is_list(const struct config_key *key)
{
    return key->type == CONFIG_TYPE_LISTEN || key->type == CONFIG_TYPE_PREFIXES ||
           key->type == CONFIG_TYPE_LIST;
}

void config_keys_store(const struct config_key *key, void *record, uint64_t number)
{
    const bool flag = number != 0;
    const uint32_t word = (uint32_t)number;
    const void *from = key->size == sizeof flag   ? (const void *)&flag
                       : key->size == sizeof word ? &word
                                                  : (const void *)&number;
    memcpy((char *)record + key->offset, from, key->size);
}

uint64_t config_keys_number(const struct config_key *key, const void *record)
{
    const char *place = (const char *)record + key->offset;
    bool flag = false;
    uint32_t word = 0;
    uint64_t number = 0;
    if (key->size == sizeof flag) {
        memcpy(&flag, place, sizeof flag);
        return flag;
    }
    if (key->size == sizeof word) {
        memcpy(&word, place, sizeof word);
        return word;
    }
    memcpy(&number, place, sizeof number);
    return number;
}

char **config_keys_text(const struct config_key *key, void *record)
{
    return (char **)(void *)((char *)record + key->offset);
}

struct config_prefixes *config_keys_prefixes(const struct config_key *key, void *record)
{
    return (struct config_prefixes *)(void *)((char *)record + key->offset);
}

bool config_keys_has_number(const struct config_key *key, const void *record)
{
    return config_keys_number(key, record) != CONFIG_NO_NUMBER;
}

struct config_bytes *config_keys_bytes(const struct config_key *key, void *record)
{
    return (struct config_bytes *)(void *)((char *)record + key->offset);
}

/* The text or list, for reading. */
static struct config_bytes config_keys__get_bytes(const struct config_key *key, const void *record)
{
    struct config_bytes bytes;
    memcpy(&bytes, (const char *)record + key->offset, sizeof bytes);
    return bytes;
}

/* The text of a folder, file, log file or handler, for reading. */
static const char *config_keys__get_text(const struct config_key *key, const void *record)
{
    const char *text = NULL;
    memcpy(&text, (const char *)record + key->offset, sizeof text);
    return text;
}

/* The list of networks, for reading. */
static struct config_prefixes config_keys__get_prefixes(const struct config_key *key, const void *record)
{
    struct config_prefixes prefixes;
    memcpy(&prefixes, (const char *)record + key->offset, sizeof prefixes);
    return prefixes;
}

void config_keys_lend(const struct config_key *key, const void *lender, void *record)
{
    memcpy((char *)record + key->offset, (const char *)lender + key->offset, key->size);
}

void config_keys_clear(const struct config_key *key, void *record)
{
    memset((char *)record + key->offset, 0, key->size);
}

static bool config_keys__is_number(const struct config_key *key)
{
    return key->type <= CONFIG_TYPE_CHOICE;
}

/* What a key has on the heap, or NULL: a place of such a type begins with the pointer to it. */
static void *config_keys__block(const struct config_key *key, const void *record)
{
    void *block = NULL;
    if (!config_keys__is_number(key)) {
        memcpy(&block, (const char *)record + key->offset, sizeof block);
    }
    return block;
}

void config_keys_reset(const struct config_key *key, void *record)
{
    memory_free(config_keys__block(key, record));
    config_keys_clear(key, record);
    if (key->type == CONFIG_TYPE_LISTEN) {
        ((struct config_endpoint *)record)->listen_count = 0;
    }
}

void config_keys_free(const struct config_table *table, void *record, const void *lender)
{
    for (size_t i = 0; i < table->count; i++) {
        void *block = config_keys__block(&table->keys[i], record);
        if (lender == NULL || block != config_keys__block(&table->keys[i], lender)) {
            memory_free(block);
        }
    }
}

void config_keys_add_amount(struct text *text, const struct config_key *key, uint64_t number)
{
    if (key->type == CONFIG_TYPE_DURATION) {
        config_value_add_duration(text, number);
    } else if (key->type == CONFIG_TYPE_SIZE) {
        config_value_add_size(text, number);
    } else if (key->type == CONFIG_TYPE_RATIO) {
        config_value_add_ratio(text, number);
    } else {
        text_add_format(text, "%llu", (unsigned long long)number);
    }
}

const char *config_keys_type(const struct config_key *key)
{
    static const char *const types[] = {[CONFIG_TYPE_BOOL] = "yes/no",
                                        [CONFIG_TYPE_NUMBER] = "number",
                                        [CONFIG_TYPE_SIZE] = "size",
                                        [CONFIG_TYPE_DURATION] = "time",
                                        [CONFIG_TYPE_RATIO] = "ratio",
                                        [CONFIG_TYPE_CHOICE] = "choice",
                                        [CONFIG_TYPE_FOLDER] = "path",
                                        [CONFIG_TYPE_LOG_FILE] = "path",
                                        [CONFIG_TYPE_HANDLER] = "name",
                                        [CONFIG_TYPE_LISTEN] = "list of addresses",
                                        [CONFIG_TYPE_PREFIXES] = "list of networks",
                                        [CONFIG_TYPE_FILE] = "path",
                                        [CONFIG_TYPE_TEXT] = "text",
                                        [CONFIG_TYPE_LIST] = "list"};
    return types[key->type];
}

static void config_keys__add_choices(struct text *text, const char *const *choices)
{
    for (size_t i = 0; choices[i] != NULL; i++) {
        text_add_string(text, i == 0 ? "" : choices[i + 1] == NULL ? " or " : ", ");
        text_add_string(text, choices[i]);
    }
}

static void config_keys__add_limits(struct text *text, const struct config_key *key)
{
    if (key->zero != NULL && key->zero[0] != '\0') {
        text_add_format(text, "0 (%s), or ", key->zero);
    } else if (key->zero != NULL) {
        text_add_string(text, "0, or ");
    }
    config_keys_add_amount(text, key, key->least);
    if (key->most == CONFIG_NO_LIMIT) {
        text_add_string(text, " or more");
    } else {
        text_add_string(text, " to ");
        config_keys_add_amount(text, key, key->most);
    }
}

/* `what`, and how many `units` it has, where there is a limit. */
static void config_keys__add_length(struct text *text, const struct config_key *key, const char *what,
                                    const char *units)
{
    text_add_string(text, what);
    if (key->least > 0 || key->most < CONFIG_NO_LIMIT) {
        text_add_string(text, ", ");
        config_keys__add_limits(text, key);
        text_add_format(text, " %s", units);
    }
}

void config_keys_add_range(struct text *text, const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_TYPE_BOOL:
        text_add_string(text, "yes or no");
        break;
    case CONFIG_TYPE_NUMBER:
    case CONFIG_TYPE_SIZE:
    case CONFIG_TYPE_DURATION:
    case CONFIG_TYPE_RATIO:
        config_keys__add_limits(text, key);
        break;
    case CONFIG_TYPE_CHOICE:
        config_keys__add_choices(text, key->choices);
        break;
    case CONFIG_TYPE_FOLDER:
        text_add_string(text, "the path of a folder");
        break;
    case CONFIG_TYPE_LOG_FILE:
        text_add_string(text, "the path of a file, or -");
        text_add_string(text, config_keys_may_be_empty(key) ? ", or nothing (off)" : "");
        break;
    case CONFIG_TYPE_HANDLER:
        text_add_string(text, "the name of a handler");
        break;
    case CONFIG_TYPE_LISTEN:
        text_add_string(text, "tcp://ADDRESS:PORT or udp://ADDRESS:PORT, several by commas");
        break;
    case CONFIG_TYPE_PREFIXES:
        text_add_format(text, "nothing (%s), or ADDRESS or ADDRESS/LENGTH, several by commas", key->zero);
        break;
    case CONFIG_TYPE_FILE:
        text_add_string(text, "the path of a file");
        break;
    case CONFIG_TYPE_TEXT:
        config_keys__add_length(text, key, "text", "bytes");
        break;
    case CONFIG_TYPE_LIST:
        config_keys__add_length(text, key, "items by commas", "of them");
        break;
    }
    if (config_keys_may_be_empty(key) && key->type != CONFIG_TYPE_LOG_FILE &&
        key->type != CONFIG_TYPE_PREFIXES) { /* theirs say what it means */
        text_add_string(text, ", or nothing");
    }
}

static size_t config_keys__count_lines(struct config_bytes bytes)
{
    size_t count = bytes.length > 0;
    for (size_t i = 0; i < bytes.length; i++) {
        count += bytes.at[i] == '\n';
    }
    return count;
}

static void config_keys__add_line(struct text *text, struct config_bytes bytes, size_t index)
{
    const char *at = bytes.at;
    for (size_t i = 0; i < index; i++) {
        at = strchr(at, '\n') + 1;
    }
    text_add(text, at, strcspn(at, "\n"));
}

size_t config_keys_count_items(const struct config_key *key, const void *record)
{
    return key->type == CONFIG_TYPE_PREFIXES ? config_keys__get_prefixes(key, record).count
           : key->type == CONFIG_TYPE_LIST   ? config_keys__count_lines(config_keys__get_bytes(key, record))
                                             : ((const struct config_endpoint *)record)->listen_count;
}

void config_keys_add_item(struct text *text, const struct config_key *key, const void *record, size_t index)
{
    if (key->type == CONFIG_TYPE_PREFIXES) {
        address_prefix_add(text, &config_keys__get_prefixes(key, record).at[index]);
    } else if (key->type == CONFIG_TYPE_LIST) {
        config_keys__add_line(text, config_keys__get_bytes(key, record), index);
    } else {
        config_listen_add(text, &((const struct config_endpoint *)record)->listen[index]);
    }
}

static void config_keys__add_items(struct text *text, const struct config_key *key, const void *record)
{
    const size_t count = config_keys_count_items(key, record);
    for (size_t i = 0; i < count; i++) {
        text_add_string(text, i > 0 ? ", " : "");
        config_keys_add_item(text, key, record, i);
    }
}

static void config_keys__add_number(struct text *text, const struct config_key *key, uint64_t number)
{
    if (number == CONFIG_NO_NUMBER) {
        return;
    }
    if (key->type == CONFIG_TYPE_BOOL) {
        text_add_string(text, number != 0 ? "yes" : "no");
    } else if (key->type == CONFIG_TYPE_CHOICE) {
        text_add_string(text, key->choices[number]);
    } else {
        config_keys_add_amount(text, key, number);
    }
}

void config_keys_add_value(struct text *text, const struct config_key *key, const void *record)
{
    switch (key->type) {
    case CONFIG_TYPE_BOOL:
    case CONFIG_TYPE_NUMBER:
    case CONFIG_TYPE_SIZE:
    case CONFIG_TYPE_DURATION:
    case CONFIG_TYPE_RATIO:
    case CONFIG_TYPE_CHOICE:
        config_keys__add_number(text, key, config_keys_number(key, record));
        break;
    case CONFIG_TYPE_FOLDER:
    case CONFIG_TYPE_FILE:
    case CONFIG_TYPE_LOG_FILE:
    case CONFIG_TYPE_HANDLER:
        if (config_keys__get_text(key, record) != NULL) {
            text_add_string(text, config_keys__get_text(key, record));
        }
        break;
    case CONFIG_TYPE_TEXT:
        config_value_add_text(text, config_keys__get_bytes(key, record).at,
                              config_keys__get_bytes(key, record).length);
        break;
    case CONFIG_TYPE_LISTEN:
    case CONFIG_TYPE_PREFIXES:
    case CONFIG_TYPE_LIST:
        config_keys__add_items(text, key, record);
        break;
    }
}

void config_keys_add_json(struct text *text, const struct config_key *key, const void *record)
{
    struct text value;
    text_init_heap(&value);
    config_keys_add_value(&value, key, record);
    text_add_json(text, value.at, value.length);
    text->is_cut = text->is_cut || value.is_cut;
    text_fini(&value);
}
