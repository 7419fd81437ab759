/* SPDX-License-Identifier: MIT
   The functions of the host, watched; see witness.h. Each goes on to the real one, and looks at the result. */
#include "witness.h"

#include <string.h>

#include "base/memory.h"

static const struct seat *seat__of(const pl_host *host)
{
    return (const struct seat *)host;
}

/* On a thread of the handler's own that a connection is gone cannot be known, and is no fault. On another worker the host
   does not know it at once either, and says PL_QUEUED. */
static void seat__find_gone(struct witness *witness, const struct inside *inside, const char *name, pl_id id,
                            int32_t result)
{
    if (inside == NULL) {
        return;
    }
    if (inside->id != id) {
        if (witness_is_gone(witness, id)) {
            witness_find(witness, FINDING_STALE, name);
        }
    } else if (result == PL_GONE && inside->is_on_close) {
        witness_find(witness, FINDING_IN_ON_CLOSE, name);
    }
}

static int32_t seat__look(const struct seat *seat, const char *name, pl_id id, int32_t result)
{
    struct inside *inside = TlsGetValue(seat->witness->slot);
    if (result == PL_WRONG_THREAD) {
        witness_find(seat->witness, FINDING_WRONG_THREAD, name);
    } else if (result == PL_INVALID) {
        witness_find(seat->witness, FINDING_INVALID, name);
    } else if (result == PL_GONE || result == PL_QUEUED) {
        seat__find_gone(seat->witness, inside, name, id, result);
    } else if (result == PL_FULL && inside != NULL) {
        inside->was_full = true;
    }
    return result;
}

/* That the client may have closed it meanwhile is no fault. */
static void seat__note_close(const struct seat *seat, pl_id id, int32_t result)
{
    const struct inside *inside = TlsGetValue(seat->witness->slot);
    if (inside == NULL || inside->id != id || inside->guest == NULL) {
        return;
    }
    if (result >= 0) {
        inside->guest->is_closed = true;
    } else if (result == PL_GONE && inside->guest->is_closed && !inside->is_on_close) {
        witness_find(seat->witness, FINDING_CLOSED_TWICE, "close");
    }
}

static int32_t seat__send(const pl_host *host, pl_id id, const void *at, size_t length)
{
    const struct seat *seat = seat__of(host);
    return seat__look(seat, "send", id, seat->real->send(seat->real, id, at, length));
}

static int32_t seat__close(const pl_host *host, pl_id id, int32_t how)
{
    const struct seat *seat = seat__of(host);
    const int32_t result = seat__look(seat, "close", id, seat->real->close(seat->real, id, how));
    seat__note_close(seat, id, result);
    return result;
}

static int32_t seat__option(const pl_host *host, const pl_config *config, const char *name, pl_text *text_out,
                            int64_t *number_out)
{
    const struct seat *seat = seat__of(host);
    return seat__look(seat, "option", 0, seat->real->option(seat->real, config, name, text_out, number_out));
}

static int32_t seat__want_writable(const pl_host *host, pl_id id)
{
    const struct seat *seat = seat__of(host);
    return seat__look(seat, "want_writable", id, seat->real->want_writable(seat->real, id));
}

static int32_t seat__read(const pl_host *host, pl_id id, int32_t on)
{
    const struct seat *seat = seat__of(host);
    return seat__look(seat, "read", id, seat->real->read(seat->real, id, on));
}

static int32_t seat__timer(const pl_host *host, pl_id id, uint32_t after)
{
    const struct seat *seat = seat__of(host);
    return seat__look(seat, "timer", id, seat->real->timer(seat->real, id, after));
}

static int32_t seat__info(const pl_host *host, pl_id id, pl_info *out)
{
    const struct seat *seat = seat__of(host);
    return seat__look(seat, "info", id, seat->real->info(seat->real, id, out));
}

static int32_t seat__count(const pl_host *host, pl_id endpoint, uint32_t index, uint64_t add)
{
    const struct seat *seat = seat__of(host);
    return seat__look(seat, "count", endpoint, seat->real->count(seat->real, endpoint, index, add));
}

static int32_t seat__log(const pl_host *host, pl_id endpoint, pl_id id, int32_t level, const char *at,
                         size_t length)
{
    const struct seat *seat = seat__of(host);
    return seat__look(seat, "log", endpoint, seat->real->log(seat->real, endpoint, id, level, at, length));
}

static int64_t seat__clock(const pl_host *host)
{
    const struct seat *seat = seat__of(host);
    return seat->real->clock(seat->real);
}

static int32_t seat__report(const pl_host *host, int32_t format,
                            void (*sink)(void *what, const char *at, size_t length), void *what)
{
    const struct seat *seat = seat__of(host);
    return seat->real->report(seat->real, format, sink, what); /* this one makes none, and that is no fault */
}

static int32_t seat__send_ref(const pl_host *host, pl_id id, const void *at, size_t length,
                              pl_release release, void *what)
{
    const struct seat *seat = seat__of(host);
    return seat__look(seat, "send_ref", id, seat->real->send_ref(seat->real, id, at, length, release, what));
}

static int32_t seat__send_file(const pl_host *host, pl_id id, void *file, uint64_t offset, uint64_t length)
{
    const struct seat *seat = seat__of(host);
    return seat__look(seat, "send_file", id, seat->real->send_file(seat->real, id, file, offset, length));
}

/* What stands for a piece of input that the handler has retained: release is not told whose it is. */
struct keepsake {
    struct witness *witness;
    pl_release release;
    void *kept;
};

static void keepsake__release(void *what)
{
    struct keepsake *keepsake = what;
    if (keepsake != NULL) {
        InterlockedIncrement64(&keepsake->witness->released);
        keepsake->release(keepsake->kept);
        memory_free(keepsake);
    }
}

static void *seat__retain(const pl_host *host, pl_id id, const void *at, size_t length)
{
    const struct seat *seat = seat__of(host);
    struct keepsake *keepsake = memory_alloc(sizeof *keepsake);
    void *kept = keepsake != NULL ? seat->real->retain(seat->real, id, at, length) : NULL;
    if (kept == NULL) {
        memory_free(keepsake);
        return NULL;
    }
    *keepsake = (struct keepsake){.witness = seat->witness, .release = seat->real->release, .kept = kept};
    InterlockedIncrement64(&seat->witness->retained);
    return keepsake;
}

/* ---- Connecting ---- */

/* `how` as far as this witness knows it, with the guest in the place of its user. */
static int32_t seat__connect_as(const struct seat *seat, pl_id owner, const pl_connect *how,
                                struct guest *guest, pl_id *id_out)
{
    pl_connect watched = {0};
    memcpy(&watched, how, how->size < sizeof watched ? how->size : sizeof watched);
    watched.size = sizeof watched;
    guest->user = watched.user;
    guest->is_outbound = true;
    watched.user = guest;
    return seat->real->connect(seat->real, owner, &watched, id_out);
}

static int32_t seat__connect(const pl_host *host, pl_id owner, const pl_connect *how, pl_id *id_out)
{
    const struct seat *seat = seat__of(host);
    if (how == NULL || how->size < sizeof how->size) {
        return seat__look(seat, "connect", owner, PL_INVALID);
    }
    struct guest *guest = memory_alloc(sizeof *guest);
    if (guest == NULL) {
        return PL_NO_MEMORY;
    }
    const int32_t result = seat__connect_as(seat, owner, how, guest, id_out);
    if (result != PL_OK) {
        memory_free(guest);
    }
    return seat__look(seat, "connect", owner, result);
}

static int32_t seat__explain(const pl_host *host, uint32_t win32_error, char *at, size_t room)
{
    const struct seat *seat = seat__of(host);
    return seat__look(seat, "explain", 0, seat->real->explain(seat->real, win32_error, at, room));
}

/* ---- Posted functions ---- */

struct errand {
    void (*run)(void *state, pl_id id, void **user, void *what);
    void *what;
};

static void errand__run(void *state, pl_id id, void **user, void *what)
{
    struct errand *errand = what;
    const struct seat *seat = state; /* NULL: the object is gone, and perhaps the seat as well */
    struct guest *guest = user != NULL ? *user : NULL;
    if (seat == NULL) {
        errand->run(NULL, 0, NULL, errand->what);
    } else {
        struct inside inside;
        witness_enter(seat->witness, &inside, "a posted function", id, guest);
        errand->run(seat->state, id, guest != NULL ? &guest->user : NULL, errand->what);
        witness_leave(seat->witness, &inside);
    }
    memory_free(errand);
}

static int32_t seat__post(const pl_host *host, pl_id id,
                          void (*run)(void *state, pl_id id, void **user, void *what), void *what)
{
    const struct seat *seat = seat__of(host);
    struct errand *errand = memory_alloc(sizeof *errand);
    if (errand == NULL) {
        return PL_NO_MEMORY;
    }
    *errand = (struct errand){.run = run, .what = what};
    const int32_t result = seat->real->post(seat->real, id, errand__run, errand);
    if (result < 0) {
        memory_free(errand);
    }
    return seat__look(seat, "post", id, result);
}

void witness_host_init(struct seat *seat)
{
    seat->host = (struct pl_host){.size = sizeof seat->host,
                                  .abi_major = PL_ABI_MAJOR,
                                  .abi_minor = PL_ABI_MINOR,
                                  .send = seat__send,
                                  .close = seat__close,
                                  .option = seat__option,
                                  .want_writable = seat__want_writable,
                                  .read = seat__read,
                                  .timer = seat__timer,
                                  .post = seat__post,
                                  .info = seat__info,
                                  .count = seat__count,
                                  .log = seat__log,
                                  .clock = seat__clock,
                                  .report = seat__report,
                                  .send_ref = seat__send_ref,
                                  .retain = seat__retain,
                                  .release = keepsake__release,
                                  .send_file = seat__send_file,
                                  .connect = seat__connect,
                                  .explain = seat__explain};
}
