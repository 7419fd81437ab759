/* SPDX-License-Identifier: MIT
   The contract between PortListener and a handler: the code that speaks one protocol on the endpoints given
   to it.

   Built-in handlers and DLLs are written against this header and nothing else. It needs no library and no
   other header of ours; C11 and C++11. Until release 1.0 freezes it, a change raises
   PL_ABI_MAJOR.

   How it grows. Every struct that either side may extend begins with its `size` as its writer was compiled, or is
   an element of a table whose element size stands beside it; new members come at its end only. A reader looks at
   a member only where that size covers it (PL_HAS). So an older host runs a newer handler and the other way
   round. A function's arguments never change; where more may be needed, it takes a struct.

   Text is UTF-8. Lengths are bytes, times milliseconds, ports in host order.

   Threads. Each connection and each UDP session lives on one worker thread, W below: all its callbacks run
   there, one at a time, and never inside a call that the handler makes to the host. Callbacks of different
   connections run at the same time on different workers: lock what `state` shares. A callback must not block:
   every other connection of W waits. "Any thread" includes threads of the handler's own.

   Blocking. A handler that may block says so, PL_BLOCKING. Its callbacks, posted functions and timers then run on one of
   blocking_threads threads, which counts for W while they run; those of one connection or session still one at a
   time and in order, those of one endpoint on all of these threads but one at most. While a callback runs its
   connection is not read from, so neither the peer's FIN nor a reset is seen; of datagrams 64 KB wait for each
   session and 4 MB for each endpoint, what does not fit is dropped and counted. Over UDP each client has a session,
   of which a handler without PL_SESSIONS is told nothing. A timer that has fired may come though it was cleared
   since. A callback that has not returned when the service has stopped waiting is named in the log, and the process
   ends.

   UDP. Without PL_SESSIONS each datagram stands alone: on_datagram, nothing else. With it the host remembers
   each client (peer address and port, and the address that it asked): on_open with its first datagram, then
   on_datagram for this one and all that follow, on_close when it is forgotten; in between it can be sent to
   at any time. It is forgotten when the handler closes it (PL_BY_HANDLER), after idle_timeout without a
   datagram in either direction, or 30 seconds after its first datagram if by then it has sent no second one
   or was sent none (both PL_IDLE), for a new client at udp_sessions_max (PL_DISPLACED), when the socket dies
   (PL_ERROR), or when the service stops, at once, for there is nothing that it could finish (PL_STOPPING). Its
   next datagram begins a new session.

   Answers that a handler makes itself are limited, so that it cannot be used against others: to one client
   not more payload bytes than the endpoint's reply_limit times what it has sent, and none at all where
   pl_info.seen has PL_NO_REPLY. A handler whose answers are another host's says so, PL_RELAY: it has neither
   limit.

   Connecting out. `connect` opens a connection to another host, TCP or UDP, from any callback. It is a connection like
   those that come in: an id, one W with its callbacks in order, on_open first and on_close last, and every call of the
   host's. Over UDP it has on_datagram, with or without PL_SESSIONS, one for each datagram of that host. It has the
   endpoint's settings but those that are about clients: allow, deny, max_connections and the like, first_byte_timeout,
   accept_rate, reply_limit, proxy_protocol. max_outbound bounds them. When it cannot be opened, on_close comes without
   on_open, PL_CONNECT_FAILED.

   No exception, longjmp or C run-time object may cross the border. */
#ifndef PORTLISTENER_HANDLER_H
#define PORTLISTENER_HANDLER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PL_ABI_MAJOR 0u /* must be equal on both sides; 0: not frozen yet */
#define PL_ABI_MINOR \
    10u /* what a handler was built with; pl_handler.needs_minor is the least host that will do */

/* PL_HAS: whether `*at`, a `type` that begins with its size, has this member: PL_HAS(pl_host, host, option). */
#define PL_HAS(type, at, member) ((at)->size >= offsetof(type, member) + sizeof((at)->member))

/* Names a connection, a UDP session, one datagram or an endpoint. 0 is none. An id is never used again: one
   whose object is gone makes every call return PL_GONE, and nothing worse. */
typedef uint64_t pl_id;

/* An IP address. `family` 4: ip[0..3], zeros behind; 6: ip[0..15]; 0: no address. An IPv4 client of an IPv6
   socket is given as family 4. `scope` is the interface index of a link-local IPv6 address (RFC 4007), else
   0. */
typedef struct pl_address {
    uint16_t family;
    uint16_t port;
    uint32_t scope;
    uint8_t ip[16];
} pl_address;

/* What calls to the host return: >= 0 done, < 0 not done. */
enum pl_result {
    PL_OK = 0,
    PL_QUEUED = 1, /* send: taken, not all of it given to the network yet */
    PL_FULL = -1,  /* send: would pass the endpoint's send_queue; nothing was taken, on_writable follows */
    PL_GONE = -2,  /* the id's object is gone, or closing */
    PL_WRONG_THREAD = -3, /* this call is for W only */
    PL_INVALID = -4,      /* an argument is out of its range */
    PL_NO_MEMORY = -5,    /* not done; send on W: and the connection is reset, PL_ERROR */
    PL_LIMIT = -6 /* never possible: longer than send_queue or than a datagram, or an answer that is not
                     allowed; connect: the endpoint has max_outbound already */
};

/* pl_handler.flags */
enum pl_flag {
    PL_BLOCKING = 0x01, /* its callbacks may block; see above */
    PL_TCP = 0x02,      /* takes TCP endpoints: on_data is set */
    PL_UDP = 0x04,      /* takes UDP endpoints: on_datagram is set */
    PL_SESSIONS = 0x08, /* UDP: state for each client */
    /* a DLL that must not be unloaded, for it leaves threads or hooks behind */
    PL_STAYS_LOADED = 0x10,
    PL_RELAY =
        0x20, /* what it sends is another host's. UDP: no reply_limit, no PL_NO_REPLY. Connections: they
                             are read from whatever is queued for them, also after PL_FULL; only `read` pauses that */
    PL_ASKED_EMPTY = 0x40 /* UDP: its clients ask with datagrams of no bytes: the administrator is told where
                             reply_limit leaves these without an answer */
};

/* pl_info.seen */
enum pl_seen {
    PL_OUTBOUND = 0x01,  /* the handler has opened it, with `connect`; peer is the other host */
    PL_PROXIED = 0x02,   /* the client came through a proxy, which told its address in a PROXY header */
    PL_TRUNCATED = 0x04, /* the datagram was longer than the endpoint's max_datagram and is cut */
    PL_NO_REPLY = 0x08,  /* the datagram must not be answered: send gives PL_LIMIT. It went to a broadcast or
                            multicast address, or comes from port 0, from a port of a service that answers
                            whatever it is sent (echo, DNS and the like), or from an endpoint of this service */
    PL_SESSION = 0x10    /* it is, or belongs to, a UDP session */
};

/* How to close. In each case on_close still comes, after the callback that asked has returned. */
enum pl_close {
    PL_FINISH = 0,   /* send what is queued, then FIN; reading goes on until the peer's FIN, or until the
                        endpoint's close_timeout passes without a byte */
    PL_GRACEFUL = 1, /* send what is queued, then FIN; what still arrives is dropped */
    PL_RESET = 2     /* reset at once; what is queued is lost */
};

/* Why a connection ended. New reasons may come: treat an unknown one as PL_ERROR. */
enum pl_reason {
    PL_BY_HANDLER = 1,     /* the handler closed it */
    PL_BY_PEER,            /* the peer closed it in order (FIN) */
    PL_PEER_RESET,         /* the peer, or the network, reset it */
    PL_FIRST_BYTE_TIMEOUT, /* first_byte_timeout passed */
    PL_IDLE,               /* idle_timeout passed */
    PL_SEND_TIMEOUT,       /* send_timeout passed without progress */
    PL_LIFETIME,           /* lifetime passed */
    PL_SLOW_READER,        /* send_queue is full and the handler has no on_writable */
    PL_INPUT_FULL,         /* more than max_input bytes were left unconsumed */
    PL_STOPPING,           /* the service stops; a connection: and its drain_timeout has passed */
    PL_ERROR,              /* a call of the system failed, or there was no memory: win32_error tells */
    PL_DENIED,             /* a reload of the configuration denies the client (allow, deny) */
    PL_DISPLACED,          /* a UDP session made room for a new one, at udp_sessions_max */
    PL_BY_ADMIN,           /* the administrator closed it */
    PL_CONNECT_FAILED      /* it could not be opened, and on_open was never called: win32_error tells */
};

/* What `report` writes. */
enum pl_format { PL_REPORT_TEXT = 0, PL_REPORT_JSON, PL_REPORT_PROMETHEUS };

/* How much a line of the log matters; see log_level in the INI. */
enum pl_level { PL_LOG_ERROR = 0, PL_LOG_WARNING, PL_LOG_INFO, PL_LOG_DEBUG };

/* A connection, a UDP session or a datagram. */
typedef struct pl_info {
    uint32_t size;
    uint32_t seen; /* pl_seen flags */
    pl_id id;
    pl_id endpoint;
    pl_address peer; /* the client; with PL_PROXIED, as the proxy names it */
    pl_address
        local; /* the address the client asked for, also on a wildcard endpoint; with PL_PROXIED, that of
                         the proxy */
    pl_address proxy; /* with PL_PROXIED: the real peer */
    uint32_t
        answer; /* on_datagram: an answer of up to so many bytes is allowed, or several together; 0: none that is
                         longer than nothing. What is left of earlier answers may allow a single datagram more */
} pl_info;

/* Text or bytes; no NUL behind them. */
typedef struct pl_text {
    const char *at;
    size_t length;
} pl_text;

/* Whom to connect to, see pl_host.connect. What is 0 has its default. */
typedef struct pl_connect {
    uint32_t size;
    uint32_t protocol; /* PL_TCP or PL_UDP */
    pl_text target; /* "HOST:PORT", or "[ADDRESS]:PORT" for IPv6. HOST is an address, or a name of up to 253
                          bytes, which the system resolves; of its addresses, up to 16, one after the other is
                          tried. PORT: 1 to 65535 */
    pl_address source; /* that it leaves from, with its port if that is not 0; family 0: the system chooses */
    uint32_t timeout;  /* for all of it, the name included; up to 3600000, 0: 10000 */
    uint32_t reserved; /* 0 */
    void *user;        /* what *user is at on_open; at on_close, when on_open does not come */
} pl_connect;

/* What an option's value is, how it is written in the INI, and what `option` gives for it: text, number. */
enum pl_type {
    PL_BOOL = 0, /* yes or no (true or false, on or off); number 1 or 0 */
    PL_NUMBER,   /* decimal; the number */
    PL_SIZE,     /* 512, 64K, 10M, 1G; bytes */
    PL_TIME,     /* 500ms, 30s, 5m, 2h, 1d, 0; milliseconds */
    PL_TEXT,     /* any text, with \r \n \t \\ \xHH; text: what these mean, number: its length */
    PL_PATH, /* relative to the folder of the INI file, with %VARIABLES%; text: the full path, number: its length */
    PL_CHOICE, /* one of some words; text: the word as in `range`, number: its index there */
    PL_LIST    /* items by commas; text: them with \n between them, number: how many */
};

/* An option: a further key of the endpoints that have this handler. It is read and checked by the host, like the
   host's own keys: a wrong value never reaches the handler. */
typedef struct pl_option {
    const char *name;  /* [a-z][a-z0-9_]{0,31}, and no key of the host's */
    uint32_t type;     /* pl_type */
    uint32_t required; /* 1: the endpoint must have it; then without `value` */
    const char *value; /* the default, as one would write it in the INI; NULL: none */
    const char
        *range; /* NULL: any. PL_CHOICE: the words, "raw|json". PL_NUMBER, PL_SIZE, PL_TIME: "1..64K", and
                          "0|1..64K" or "0 no limit|1..64K", where 0 is allowed besides and what it means. PL_TEXT:
                          bytes, PL_LIST: items, "1..100". PL_PATH: "folder"; NULL: a file */
    const char *help; /* for the administrator: what it does. Sentences; `words` as they are in the INI */
} pl_option;

/* A counter of the handler, shown as portlistener_HANDLER_NAME_total. */
typedef struct pl_counter {
    const char *name; /* [a-z][a-z0-9_]{0,31} */
    const char *unit; /* "records" */
    const char *help; /* one line */
} pl_counter;

/* The options of one endpoint, valid from start to stop. */
typedef struct pl_config pl_config;

/* Gives back what was lent. Called once, on any thread, also inside the call that it was given to, and before stop. Call
   nothing of the host in it but `release`, `post`, `count`, `log` and `clock`. */
typedef void (*pl_release)(void *what);

/* The functions of the host. The table and its functions are valid from start to stop; pass it back as
   `host`. */
typedef struct pl_host pl_host;
struct pl_host {
    uint32_t size;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t reserved;

    /* send: copies `length` bytes, all of them or none.
       To a connection: bytes of its stream. Any thread; the order of one thread's sends is kept. On W: PL_OK,
       PL_QUEUED, PL_FULL, PL_GONE, PL_LIMIT, PL_NO_MEMORY. From another thread PL_QUEUED, PL_GONE, PL_LIMIT or
       PL_NO_MEMORY: whether it fits is found later, on W, and where it does not, the connection is reset,
       PL_SLOW_READER, for nobody could be told.
       To a datagram: one datagram back to its sender, from the address it was sent to; during on_datagram.
       PL_OK (also when the network then loses it), PL_LIMIT, PL_GONE; PL_WRONG_THREAD but on W.
       To a UDP session: one datagram to its client, from the address that the client asked. Any thread. On W
       as for a datagram. From another thread PL_QUEUED, PL_GONE, PL_LIMIT (for its length alone) or
       PL_NO_MEMORY: what is not allowed is found later, on W, dropped and counted.
       To an endpoint: PL_INVALID. */
    int32_t (*send)(const pl_host *host, pl_id id, const void *at, size_t length);

    /* close: `how` is a pl_close. Any thread; connections and UDP sessions only, else PL_INVALID. PL_OK,
       PL_QUEUED (from another thread), PL_GONE, PL_INVALID, PL_NO_MEMORY. A second close may only be a harder
       one: PL_RESET after PL_GRACEFUL after PL_FINISH; others are PL_GONE. To a session each means the same:
       the host forgets it. */
    int32_t (*close)(const pl_host *host, pl_id id, int32_t how);

    /* option: the value of one of the handler's options (see pl_type); `text_out` and `number_out` may be NULL. Without
       a value, neither given nor by default, and for an empty one: text {NULL, 0}, number -1. The text is valid until
       stop. Any thread. PL_OK; PL_INVALID: the handler has no option of this name. */
    int32_t (*option)(const pl_host *host, const pl_config *config, const char *name, pl_text *text_out,
                      int64_t *number_out);

    /* want_writable: on_writable comes once, in a later turn of W, as soon as less than 32 KB are queued for this
       connection; asked for several times before, it comes once. For handlers that send without being asked: a
       piece in each on_writable, and others have their turns in between. W. PL_OK, PL_GONE, PL_WRONG_THREAD;
       PL_INVALID: not a connection, or the handler has no on_writable. */
    int32_t (*want_writable)(const pl_host *host, pl_id id);

    /* read: `on` 0 pauses the reading of a connection, 1 resumes it: what on_data left comes then, together with
       what follows. While it is paused neither the peer's FIN nor a reset is seen; the deadlines hold. W. PL_OK,
       PL_GONE, PL_WRONG_THREAD, PL_INVALID. */
    int32_t (*read)(const pl_host *host, pl_id id, int32_t on);

    /* timer: on_timer comes once, `after` milliseconds from now, and up to 100 later (more when W is busy); 0:
       it comes no more. Each connection, UDP session and endpoint has one; setting it again moves it. W; that of
       an endpoint: inside a function that was posted to it, or inside its own on_timer. PL_OK, PL_GONE,
       PL_WRONG_THREAD; PL_INVALID: the handler has no on_timer, or a datagram's id. */
    int32_t (*timer)(const pl_host *host, pl_id id, uint32_t after);

    /* post: `run` is called on W of the connection, session or endpoint, in a later turn and inside no callback;
       an endpoint's W is one worker of the host's choice. `user` is NULL for an endpoint. If the object is gone by
       then, `run` is called all the same, on any thread, with state NULL, id 0 and user NULL, so that it can free
       `what`. Any thread, in `start` as well. PL_QUEUED; PL_GONE, PL_INVALID, PL_NO_MEMORY: `run` is never called. */
    int32_t (*post)(const pl_host *host, pl_id id,
                    void (*run)(void *state, pl_id id, void **user, void *what), void *what);

    /* info: what on_open was told of this connection or session. Set out->size first. W. PL_OK, PL_GONE,
       PL_WRONG_THREAD, PL_INVALID. */
    int32_t (*info)(const pl_host *host, pl_id id, pl_info *out);

    /* count: adds to the handler's counter `index` of its table. `endpoint` is the id that start was given. Any
       thread. PL_OK; PL_GONE, PL_INVALID: no such endpoint or counter. */
    int32_t (*count)(const pl_host *host, pl_id endpoint, uint32_t index, uint64_t add);

    /* log: a line in the log of the service, which names the endpoint and, unless it is 0, `id`. `level` is a
       pl_level. The text is escaped and cut at 400 bytes; of each level an endpoint writes at most 10 lines a
       second, and then how many it did not. Any thread. PL_OK (also when log_level drops it), PL_GONE, PL_INVALID. */
    int32_t (*log)(const pl_host *host, pl_id endpoint, pl_id id, int32_t level, const char *at,
                   size_t length);

    /* clock: milliseconds of a clock that only goes forward, the timers' own. Any thread. */
    int64_t (*clock)(const pl_host *host);

    /* report: how the whole service does, in the `format` of enum pl_format: handed to `sink` in pieces, in order, on this
       thread, before the call returns. Any thread. PL_OK; PL_INVALID: no such format, or this host makes no reports;
       PL_NO_MEMORY. */
    int32_t (*report)(const pl_host *host, int32_t format,
                      void (*sink)(void *what, const char *at, size_t length), void *what);

    /* send_ref: as send, without a copy: the bytes stay as they are until `release` is called with `what`, exactly once,
       whatever comes of the call, also when its result is below 0. release NULL: PL_INVALID. Worth it from some KB on. */
    int32_t (*send_ref)(const pl_host *host, pl_id id, const void *at, size_t length, pl_release release,
                        void *what);

    /* retain: during on_data of this connection: at[0..length), a part of what that was given, stays valid, also when it
       is consumed, until `release` is called with the result. W. NULL: it cannot be kept (no connection, not these bytes, a
       handler that blocks): copy it. A piece keeps the memory of all that came with it, 64 KB and more.
       release: gives it back, once; any thread, until stop. It fits send_ref, so that bytes go from one connection to
       another without a copy: send_ref(host, other, at, length, host->release, retained). */
    void *(*retain)(const pl_host *host, pl_id id, const void *at, size_t length);
    pl_release release;

    /* send_file: `length` bytes of a file from `offset` on, in their place among the sends of a connection. `file` is a
       HANDLE of CreateFileW to a file on a disk, opened for reading and with FILE_SHARE_READ, overlapped or not; it is
       needed for the call alone: close it then, if you like. The file is read little by little, as the client takes it;
       one that has become shorter, or cannot be read, ends the connection, PL_ERROR. One file at a time: while one is
       not read to its end, PL_FULL for the next (sends behind it are taken), no reading, and no on_writable. Any thread;
       from another than W, what W cannot take resets the connection, as with send. PL_QUEUED, PL_OK (length 0), PL_FULL,
       PL_GONE, PL_NO_MEMORY; PL_INVALID: not a connection, no such bytes in that file, or it cannot be opened again for
       reading. */
    int32_t (*send_file)(const pl_host *host, pl_id id, void *file, uint64_t offset, uint64_t length);

    /* connect: begins to open a connection; PL_OK: `id_out` has its id, and on_open or on_close will come, in a later turn,
       never inside this call. Called in a callback, a posted function or on_timer; `owner` says for which endpoint: the
       endpoint's id, or that of the connection, session or datagram whose callback this is, or of another one with the
       same W; the new one has that W, too. What `how` points to is needed for the call alone.
       Until on_open the new id takes send, send_ref and send_file (kept in order, up to send_queue bytes; over UDP up to
       64 KB of datagrams, then PL_LIMIT), info and close, which ends the attempt, unless PL_FINISH or PL_GRACEFUL find
       something to send; other calls give PL_GONE. Datagrams of another host than the peer are not received.
       on_close without on_open: PL_CONNECT_FAILED, with the error of the name or of the last address (10061: refused,
       10060: no answer in time, 11001: no such name); PL_BY_HANDLER, PL_BY_ADMIN, PL_STOPPING when it was ended. The log
       has each address and its error, once a minute for each endpoint. When the service stops, nothing connects any more,
       and what is connecting ends at once.
       W. PL_OK; PL_GONE: no such owner, or the service stops; PL_WRONG_THREAD; PL_INVALID: `how`, or the handler has no
       on_data (TCP) or no on_datagram (UDP); PL_LIMIT: max_outbound; PL_NO_MEMORY. */
    int32_t (*connect)(const pl_host *host, pl_id owner, const pl_connect *how, pl_id *id_out);

    /* explain: the system's words for an error as on_close is given it, "error 10061: ...", in UTF-8, cut to `room` bytes
       and ended by NUL. Any thread. Their length without the NUL; PL_INVALID: no room. */
    int32_t (*explain)(const pl_host *host, uint32_t win32_error, char *at, size_t room);
};

/* What start is given, and gives back. */
typedef struct pl_start {
    uint32_t size;
    uint32_t
        check; /* 1: only whether it would start: nothing comes of it but `stop`, at once. Do nothing that is
                       seen outside: write no file, bind no port. Handlers of ABI 0.6 and older are not asked */
    const pl_host *host;
    pl_id endpoint;          /* 0 in a check */
    void *state;             /* out: handed to every callback, NULL at first */
    char *error;             /* out: on failure a message for the administrator, ended by NUL */
    size_t error_room;       /* bytes at `error` */
    const pl_config *config; /* the endpoint's options; never NULL */
    const char *name;        /* the endpoint's, as in the INI, ended by NUL; valid until stop */
    void *
        previous; /* when the configuration was changed while the service runs: the state that has served this
                                endpoint so far; else NULL, also when the handler's DLL has been replaced. It goes on
                                with its clients until the last has ended, then it is stopped: it is there while start
                                runs, and what both share later has to be counted */
} pl_start;

/* A handler. Constant data; the callbacks below are optional unless said otherwise. */
typedef struct pl_handler {
    uint32_t size;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t needs_minor;
    uint32_t flags;     /* pl_flag */
    uint32_t max_input; /* bytes on_data may leave unconsumed, 1 to 16777216; 0: 65536 */
    const char *name;   /* as in the INI: [a-z0-9_-]{1,32} */
    const char *version;
    const char *summary; /* one line */

    /* start: once for each endpoint, before its sockets open, and again with each configuration that has changed it: a new
       state beside the one before. A negative result fails the start of the service with `error`; a changed
       configuration is refused, and nothing has changed. stop: the last call for that state, after its last on_close,
       if start did not fail; the handler's own threads are joined on return. Both are called on a thread that is no
       worker's, not always the same one; a start that lasts over five seconds is told in the log. */
    int32_t (*start)(pl_start *start);
    void (*stop)(void *state);

    /* The rest runs on W. `user` points to one pointer kept for the handler with each connection and each UDP
       session, NULL at on_open, or what connect was given. */

    /* on_open: first, once; of one that connect has begun: now it is open. Negative: reset; on_close follows. A session
       that was closed here is given no datagram. */
    int32_t (*on_open)(void *state, pl_id id, void **user, const pl_info *info);

    /* on_data: required with PL_TCP. `length` > 0 bytes, valid during the call. Returns how many were
       consumed; the rest comes again together with what follows, or after on_writable when a send returned
       PL_FULL in this call. More than max_input left unconsumed: closed, PL_INPUT_FULL. */
    size_t (*on_data)(void *state, pl_id id, void **user, const uint8_t *at, size_t length);

    /* on_datagram: required with PL_UDP. One whole datagram, `length` may be 0. Without PL_SESSIONS the id
       lives for this call, for send, and *user is NULL; with it they are the session's. With PL_OUTBOUND in info->seen
       they are those of the connection that the datagram came on. */
    void (*on_datagram)(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                        const pl_info *info);

    /* on_writable: less than 32 KB are queued, after a PL_FULL or as asked by want_writable. A handler without it
       is closed at PL_FULL, PL_SLOW_READER. */
    void (*on_writable)(void *state, pl_id id, void **user);

    /* on_eof: the peer's FIN; at[0..length) is what on_data never consumed. Sending is still possible: end
       with close. Without on_eof the host closes with PL_GRACEFUL. */
    void (*on_eof)(void *state, pl_id id, void **user, const uint8_t *at, size_t length);

    /* on_close: last, once, always, if on_open was called, or connect returned PL_OK. `reason` is a pl_reason. The
       id is gone already. */
    void (*on_close)(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error);

    /* Tables: how big an element is and how many there are; 0 and NULL: none. */
    uint32_t option_size; /* sizeof(pl_option) */
    uint32_t option_count;
    uint32_t counter_size; /* sizeof(pl_counter) */
    uint32_t counter_count;
    const pl_option *options;
    const pl_counter *counters;

    /* The handler's own defaults of the host's keys of an endpoint, "idle_timeout = 0", ..., NULL at the end; not for
       listen and handler. What the administrator writes, also in [defaults], comes before them. */
    const char *const *defaults;

    /* on_timer: as set by `timer`. W. `user` is NULL for an endpoint. */
    void (*on_timer)(void *state, pl_id id, void **user);

    /* drain: the service stops: new clients come no more, and what has not ended after `within` milliseconds is reset.
       Time to close what is idle, from this thread, as that of `stop`, or by posting. */
    void (*drain)(void *state, uint32_t within);
} pl_handler;

#ifdef __cplusplus
}
#endif

#endif
