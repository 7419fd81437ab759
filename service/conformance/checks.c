/* SPDX-License-Identifier: MIT
   The checks, see checks.h. What is right the protocol knows alone: nothing is demanded of what the handler answers. */
#include "checks.h"

#include <string.h>

#include "base/memory.h"
#include "peer.h"

enum {
    MANY = 200,
    CROWDS = 3,
    DATAGRAMS = 2000,
    DATAGRAM_MAX = 65507,
    PIECE = 65536,
    PIECES = 128, /* 8 MB */
    ROUNDS = 50,
    BUSY = 16,
    PATIENCE = 5000, /* milliseconds, for a client */
    NAP = 100,
    GROWTH_ROUNDS = 20,
    GROWTH_MEMORY = 64 * 1024, /* bytes, for each round */
    GROWTH_CONNECTION = 1024   /* bytes, for each connection */
};

static const char line[] = "portlistener conformance 0123456789\r\n";

/* Lines, or bytes of every kind without a line's end. */
static void fill(char *at, size_t length, bool is_lines)
{
    for (size_t i = 0; i < length; i++) {
        const char byte = (char)(i * 7 + i / 256);
        at[i] = is_lines ? line[i % (sizeof line - 1)] : byte == '\n' ? 'n' : byte;
    }
}

/* The client reads to the end, but not for ever, and goes. */
static void leave(SOCKET peer)
{
    peer_finish(peer);
    peer_drain(peer, PATIENCE);
    peer_close(peer);
}

static SOCKET enter(const struct trial *trial)
{
    return peer_connect(&trial->subject.address, 0);
}

/* ---- TCP ---- */

static void check_nothing_sent(struct trial *trial)
{
    const SOCKET peer = enter(trial);
    leave(peer);
}

/* A reset at once, before the first byte. */
static void check_refused(struct trial *trial)
{
    for (int i = 0; i < BUSY; i++) {
        peer_reset(enter(trial));
    }
}

static void check_one_by_one(struct trial *trial)
{
    const SOCKET peer = enter(trial);
    for (int i = 0; i < 4; i++) {
        for (size_t at = 0; at < sizeof line - 1; at++) {
            peer_send(peer, line + at, 1, PATIENCE, true);
        }
    }
    leave(peer);
}

static void check_half_close(struct trial *trial)
{
    const SOCKET peer = enter(trial);
    peer_send(peer, line, sizeof line - 3, PATIENCE, false); /* the last line has no end */
    peer_finish(peer);
    if (!peer_drain(peer, PATIENCE)) {
        report_problem(
            &trial->report, REPORT_WARNING,
            "five seconds after the client's FIN its connection has not ended; end on_eof with close");
    }
    peer_close(peer);
}

static void check_abort(struct trial *trial)
{
    for (int i = 0; i < BUSY; i++) {
        const SOCKET peer = enter(trial);
        peer_send(peer, line, (size_t)i * 2, PATIENCE, false);
        peer_reset(peer);
    }
}

static void send_pieces(SOCKET peer, bool is_lines, unsigned within, bool reads)
{
    const ULONGLONG end = GetTickCount64() + within;
    char *piece = memory_alloc(PIECE);
    bool goes_on = piece != NULL;
    for (int i = 0; goes_on && i < PIECES; i++) {
        const ULONGLONG now = GetTickCount64();
        fill(piece, PIECE, is_lines);
        goes_on = now < end && peer_send(peer, piece, PIECE, (unsigned)(end - now), reads) == PIECE;
    }
    memory_free(piece);
}

/* It asks and does not read the answers; others must be served meanwhile. */
static void check_slow_reader(struct trial *trial)
{
    const SOCKET peer = peer_connect(&trial->subject.address, 4096);
    send_pieces(peer, true, 2000, false);
    if (!subject_serves(&trial->subject)) {
        report_problem(&trial->report, REPORT_FAILED, "a client that does not read keeps out the others");
    }
    peer_drain(peer, 1000);
    peer_reset(peer);
}

static void check_huge_input(struct trial *trial)
{
    const struct witness *witness = &trial->subject.witness;
    for (int is_lines = 0; is_lines < 2; is_lines++) {
        const SOCKET peer = enter(trial);
        send_pieces(peer, is_lines == 1, 2 * PATIENCE, true);
        leave(peer);
    }
    if (witness->offered > 0 && witness->consumed == 0) {
        report_problem(
            &trial->report, REPORT_FAILED,
            "on_data has never consumed a byte; it must return how many it is done with, or no client gets "
            "further than max_input");
    }
}

/* Sockets of clients that have gone may take a moment; what has leaked stays. */
static size_t wait_for_handles(size_t limit)
{
    const ULONGLONG end = GetTickCount64() + PATIENCE;
    size_t handles = subject_handles();
    while (handles > limit && GetTickCount64() < end) {
        Sleep(NAP);
        handles = subject_handles();
    }
    return handles;
}

static void tell_handles(struct trial *trial, size_t before, size_t clients, const char *what)
{
    const size_t limit = before + clients / 2;
    const size_t now = wait_for_handles(limit);
    if (now > limit) {
        report_problem(
            &trial->report, REPORT_FAILED,
            "%u handles more after %u %s; what a callback opens must be closed, in on_close at the latest",
            (unsigned)(now - before), (unsigned)clients, what);
    }
}

static void crowd(struct trial *trial)
{
    SOCKET peers[MANY];
    const LONG64 opens = trial->subject.witness.opens;
    for (int i = 0; i < MANY; i++) {
        peers[i] = enter(trial);
        peer_send(peers[i], line, sizeof line - 1, PATIENCE, false);
    }
    for (int i = 0; i < MANY; i++) {
        peer_finish(peers[i]);
    }
    for (int i = 0; i < MANY; i++) {
        peer_drain(peers[i], i == 0 ? PATIENCE : 100);
        peer_close(peers[i]);
    }
    subject_wait_for(&trial->subject.witness.opens, opens + MANY, PATIENCE);
    subject_wait(&trial->subject, trial->left, PATIENCE);
}

/* The first crowd has the engine and the handler make what they keep. */
static void check_many(struct trial *trial)
{
    const size_t handles = subject_handles();
    crowd(trial);
    tell_handles(trial, handles, MANY, "connections");
    const size_t before = subject_memory();
    for (int i = 0; i < CROWDS; i++) {
        crowd(trial);
    }
    const size_t now = subject_memory();
    if (now > before + (size_t)CROWDS * MANY * GROWTH_CONNECTION) {
        report_problem(
            &trial->report, REPORT_WARNING,
            "%u KB more memory after %u connections; what their callbacks make must be freed, in on_close at "
            "the latest",
            (unsigned)((now - before) / 1024), (unsigned)(CROWDS * MANY));
    }
}

/* ---- UDP ---- */

static void check_empty(struct trial *trial)
{
    const SOCKET peer = peer_open_datagram();
    peer_send_datagram(peer, &trial->subject.address, line, 0);
    peer_close(peer);
}

static void check_largest(struct trial *trial)
{
    char *datagram = memory_alloc(DATAGRAM_MAX);
    const SOCKET peer = peer_open_datagram();
    if (datagram != NULL) {
        fill(datagram, DATAGRAM_MAX, false);
        peer_send_datagram(peer, &trial->subject.address, datagram, DATAGRAM_MAX);
        fill(datagram, DATAGRAM_MAX, true);
        peer_send_datagram(peer, &trial->subject.address, datagram, DATAGRAM_MAX);
    }
    memory_free(datagram);
    peer_close(peer);
}

static void check_flood(struct trial *trial)
{
    char bytes[1024];
    const LONG64 datagrams = trial->subject.witness.datagrams;
    const size_t before = subject_handles();
    const SOCKET peer = peer_open_datagram();
    fill(bytes, sizeof bytes, false);
    for (size_t i = 0; i < DATAGRAMS; i++) {
        peer_send_datagram(peer, &trial->subject.address, bytes, i % sizeof bytes);
    }
    subject_wait_for(&trial->subject.witness.datagrams, datagrams + DATAGRAMS / 2, PATIENCE);
    peer_close(peer);
    tell_handles(trial, before, DATAGRAMS / 2, "datagrams");
}

/* ---- Start and stop ---- */

static void keep_busy_udp(const struct trial *trial)
{
    const SOCKET peer = peer_open_datagram();
    for (int i = 0; i < MANY; i++) {
        peer_send_datagram(peer, &trial->subject.address, line, sizeof line - 1);
    }
    peer_close(peer);
}

static void check_stop_while_busy(struct trial *trial)
{
    SOCKET peers[BUSY];
    if (trial->subject.protocol == CONFIG_UDP) {
        keep_busy_udp(trial);
    }
    for (int i = 0; i < BUSY; i++) {
        peers[i] = trial->subject.protocol == CONFIG_TCP ? enter(trial) : INVALID_SOCKET;
        for (int j = 0; j < BUSY; j++) {
            peer_send(peers[i], line, sizeof line - 1, 100, false);
        }
    }
    const bool is_stopped = trial_stop(trial, 500);
    for (int i = 0; i < BUSY; i++) {
        peer_close(peers[i]);
    }
    if (is_stopped) {
        trial_start(trial);
    }
}

/* From stop to stop. */
static bool go_round(struct trial *trial)
{
    if (trial->subject.protocol == CONFIG_TCP) {
        const SOCKET peer = enter(trial);
        peer_send(peer, line, sizeof line - 1, PATIENCE, false);
        peer_reset(peer);
    } else {
        keep_busy_udp(trial);
    }
    return trial_stop(trial, 0) && trial_start(trial);
}

/* The first rounds may have more to make. */
static void check_start_and_stop(struct trial *trial)
{
    size_t handles = 0, memory = 0;
    for (int i = 0; i < ROUNDS; i++) {
        if (!go_round(trial)) {
            return;
        }
        if (i == ROUNDS / 5) {
            handles = subject_handles();
            memory = subject_memory();
        }
    }
    const unsigned rounds = ROUNDS - ROUNDS / 5 - 1;
    const size_t handles_now = wait_for_handles(handles + GROWTH_ROUNDS), memory_now = subject_memory();
    if (handles_now > handles + GROWTH_ROUNDS) {
        report_problem(&trial->report, REPORT_FAILED,
                       "%u handles more after %u starts and stops; stop closes what start has opened",
                       (unsigned)(handles_now - handles), rounds);
    }
    if (memory_now > memory + (size_t)rounds * GROWTH_MEMORY) {
        report_problem(&trial->report, REPORT_WARNING,
                       "%u KB more memory after %u starts and stops; stop frees what start has made",
                       (unsigned)((memory_now - memory) / 1024), rounds);
    }
}

const struct check checks_all[] = {{"nothing sent", PL_TCP, check_nothing_sent},
                                   {"refused", PL_TCP, check_refused},
                                   {"bytes one by one", PL_TCP, check_one_by_one},
                                   {"half-close", PL_TCP, check_half_close},
                                   {"abort", PL_TCP, check_abort},
                                   {"slow reader", PL_TCP, check_slow_reader},
                                   {"huge input", PL_TCP, check_huge_input},
                                   {"many at once", PL_TCP, check_many},
                                   {"empty datagram", PL_UDP, check_empty},
                                   {"largest datagram", PL_UDP, check_largest},
                                   {"flood of datagrams", PL_UDP, check_flood},
                                   {"stop while busy", PL_TCP | PL_UDP, check_stop_while_busy},
                                   {"start and stop", PL_TCP | PL_UDP, check_start_and_stop},
                                   {NULL, 0, NULL}};
