/* SPDX-License-Identifier: MIT
   Tests of io/worker.h. What runs on a worker only records; the asserts are the test's own thread's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"
#include <cmocka.h>

#include "base/memory.h"
#include "io/net_error.h"
#include "io/network.h"
#include "io/worker.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/patience.h"
#include "support/random.h"
#include "support/support.h"

enum {
    CREW_MAX = 4,
    PATIENCE = 15000, /* milliseconds for what should happen at once, on a busy machine, too */
    A_WHILE = 60      /* in which what must not happen would happen */
};

/* ---- The workers under test ---- */

static struct {
    unsigned count; /* 0: none */
    HANDLE trouble; /* auto-reset */
    HANDLE gate;    /* manual-reset: lets a held worker go on */
    HANDLE done;    /* auto-reset: an errand is */
    struct worker *workers[CREW_MAX];
    volatile LONG holds;
} crew;

static void crew_create(unsigned count)
{
    crew.trouble = CreateEventW(NULL, FALSE, FALSE, NULL);
    crew.gate = CreateEventW(NULL, TRUE, FALSE, NULL);
    crew.done = CreateEventW(NULL, FALSE, FALSE, NULL);
    crew.holds = 0;
    for (crew.count = 0; crew.count < count; crew.count++) {
        DWORD error = 0;
        crew.workers[crew.count] = worker_create(crew.count, count, crew.trouble, &error);
        assert_non_null(crew.workers[crew.count]);
    }
}

static void crew_start(unsigned count)
{
    crew_create(count);
    for (unsigned i = 0; i < count; i++) {
        DWORD error = 1;
        assert_true(worker_start(crew.workers[i], crew.workers, &error));
        assert_int_equal(error, 0);
    }
}

static void crew_destroy(void)
{
    for (unsigned i = 0; i < crew.count; i++) {
        worker_destroy(crew.workers[i]);
    }
    CloseHandle(crew.trouble);
    CloseHandle(crew.gate);
    CloseHandle(crew.done);
    crew.count = 0;
}

static void crew_stop(void)
{
    for (unsigned i = 0; i < crew.count; i++) {
        assert_true(worker_stop(crew.workers[i], PATIENCE));
    }
    crew_destroy();
}

/* Also after a test that failed half-way. */
static int crew_teardown(void **state)
{
    bool has_stopped = true;
    fault_clear();
    seam_restore();
    if (crew.count > 0) {
        SetEvent(crew.gate);
        for (unsigned i = 0; i < crew.count; i++) {
            has_stopped = worker_stop(crew.workers[i], PATIENCE) && has_stopped;
        }
        if (has_stopped) {
            crew_destroy();
        }
    }
    return support_teardown(state);
}

#define crew_test(test) cmocka_unit_test_setup_teardown(test, support_setup, crew_teardown)

static void await(const volatile LONG *count, LONG value)
{
    const ULONGLONG deadline = SEAM_REAL(GetTickCount64)() + PATIENCE;
    while (*count < value && SEAM_REAL(GetTickCount64)() < deadline) {
        Sleep(1);
    }
    assert_true(*count >= value);
}

static void assert_stays(const volatile LONG *count, LONG value)
{
    Sleep(A_WHILE);
    assert_int_equal(*count, value);
}

/* ---- Doing something on a worker ---- */

static struct {
    struct message message;
    void (*run)(struct worker *worker, void *context);
    void *context;
} errand;

static void errand__run(struct message *message, struct worker *worker)
{
    (void)message;
    errand.run(worker, errand.context);
    SetEvent(crew.done);
}

static void send_errand(struct worker *worker, void (*run)(struct worker *worker, void *context),
                        void *context)
{
    errand.message.run = errand__run;
    errand.run = run;
    errand.context = context;
    worker_send(worker, &errand.message);
}

static void await_errand(void)
{
    assert_int_equal(SEAM_REAL(WaitForSingleObject)(crew.done, PATIENCE), WAIT_OBJECT_0);
}

static void do_on(struct worker *worker, void (*run)(struct worker *worker, void *context), void *context)
{
    send_errand(worker, run, context);
    await_errand();
}

static void do_nothing(struct worker *worker, void *context)
{
    (void)worker;
    (void)context;
}

static struct message hold_messages[CREW_MAX];

static void hold__run(struct message *message, struct worker *worker)
{
    (void)message;
    (void)worker;
    InterlockedIncrement(&crew.holds);
    SEAM_REAL(WaitForSingleObject)(crew.gate, PATIENCE);
}

/* The worker stands still in a message until the gate opens. */
static void hold(unsigned index)
{
    const LONG before = crew.holds;
    hold_messages[index].run = hold__run;
    worker_send(crew.workers[index], &hold_messages[index]);
    await(&crew.holds, before + 1);
}

static void let_go(void)
{
    SetEvent(crew.gate);
}

/* ---- Messages ---- */

enum { SENDERS = 8, PARCELS = 100000, AHEAD = 32 };

struct parcel {
    struct message message;
    unsigned sender;
    unsigned number;
};

struct sender {
    HANDLE thread;
    struct worker *to;
    unsigned index;
    unsigned count;
    volatile LONG next; /* to be received */
    struct parcel parcels[PARCELS];
};

static struct sender senders[SENDERS];
static volatile LONG received, mistakes;

static void parcel__run(struct message *message, struct worker *worker)
{
    const struct parcel *parcel = LIST_ELEMENT(message, struct parcel, message);
    struct sender *sender = &senders[parcel->sender];
    mistakes += (LONG)parcel->number != sender->next || !worker_is_current(worker);
    sender->next = (LONG)parcel->number + 1;
    received++;
}

/* Never far ahead, so that the worker falls asleep often; and asleep meanwhile, for on one processor those who only yield
   keep the worker, and everybody else, from their turn. */
static DWORD WINAPI sender__main(void *argument)
{
    struct sender *sender = argument;
    for (unsigned i = 0; i < sender->count; i++) {
        sender->parcels[i] =
            (struct parcel){.message.run = parcel__run, .sender = sender->index, .number = i};
        worker_send(sender->to, &sender->parcels[i].message);
        while ((LONG)i - sender->next > AHEAD && crew.count > 0) {
            Sleep(1);
        }
    }
    return 0;
}

static void senders_start(struct worker *to, unsigned count)
{
    received = mistakes = 0;
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i].to = to;
        senders[i].index = i;
        senders[i].count = count;
        senders[i].next = 0;
        senders[i].thread = CreateThread(NULL, 0, sender__main, &senders[i], 0, NULL);
        assert_non_null(senders[i].thread);
    }
}

static void senders_join(void)
{
    for (unsigned i = 0; i < SENDERS; i++) {
        assert_int_equal(WaitForSingleObject(senders[i].thread, PATIENCE), WAIT_OBJECT_0);
        CloseHandle(senders[i].thread);
    }
}

static void test_worker__loses_no_message_of_many_threads(void **state)
{
    (void)state;
    crew_start(1);
    senders_start(crew.workers[0], PARCELS);
    for (LONG seen = -1; received < SENDERS * PARCELS && received != seen;) {
        seen = received; /* no more for long: a wake-up was lost */
        for (const uint64_t end = patience_now() + PATIENCE; received == seen && patience_now() < end;) {
            Sleep(1);
        }
    }
    assert_int_equal(received, SENDERS * PARCELS);
    assert_int_equal(mistakes, 0);
    senders_join();
    crew_stop();
}

static void test_worker__runs_what_was_sent_before_its_start(void **state)
{
    (void)state;
    DWORD error = 0;
    crew_create(1);
    send_errand(crew.workers[0], do_nothing, NULL);
    assert_true(worker_start(crew.workers[0], crew.workers, &error));
    await_errand();
    crew_stop();
}

static void note_thread(struct worker *worker, void *context)
{
    DWORD *thread = context;
    *thread = worker_is_current(worker) ? GetCurrentThreadId() : 0;
}

static void test_worker__knows_its_own_thread(void **state)
{
    (void)state;
    DWORD threads[2] = {0};
    crew_start(2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(worker_index(crew.workers[i]), i);
        assert_false(worker_is_current(crew.workers[i]));
        do_on(crew.workers[i], note_thread, &threads[i]);
        assert_int_not_equal(threads[i], 0);
        assert_int_not_equal(threads[i], GetCurrentThreadId());
    }
    assert_int_not_equal(threads[0], threads[1]);
    crew_stop();
}

/* ---- Messages that leave at the end of the turn ---- */

enum { LATER = 100 };

static struct {
    struct parcel parcels[CREW_MAX][LATER];
    unsigned targets;
    LONG received_before; /* when all had been given away, and a while after */
    uint32_t posts_before, posts_after;
} later;

static void send_all_later(struct worker *worker, void *context)
{
    (void)context;
    for (unsigned i = 0; i < LATER; i++) {
        for (unsigned target = 0; target < later.targets; target++) {
            later.parcels[target][i] =
                (struct parcel){.message.run = parcel__run, .sender = target, .number = i};
            worker_send_later(worker, crew.workers[target], &later.parcels[target][i].message);
        }
    }
    later.posts_before = fault_calls(IMPORT_PostQueuedCompletionStatus);
    Sleep(A_WHILE);
    later.received_before = received;
    later.posts_after = fault_calls(IMPORT_PostQueuedCompletionStatus);
}

static void await_quiet(void)
{
    for (unsigned i = 0; i < crew.count; i++) {
        do_on(crew.workers[i], do_nothing, NULL); /* behind whatever was under way */
    }
}

static void test_worker__wakes_a_peer_once_for_all_that_goes_to_it(void **state)
{
    (void)state;
    crew_start(3);
    for (later.targets = 1; later.targets <= 3; later.targets++) { /* the first target is the sender */
        received = mistakes = 0;
        senders[0].next = senders[1].next = senders[2].next = 0;
        await_quiet();
        do_on(crew.workers[0], send_all_later, NULL);
        for (unsigned target = 0; target < later.targets; target++) {
            await(&senders[target].next, LATER);
        }
        assert_int_equal(mistakes, 0);
        assert_int_equal(later.received_before, 0);
        assert_int_equal(later.posts_after, later.posts_before);
        assert_int_equal(fault_calls(IMPORT_PostQueuedCompletionStatus) - later.posts_after, later.targets);
    }
    crew_stop();
}

/* ---- Signals ---- */

struct bell {
    struct signal signal;
    volatile LONG asked; /* counted before each worker_signal */
    volatile LONG seen;  /* `asked` as the last run saw it */
    volatile LONG runs;
    volatile LONG again; /* signals itself from within, so many times */
};

static void bell__run(struct signal *signal, struct worker *worker)
{
    struct bell *bell = LIST_ELEMENT(signal, struct bell, signal);
    bell->runs++;
    bell->seen = bell->asked;
    if (bell->again > 0) {
        bell->again--;
        worker_signal(worker, signal);
    }
}

static void bell_init(struct bell *bell)
{
    *bell = (struct bell){.runs = 0};
    signal_init(&bell->signal, bell__run);
}

static void test_worker__runs_a_signal_once_however_often_it_was_sent(void **state)
{
    (void)state;
    static struct bell bell;
    bell_init(&bell);
    crew_start(1);
    for (LONG run = 1; run <= 3; run++) {
        ResetEvent(crew.gate);
        hold(0);
        for (int i = 0; i < 1000; i++) {
            worker_signal(crew.workers[0], &bell.signal);
        }
        assert_int_equal(bell.runs, run - 1);
        let_go();
        await(&bell.runs, run);
        await_quiet();
        assert_int_equal(bell.runs, run);
    }
    bell.again = 5;
    worker_signal(crew.workers[0], &bell.signal);
    await(&bell.runs, 3 + 6);
    await_quiet();
    assert_int_equal(bell.runs, 3 + 6);
    crew_stop();
}

static DWORD WINAPI ring(void *argument)
{
    struct bell *bell = argument;
    for (int i = 0; i < 5000; i++) {
        InterlockedIncrement(&bell->asked);
        worker_signal(crew.workers[0], &bell->signal);
        if (i % 8 == 0) {
            SwitchToThread();
        }
    }
    return 0;
}

static void test_worker__no_signal_is_overheard(void **state)
{
    (void)state;
    static struct bell bell;
    HANDLE threads[4];
    bell_init(&bell);
    crew_start(1);
    for (int i = 0; i < 4; i++) {
        threads[i] = CreateThread(NULL, 0, ring, &bell, 0, NULL);
        assert_non_null(threads[i]);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(WaitForSingleObject(threads[i], PATIENCE), WAIT_OBJECT_0);
        CloseHandle(threads[i]);
    }
    await(&bell.seen, 20000); /* what came last was seen, too */
    assert_true(bell.runs <= 20000);
    crew_stop();
}

/* ---- Wake-ups that cannot be posted ---- */

static bool is_in_trouble(void)
{
    return SEAM_REAL(WaitForSingleObject)(crew.trouble, 0) == WAIT_OBJECT_0;
}

static void test_worker__tells_of_trouble_and_a_sweep_delivers(void **state)
{
    (void)state;
    static struct bell bells[3];
    crew_start(1);
    for (int i = 0; i < 3; i++) {
        bell_init(&bells[i]);
    }
    await_quiet();
    assert_false(is_in_trouble());
    assert_true(worker_sweep(crew.workers[0])); /* nothing to do */
    fault_arm(IMPORT_PostQueuedCompletionStatus, 1, ERROR_NO_SYSTEM_RESOURCES, FAULT_FOREVER);
    for (int i = 0; i < 2; i++) {
        worker_signal(crew.workers[0], &bells[i].signal);
        assert_true(is_in_trouble()); /* each time: the first may have been dealt with */
    }
    for (int i = 0; i < 3; i++) {
        assert_false(worker_sweep(crew.workers[0]));
        assert_false(is_in_trouble()); /* or who waits for it and sweeps would never rest */
    }
    assert_int_equal(fault_hits(), 5);
    assert_stays(&bells[0].runs, 0);
    fault_clear();
    assert_true(worker_sweep(crew.workers[0]));
    await(&bells[0].runs, 1);
    await(&bells[1].runs, 1);
    assert_false(is_in_trouble());

    /* The next message brings the stranded one along. */
    fault_arm(IMPORT_PostQueuedCompletionStatus, 1, ERROR_NO_SYSTEM_RESOURCES, 1);
    worker_signal(crew.workers[0], &bells[0].signal);
    assert_true(is_in_trouble());
    assert_stays(&bells[0].runs, 1);
    worker_signal(crew.workers[0], &bells[2].signal);
    await(&bells[0].runs, 2);
    await(&bells[2].runs, 1);
    crew_stop();
}

static void fail_next_post_and_send_later(struct worker *worker, void *context)
{
    static struct parcel parcel;
    (void)context;
    parcel = (struct parcel){.message.run = parcel__run};
    fault_arm(IMPORT_PostQueuedCompletionStatus, 1, ERROR_NO_SYSTEM_RESOURCES, 1);
    worker_send_later(worker, crew.workers[1], &parcel.message);
}

static void test_worker__tells_of_trouble_with_what_leaves_at_the_end_of_a_turn(void **state)
{
    (void)state;
    received = mistakes = senders[0].next = 0;
    crew_start(2);
    await_quiet();
    do_on(crew.workers[0], fail_next_post_and_send_later, NULL);
    assert_int_equal(SEAM_REAL(WaitForSingleObject)(crew.trouble, PATIENCE), WAIT_OBJECT_0);
    assert_stays(&received, 0);
    assert_true(worker_sweep(crew.workers[0]));
    assert_true(worker_sweep(crew.workers[1]));
    await(&received, 1);
    assert_int_equal(mistakes, 0);
    crew_stop();
}

static BOOL WINAPI post_half_of_the_time(HANDLE port, DWORD bytes, ULONG_PTR key, LPOVERLAPPED overlapped)
{
    static volatile LONG calls;
    struct random random = {(uint64_t)InterlockedIncrement(&calls)};
    if (random_below(&random, 2) == 0) {
        SetLastError(ERROR_NO_SYSTEM_RESOURCES);
        return FALSE;
    }
    return SEAM_REAL(PostQueuedCompletionStatus)(port, bytes, key, overlapped);
}

/* Whoever tends the workers sweeps after trouble, and again in a while for as long as a sweep fails: no
   message waits for another one to come. */
static void test_worker__loses_no_message_when_half_of_the_wake_ups_fail(void **state)
{
    (void)state;
    enum { EACH = 3000 };
    bool is_swept = true;
    crew_start(1);
    seam_replace(IMPORT_PostQueuedCompletionStatus, (seam_function)post_half_of_the_time);
    senders_start(crew.workers[0], EACH);
    const ULONGLONG deadline = SEAM_REAL(GetTickCount64)() + 4 * PATIENCE;
    while (received < SENDERS * EACH && SEAM_REAL(GetTickCount64)() < deadline) {
        const DWORD result = SEAM_REAL(WaitForSingleObject)(crew.trouble, 1);
        if (result == WAIT_OBJECT_0 || !is_swept) {
            is_swept = worker_sweep(crew.workers[0]);
        }
    }
    assert_int_equal(received, SENDERS * EACH);
    assert_int_equal(mistakes, 0);
    senders_join();
    crew_stop(); /* which sweeps by itself */
}

/* ---- Completions ---- */

static HANDLE volatile port_seen;

static BOOL WINAPI post_and_note_port(HANDLE port, DWORD bytes, ULONG_PTR key, LPOVERLAPPED overlapped)
{
    port_seen = port;
    return SEAM_REAL(PostQueuedCompletionStatus)(port, bytes, key, overlapped);
}

/* The port is the worker's own secret: a wake-up betrays it. */
static HANDLE port_of(struct worker *worker)
{
    seam_replace(IMPORT_PostQueuedCompletionStatus, (seam_function)post_and_note_port);
    await_quiet();
    do_on(worker, do_nothing, NULL);
    seam_replace(IMPORT_PostQueuedCompletionStatus, NULL);
    return port_seen;
}

struct deed {
    struct operation operation;
    volatile LONG completed;
    LONG order; /* among all */
    uint32_t error;
    uint32_t bytes;
    bool is_on_worker;
};

static volatile LONG deeds;

static void deed__complete(struct operation *operation, uint32_t error, uint32_t bytes)
{
    struct deed *deed = LIST_ELEMENT(operation, struct deed, operation);
    deed->error = error;
    deed->bytes = bytes;
    deed->is_on_worker = worker_is_current(crew.workers[0]);
    deed->order = deeds++;
    InterlockedIncrement(&deed->completed);
}

static void deed_init(struct deed *deed)
{
    *deed = (struct deed){.operation.complete = deed__complete};
    operation_begin(&deed->operation);
}

static void test_worker__hands_every_completion_to_its_operation(void **state)
{
    (void)state;
    enum { COUNT = 3 * WORKER_BATCH + 7 };
    static struct deed all[COUNT];
    static const struct {
        uint32_t status;
        uint32_t error;
    } rows[] = {{0, 0},
                {0xC000020D, WSAECONNRESET},
                {0x103, 0},
                {0xC0000120, WSA_OPERATION_ABORTED},
                {0xC0DEC0DE, ERROR_UNEXP_NET_ERR}};
    enum { ROWS = sizeof rows / sizeof rows[0] };
    crew_start(1);
    const HANDLE port = port_of(crew.workers[0]);
    deeds = 0;
    hold(0); /* so that more is waiting than the worker takes at once */
    for (unsigned i = 0; i < COUNT; i++) {
        deed_init(&all[i]);
        all[i].operation.overlapped.Internal = rows[i % ROWS].status;
        assert_true(PostQueuedCompletionStatus(port, i, 0, &all[i].operation.overlapped));
    }
    let_go();
    await(&deeds, COUNT);
    await_quiet();
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(all[i].completed, 1);
        assert_int_equal(all[i].order, i);
        assert_int_equal(all[i].bytes, i);
        assert_int_equal(all[i].error, rows[i % ROWS].error);
        assert_true(all[i].is_on_worker);
    }
    crew_stop();
}

static void test_worker__ignores_a_completion_of_nothing(void **state)
{
    (void)state;
    static struct bell bell;
    crew_start(1);
    const HANDLE port = port_of(crew.workers[0]);
    bell_init(&bell);
    for (LONG i = 1; i <= 200; i++) {
        assert_true(PostQueuedCompletionStatus(port, 17, 42, NULL));
        worker_signal(crew.workers[0], &bell.signal); /* nor is a wake-up lost among them */
        assert_true(PostQueuedCompletionStatus(port, 0, 0, NULL));
        await(&bell.runs, i);
    }
    await_quiet();
    assert_int_equal(bell.runs, 200);
    assert_true(worker_sweep(crew.workers[0]));
    crew_stop();
}

struct reception {
    struct deed deed;
    SOCKET udp;
    WSABUF buffer;
    char bytes[16];
};

static void receive(struct worker *worker, void *context)
{
    struct reception *reception = context;
    DWORD flags = 0;
    (void)worker;
    deed_init(&reception->deed);
    reception->buffer = (WSABUF){.buf = reception->bytes, .len = sizeof reception->bytes};
    if (WSARecv(reception->udp, &reception->buffer, 1, NULL, &flags, &reception->deed.operation.overlapped,
                NULL) != 0 &&
        WSAGetLastError() != WSA_IO_PENDING) {
        mistakes++;
    }
}

static void test_worker__completes_what_a_socket_does(void **state)
{
    (void)state;
    static struct reception reception;
    const struct pl_address loopback = client_address("127.0.0.1", 0);
    SOCKADDR_STORAGE name;
    int length = network_address_to(&loopback, AF_INET, &name);
    struct pl_address own;
    mistakes = 0;
    crew_start(1);
    reception.udp = network_socket(AF_INET, SOCK_DGRAM);
    assert_int_equal(bind(reception.udp, (SOCKADDR *)&name, length), 0);
    assert_int_equal(getsockname(reception.udp, (SOCKADDR *)&name, &length), 0);
    network_address_from((SOCKADDR *)&name, &own);
    assert_true(worker_associate(crew.workers[0], 0, (HANDLE)reception.udp));
    assert_false(worker_associate(crew.workers[0], 0, (HANDLE)reception.udp)); /* for good */

    do_on(crew.workers[0], receive, &reception);
    struct client *client = client_open_datagram(&loopback);
    assert_int_equal(client_send_datagram(client, &own, "bytes", 5), CLIENT_OK);
    await(&reception.deed.completed, 1);
    assert_int_equal(reception.deed.error, 0);
    assert_int_equal(reception.deed.bytes, 5);
    assert_true(reception.deed.is_on_worker);

    do_on(crew.workers[0], receive, &reception);
    assert_stays(&reception.deed.completed, 0);
    closesocket(reception.udp);
    await(&reception.deed.completed, 1);
    const enum net_outcome outcome = net_outcome_of(reception.deed.error);
    assert_true(outcome == NET_ABORTED || outcome == NET_RESET);
    assert_int_equal(mistakes, 0);
    client_close(client);
    crew_stop();
}

static void test_worker__tells_when_a_socket_cannot_be_associated(void **state)
{
    (void)state;
    crew_start(1);
    const SOCKET udp = network_socket(AF_INET, SOCK_DGRAM);
    fault_arm(IMPORT_CreateIoCompletionPort, 1, ERROR_NOT_ENOUGH_MEMORY, 1);
    assert_false(worker_associate(crew.workers[0], 0, (HANDLE)udp));
    assert_true(worker_associate(crew.workers[0], 0, (HANDLE)udp));
    closesocket(udp);
    crew_stop();
}

/* ---- Tasks ---- */

enum { CHORES = 100 };

struct chore {
    struct task task;
    LONG number;
};

static struct {
    struct chore all[CHORES];
    LONG order[CHORES + 1];
    volatile LONG done;
    LONG done_before_message;
    LONG done_before_completion;
    HANDLE port;
    struct message message;
    struct deed deed;
} chores;

static void chores__message(struct message *message, struct worker *worker)
{
    (void)message;
    (void)worker;
    chores.done_before_message = chores.done;
}

static void chores__complete(struct operation *operation, uint32_t error, uint32_t bytes)
{
    (void)operation;
    (void)error;
    (void)bytes;
    chores.done_before_completion = chores.done;
}

static void chore__run(struct task *task)
{
    struct chore *chore = LIST_ELEMENT(task, struct chore, task);
    chores.order[chores.done++] = chore->number;
    if (chores.done == 1) { /* while the others wait */
        worker_queue(crew.workers[0], 0, RANK_AGAIN, task);
        worker_send(crew.workers[0], &chores.message);
        PostQueuedCompletionStatus(chores.port, 0, 0, &chores.deed.operation.overlapped);
    }
}

static void queue_chores(struct worker *worker, void *context)
{
    (void)context;
    for (LONG i = 0; i < CHORES; i++) {
        chores.all[i] = (struct chore){.task.run = chore__run, .number = i};
        worker_queue(worker, 0, RANK_AGAIN, &chores.all[i].task);
    }
}

static void test_worker__runs_tasks_in_order_and_looks_at_the_port_in_between(void **state)
{
    (void)state;
    crew_start(1);
    chores.port = port_of(crew.workers[0]);
    chores.done = 0;
    chores.message.run = chores__message;
    deed_init(&chores.deed);
    chores.deed.operation.complete = chores__complete;
    do_on(crew.workers[0], queue_chores, NULL);
    await(&chores.done, CHORES + 1);
    for (LONG i = 0; i < CHORES; i++) {
        assert_int_equal(chores.order[i], i);
    }
    assert_int_equal(chores.order[CHORES], 0); /* which queued itself again, behind all others */
    assert_in_range(chores.done_before_message, 1, 16);
    assert_in_range(chores.done_before_completion, 1, 16);
    await_quiet();
    assert_int_equal(chores.done, CHORES + 1);
    crew_stop();
}

/* ---- Lanes ---- */

enum { BUSY_LANE = 5, QUIET_LANE = 6, LONG_STEP = 2 /* milliseconds */ };

struct step {
    struct task task;
    char name;
};

static struct {
    struct step steps[13];
    int step_count;
    char order[16];
    volatile LONG done;
    bool is_late; /* whether a step saw its turn's end */
    HANDLE port;
    int posts_at;      /* behind so many steps, a client of the quiet lane is heard; -1: never */
    struct deed quiet; /* that */
} lanes;

static void lanes__note(char name)
{
    lanes.order[lanes.done] = name;
    InterlockedIncrement(&lanes.done);
}

static void lanes__quiet(struct operation *operation, uint32_t error, uint32_t bytes)
{
    (void)operation, (void)error, (void)bytes;
    lanes__note('!');
}

static void step__run(struct task *task)
{
    const struct step *step = LIST_ELEMENT(task, struct step, task);
    if (step->name == 'L') {
        Sleep(LONG_STEP);
        lanes.is_late |= worker_is_turn_over(crew.workers[0]);
    }
    lanes__note(step->name);
    if (lanes.done == lanes.posts_at) {
        assert_true(PostQueuedCompletionStatus(lanes.port, 0, QUIET_LANE, &lanes.quiet.operation.overlapped));
    }
}

static struct task *lanes__step(char name)
{
    struct step *step = &lanes.steps[lanes.step_count++];
    *step = (struct step){.task.run = step__run, .name = name};
    return &step->task;
}

static void lanes__start(int posts_at)
{
    crew_start(1);
    memset(&lanes, 0, sizeof lanes);
    lanes.port = port_of(crew.workers[0]);
    lanes.posts_at = posts_at;
    deed_init(&lanes.quiet);
    lanes.quiet.operation.complete = lanes__quiet;
}

static void queue_long_steps(struct worker *worker, void *context)
{
    if (context != NULL) {
        worker_queue(worker, QUIET_LANE, RANK_FRESH, lanes__step('q')); /* two endpoints are active */
    }
    for (int i = 0; i < 12; i++) {
        worker_queue(worker, BUSY_LANE, RANK_FRESH, lanes__step('L'));
    }
}

static void test_worker__a_quiet_lane_waits_for_one_step_of_a_busy_one(void **state)
{
    (void)state;
    lanes__start(3);
    do_on(crew.workers[0], queue_long_steps, &lanes);
    await(&lanes.done, 14);
    assert_string_equal(lanes.order, "qLLL!LLLLLLLLL"); /* one step after it was there */
    assert_true(lanes.is_late);
    crew_stop();
}

/* While one endpoint has the worker for itself, its turns are as long as there is work, for looking costs a call. */
static void test_worker__a_lane_alone_is_not_cut_short(void **state)
{
    (void)state;
    lanes__start(-1);
    do_on(crew.workers[0], queue_long_steps, NULL);
    await(&lanes.done, 12);
    clock_advance(1500); /* nobody else has been active for long */
    lanes.is_late = false;
    lanes.done = lanes.step_count = 0;
    lanes.posts_at = 3;
    do_on(crew.workers[0], queue_long_steps, NULL);
    await(&lanes.done, 13);
    assert_string_equal(lanes.order, "LLLLLLLLLLLL!");
    assert_false(lanes.is_late);
    crew_stop();
}

/* ---- Timers, and the clock ---- */

struct alarm {
    struct timer timer;
    struct worker *worker;
    uint64_t due;
    uint64_t fired_at;
    volatile LONG fired;
};

static void alarm__fire(struct timer *timer)
{
    struct alarm *alarm = LIST_ELEMENT(timer, struct alarm, timer);
    alarm->fired_at = worker_now(alarm->worker);
    InterlockedIncrement(&alarm->fired);
}

static void set_alarm(struct worker *worker, void *context)
{
    struct alarm *alarm = context;
    timer_set(worker_timers(worker), &alarm->timer, alarm->due);
}

static void alarm_init(struct alarm *alarm, struct worker *worker, uint64_t due)
{
    *alarm = (struct alarm){.worker = worker, .due = due};
    timer_init(&alarm->timer, alarm__fire);
}

static void test_worker__wakes_up_for_a_timer(void **state)
{
    (void)state;
    static struct alarm alarms[3];
    clock_set((UINT64_C(1) << 32) - 1000); /* a second before 32 bits are full */
    crew_start(1);
    const uint64_t start = clock_now();
    alarm_init(&alarms[0], crew.workers[0], start + 150);
    alarm_init(&alarms[1], crew.workers[0], start + 3600000);
    alarm_init(&alarms[2], crew.workers[0], start + UINT64_C(10000000000));
    for (int i = 0; i < 3; i++) {
        do_on(crew.workers[0], set_alarm, &alarms[i]);
    }
    await(&alarms[0].fired, 1); /* by the clock's own going */
    assert_true(alarms[0].fired_at >= alarms[0].due);
    assert_stays(&alarms[1].fired, 0);
    clock_set(alarms[1].due - 1);
    clock_advance(TIMER_TICK + 1);
    await(&alarms[1].fired, 1);
    assert_true(alarms[1].fired_at >= alarms[1].due);
    assert_stays(&alarms[2].fired, 0);
    clock_set(alarms[2].due + TIMER_TICK);
    await(&alarms[2].fired, 1);
    assert_stays(&alarms[0].fired, 1);
    crew_stop();
}

struct spinner {
    struct task task;
    volatile LONG runs;
    volatile LONG is_ending;
};

static void spinner__run(struct task *task)
{
    struct spinner *spinner = LIST_ELEMENT(task, struct spinner, task);
    InterlockedIncrement(&spinner->runs);
    if (spinner->is_ending == 0) {
        worker_queue(crew.workers[0], 0, RANK_AGAIN, task);
    }
}

static void queue_spinner(struct worker *worker, void *context)
{
    struct spinner *spinner = context;
    worker_queue(worker, 0, RANK_AGAIN, &spinner->task);
}

static void test_worker__tasks_without_end_keep_nobody_else_out(void **state)
{
    (void)state;
    static struct spinner spinner;
    static struct alarm alarm;
    crew_start(1);
    spinner = (struct spinner){.task.run = spinner__run};
    do_on(crew.workers[0], queue_spinner, &spinner);
    await(&spinner.runs, 100);
    alarm_init(&alarm, crew.workers[0], clock_now() + 200);
    do_on(crew.workers[0], set_alarm, &alarm);
    await(&alarm.fired, 1);
    const LONG runs = spinner.runs;
    await(&spinner.runs, runs + 100);
    spinner.is_ending = 1;
    await_quiet();
    await_quiet();
    const LONG last = spinner.runs;
    assert_stays(&spinner.runs, last);
    crew_stop();
}

/* Told in the turn after it was sent. */
static struct {
    struct message message;
    struct spinner spinner;
    volatile LONG runs; /* of the spinner before it */
    volatile LONG is_told;
} next_turn;

static void next_turn__run(struct message *message, struct worker *worker)
{
    (void)message, (void)worker;
    next_turn.runs = next_turn.spinner.runs;
    next_turn.spinner.is_ending = 1;
    InterlockedExchange(&next_turn.is_told, 1);
}

static void spin_until_next_turn(struct worker *worker, void *context)
{
    (void)context;
    worker_queue(worker, 0, RANK_AGAIN, &next_turn.spinner.task);
    worker_send(worker, &next_turn.message);
}

/* Or one busy connection would make a turn sixteen times as long. */
static void test_worker__a_task_runs_once_a_turn_though_it_queues_itself_again(void **state)
{
    (void)state;
    crew_start(1);
    memset(&next_turn, 0, sizeof next_turn);
    next_turn.spinner.task.run = spinner__run;
    next_turn.message.run = next_turn__run;
    do_on(crew.workers[0], spin_until_next_turn, NULL);
    await(&next_turn.is_told, 1);
    assert_int_equal(next_turn.runs, 1);
    await_quiet();
    await_quiet();
    crew_stop();
}

static struct {
    uint64_t first, second;
} times;

static void read_time_twice(struct worker *worker, void *context)
{
    (void)context;
    times.first = worker_now(worker);
    clock_advance(5000);
    times.second = worker_now(worker);
}

static void test_worker__reads_the_clock_once_a_turn(void **state)
{
    (void)state;
    crew_start(1);
    const uint64_t start = clock_now();
    do_on(crew.workers[0], read_time_twice, NULL);
    assert_true(times.first >= start && times.first <= start + PATIENCE);
    assert_true(times.second == times.first);
    do_on(crew.workers[0], read_time_twice, NULL);
    assert_true(times.first >= start + 5000);
    crew_stop();
}

/* ---- A port that fails ---- */

static void test_worker__does_not_spin_when_its_port_fails(void **state)
{
    (void)state;
    crew_start(1);
    fault_arm(IMPORT_GetQueuedCompletionStatusEx, 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
    do_on(crew.workers[0], do_nothing, NULL); /* ends the call that waits since before */
    const ULONGLONG start = SEAM_REAL(GetTickCount64)();
    const uint32_t before = fault_calls(IMPORT_GetQueuedCompletionStatusEx);
    Sleep(300);
    const uint32_t calls = fault_calls(IMPORT_GetQueuedCompletionStatusEx) - before;
    const ULONGLONG passed = SEAM_REAL(GetTickCount64)() - start;
    assert_in_range(calls, 1, passed + passed / 4 + 10); /* at most one a millisecond */
    do_on(crew.workers[0], do_nothing, NULL);            /* messages get through all the same */
    fault_clear();
    do_on(crew.workers[0], do_nothing, NULL);
    await_quiet();
    const uint32_t calm = fault_calls(IMPORT_GetQueuedCompletionStatusEx);
    Sleep(A_WHILE);
    assert_in_range(fault_calls(IMPORT_GetQueuedCompletionStatusEx), calm, calm + 1); /* asleep again */
    crew_stop();
}

static struct deed never;

/* What is in `removed` and in the entries then is anything. */
static BOOL WINAPI time_out_leaving_rubbish(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG count,
                                            PULONG removed, DWORD timeout, BOOL is_alertable)
{
    const BOOL result =
        SEAM_REAL(GetQueuedCompletionStatusEx)(port, entries, count, removed, timeout, is_alertable);
    if (!result) {
        const DWORD error = GetLastError();
        entries[0].lpOverlapped = &never.operation.overlapped;
        *removed = 1;
        SetLastError(error);
    }
    return result;
}

static void test_worker__believes_nothing_of_a_wait_that_timed_out(void **state)
{
    (void)state;
    static struct alarm alarm;
    deed_init(&never);
    seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)time_out_leaving_rubbish);
    crew_start(1);
    alarm_init(&alarm, crew.workers[0], clock_now() + 150);
    do_on(crew.workers[0], set_alarm, &alarm);
    await(&alarm.fired, 1);
    await_quiet();
    assert_int_equal(never.completed, 0);
    crew_stop();
}

/* ---- Waiting for a release ---- */

struct hope {
    struct release_waiter waiter;
    struct worker *worker;
    volatile LONG runs;
    volatile LONG elsewhere; /* runs on another thread than its worker's */
    bool hopes_again;
    struct hope *gives_up; /* another one, which need not wait any more */
};

static void hope__run(struct release_waiter *waiter)
{
    struct hope *hope = LIST_ELEMENT(waiter, struct hope, waiter);
    hope->elsewhere += !worker_is_current(hope->worker);
    if (hope->hopes_again) {
        worker_wait_for_release(hope->worker, waiter);
    }
    if (hope->gives_up != NULL) {
        worker_forget_release(hope->worker, &hope->gives_up->waiter);
    }
    InterlockedIncrement(&hope->runs);
}

static void hope_init(struct hope *hope, struct worker *worker)
{
    *hope = (struct hope){.worker = worker};
    release_waiter_init(&hope->waiter, hope__run);
}

static void start_hoping(struct worker *worker, void *context)
{
    struct hope *hope = context;
    worker_wait_for_release(worker, &hope->waiter);
}

static void stop_hoping(struct worker *worker, void *context)
{
    struct hope *hope = context;
    worker_forget_release(worker, &hope->waiter);
}

static void release(struct worker *worker, void *context)
{
    uint32_t *posts = context;
    const uint32_t before = fault_calls(IMPORT_PostQueuedCompletionStatus);
    worker_released(worker);
    if (posts != NULL) {
        *posts = fault_calls(IMPORT_PostQueuedCompletionStatus) - before;
    }
}

static void test_worker__a_release_anywhere_runs_those_who_wait_everywhere(void **state)
{
    (void)state;
    static struct hope hopes[3][2];
    uint32_t posts = 99;
    crew_start(3);
    do_on(crew.workers[1], release, &posts);
    assert_int_equal(posts, 0); /* nobody waits */
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < 2; k++) {
            hope_init(&hopes[i][k], crew.workers[i]);
            do_on(crew.workers[i], start_hoping, &hopes[i][k]);
        }
        do_on(crew.workers[i], start_hoping, &hopes[i][0]); /* twice is once */
    }
    do_on(crew.workers[1], release, &posts);
    assert_int_equal(posts, 3);
    for (unsigned i = 0; i < 3; i++) {
        await(&hopes[i][0].runs, 1);
        await(&hopes[i][1].runs, 1);
    }
    do_on(crew.workers[0], release, &posts); /* they are off the list */
    assert_int_equal(posts, 0);
    await_quiet();
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < 2; k++) {
            assert_int_equal(hopes[i][k].runs, 1);
            assert_int_equal(hopes[i][k].elsewhere, 0);
        }
    }
    crew_stop();
}

static void test_worker__a_waiter_may_wait_again_from_within(void **state)
{
    (void)state;
    static struct hope hopes[2];
    crew_start(2);
    for (unsigned i = 0; i < 2; i++) {
        hope_init(&hopes[i], crew.workers[1]);
        hopes[i].hopes_again = true;
        do_on(crew.workers[1], start_hoping, &hopes[i]);
    }
    for (LONG run = 1; run <= 3; run++) {
        do_on(crew.workers[0], release, NULL);
        await(&hopes[0].runs, run);
        await(&hopes[1].runs, run);
        await_quiet();
        assert_int_equal(hopes[0].runs, run); /* once for each release */
        assert_int_equal(hopes[1].runs, run);
    }
    crew_stop();
}

static void test_worker__a_waiter_may_give_up(void **state)
{
    (void)state;
    static struct hope hopes[3];
    uint32_t posts = 99;
    crew_start(2);
    for (unsigned i = 0; i < 3; i++) {
        hope_init(&hopes[i], crew.workers[0]);
        do_on(crew.workers[0], start_hoping, &hopes[i]);
    }
    do_on(crew.workers[0], stop_hoping, &hopes[0]);
    do_on(crew.workers[0], stop_hoping, &hopes[0]);
    hopes[1].gives_up = &hopes[2]; /* each of the two before it was its turn */
    hopes[2].gives_up = &hopes[1];
    do_on(crew.workers[1], release, &posts);
    assert_int_equal(posts, 1);
    await_quiet();
    assert_int_equal(hopes[0].runs, 0);
    assert_int_equal(hopes[1].runs + hopes[2].runs, 1);

    do_on(crew.workers[0], start_hoping, &hopes[0]);
    do_on(crew.workers[0], stop_hoping, &hopes[0]);
    do_on(crew.workers[1], release, &posts);
    assert_int_equal(posts, 0); /* the last one has given up */
    crew_stop();
}

/* ---- What it lends ---- */

static void use_what_is_lent(struct worker *worker, void *context)
{
    uint64_t *id = context;
    buffer_put(worker_buffers(worker), buffer_get(worker_buffers(worker), 1)); /* kept, until the end */
    *id = slot_table_id(worker_slots(worker), slot_table_add(worker_slots(worker), SLOT_CONNECTION, context));
    worker_count(worker, NULL, COUNTER_BYTES_SENT, 5);
    worker_count(worker, NULL, COUNTER_BYTES_SENT, UINT64_C(1) << 40);
    worker_enter(worker, "an endpoint", "a handler", "on_data", 4711);
}

static void leave_callback(struct worker *worker, void *context)
{
    (void)context;
    worker_leave(worker);
}

static void test_worker__lends_and_counts(void **state)
{
    (void)state;
    uint64_t id = 0;
    crew_start(2);
    assert_null(worker_current_callback(crew.workers[1]).endpoint);
    do_on(crew.workers[1], use_what_is_lent, &id);
    assert_int_equal(slot_worker(id), 1);
    assert_true(worker_nobodys(crew.workers[1])->at[COUNTER_BYTES_SENT] == (UINT64_C(1) << 40) + 5);
    assert_true(worker_nobodys(crew.workers[0])->at[COUNTER_BYTES_SENT] == 0);
    assert_true(worker_nobodys(crew.workers[1])->at[COUNTER_BYTES_RECEIVED] == 0);
    const struct callback callback = worker_current_callback(crew.workers[1]);
    assert_string_equal(callback.endpoint, "an endpoint");
    assert_string_equal(callback.handler, "a handler");
    assert_int_equal(callback.id, 4711);
    do_on(crew.workers[1], leave_callback, NULL);
    assert_null(worker_current_callback(crew.workers[1]).endpoint);
    worker_add_load(crew.workers[0], 3);
    worker_add_load(crew.workers[0], -1);
    assert_int_equal(worker_load(crew.workers[0]), 2);
    assert_int_equal(worker_load(crew.workers[1]), 0);
    crew_stop();
}

/* Where whoever comes after the process looks for it. */
static void test_worker__publishes_its_callback(void **state)
{
    static const char endpoint[] = "an endpoint";
    struct breadcrumb_callback callback;
    uint64_t id = 0;
    (void)state;
    struct breadcrumb *breadcrumb = memory_alloc(breadcrumb_size(1));
    breadcrumb_init(breadcrumb, 1, "1");
    breadcrumb_add_name(breadcrumb, endpoint, "a handler");
    crew_create(2);
    worker_publish(crew.workers[0], NULL);
    worker_publish(crew.workers[1], breadcrumb_place(breadcrumb, 1));
    for (unsigned i = 0; i < 2; i++) {
        DWORD error = 1;
        assert_true(worker_start(crew.workers[i], crew.workers, &error));
    }
    do_on(crew.workers[0], use_what_is_lent, &id);
    assert_string_equal(worker_current_callback(crew.workers[0]).endpoint, endpoint);
    assert_false(breadcrumb_callback_at(breadcrumb, 0, &callback));
    do_on(crew.workers[1], use_what_is_lent, &id);
    assert_true(breadcrumb_callback_at(breadcrumb, 1, &callback));
    assert_true(callback.id == 4711);
    assert_true(callback.thread != 0 && callback.thread != GetCurrentThreadId());
    assert_true(breadcrumb_callback_of(breadcrumb, callback.thread, &callback));
    do_on(crew.workers[1], leave_callback, NULL);
    assert_false(breadcrumb_callback_of(breadcrumb, callback.thread, &callback));
    crew_stop();
    memory_free(breadcrumb);
}

/* ---- Life ---- */

static void test_worker__stops_within_a_second_when_idle(void **state)
{
    (void)state;
    for (int round = 0; round < 25; round++) {
        crew_start(CREW_MAX);
        for (unsigned i = 0; i < CREW_MAX; i++) {
            const ULONGLONG start = SEAM_REAL(GetTickCount64)();
            assert_true(worker_stop(crew.workers[i], PATIENCE));
            assert_true(SEAM_REAL(GetTickCount64)() - start < 1000);
            assert_true(worker_stop(crew.workers[i], 0)); /* it has ended */
        }
        crew_destroy();
    }
}

static void test_worker__a_stop_that_took_too_long_can_be_repeated(void **state)
{
    (void)state;
    static struct bell bell;
    crew_start(1);
    bell_init(&bell);
    hold(0);
    for (int i = 0; i < 3; i++) {
        const ULONGLONG start = SEAM_REAL(GetTickCount64)();
        assert_false(worker_stop(crew.workers[0], 50));
        assert_in_range(SEAM_REAL(GetTickCount64)() - start, 30, PATIENCE);
    }
    worker_signal(crew.workers[0], &bell.signal); /* behind the stop, and still in time */
    let_go();
    assert_true(worker_stop(crew.workers[0], PATIENCE));
    assert_int_equal(bell.runs, 1);
    crew_stop();
}

static void test_worker__stops_although_wake_ups_fail(void **state)
{
    (void)state;
    crew_start(1);
    await_quiet();
    fault_arm(IMPORT_PostQueuedCompletionStatus, 1, ERROR_NO_SYSTEM_RESOURCES, 5);
    assert_true(worker_stop(crew.workers[0], PATIENCE));
    assert_int_equal(fault_hits(), 5);
    fault_clear();
    crew_stop();
}

static void stop_and_send_later(struct worker *worker, void *context)
{
    static struct parcel parcel;
    (void)context;
    parcel = (struct parcel){.message.run = parcel__run};
    worker_send_later(worker, crew.workers[1], &parcel.message);
}

static void test_worker__sends_in_its_last_turn(void **state)
{
    (void)state;
    received = mistakes = senders[0].next = 0;
    crew_start(2);
    hold(0);
    send_errand(crew.workers[0], stop_and_send_later, NULL);
    assert_false(worker_stop(crew.workers[0], 0)); /* the stop is in the same turn */
    let_go();
    assert_true(worker_stop(crew.workers[0], PATIENCE));
    await(&received, 1);
    assert_int_equal(mistakes, 0);
    crew_stop();
}

static void test_worker__cannot_be_created_without_memory_or_port(void **state)
{
    (void)state;
    DWORD error = 0;
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_null(worker_create(0, 1, NULL, &error));
    assert_int_equal(error, ERROR_NOT_ENOUGH_MEMORY);
    fault_arm(IMPORT_CreateIoCompletionPort, 1, ERROR_NO_SYSTEM_RESOURCES, 1);
    assert_null(worker_create(0, 1, NULL, &error));
    assert_int_equal(error, ERROR_NO_SYSTEM_RESOURCES);
    worker_destroy(NULL);
}

static void test_worker__cannot_be_started_without_a_thread(void **state)
{
    (void)state;
    DWORD error = 0;
    crew_create(1);
    fault_arm(IMPORT_CreateThread, 1, ERROR_NOT_ENOUGH_MEMORY, 1);
    assert_false(worker_start(crew.workers[0], crew.workers, &error));
    assert_int_equal(error, ERROR_NOT_ENOUGH_MEMORY);
    assert_false(worker_is_current(crew.workers[0]));
    assert_true(worker_stop(crew.workers[0], 0));
    assert_true(worker_start(crew.workers[0], crew.workers, &error)); /* another time */
    assert_int_equal(error, 0);
    do_on(crew.workers[0], do_nothing, NULL);
    crew_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        crew_test(test_worker__loses_no_message_of_many_threads),
        crew_test(test_worker__runs_what_was_sent_before_its_start),
        crew_test(test_worker__knows_its_own_thread),
        crew_test(test_worker__wakes_a_peer_once_for_all_that_goes_to_it),
        crew_test(test_worker__runs_a_signal_once_however_often_it_was_sent),
        crew_test(test_worker__no_signal_is_overheard),
        crew_test(test_worker__tells_of_trouble_and_a_sweep_delivers),
        crew_test(test_worker__tells_of_trouble_with_what_leaves_at_the_end_of_a_turn),
        crew_test(test_worker__loses_no_message_when_half_of_the_wake_ups_fail),
        crew_test(test_worker__hands_every_completion_to_its_operation),
        crew_test(test_worker__ignores_a_completion_of_nothing),
        crew_test(test_worker__completes_what_a_socket_does),
        crew_test(test_worker__tells_when_a_socket_cannot_be_associated),
        crew_test(test_worker__runs_tasks_in_order_and_looks_at_the_port_in_between),
        crew_test(test_worker__a_quiet_lane_waits_for_one_step_of_a_busy_one),
        crew_test(test_worker__a_lane_alone_is_not_cut_short),
        crew_test(test_worker__wakes_up_for_a_timer),
        crew_test(test_worker__tasks_without_end_keep_nobody_else_out),
        crew_test(test_worker__a_task_runs_once_a_turn_though_it_queues_itself_again),
        crew_test(test_worker__reads_the_clock_once_a_turn),
        crew_test(test_worker__does_not_spin_when_its_port_fails),
        crew_test(test_worker__believes_nothing_of_a_wait_that_timed_out),
        crew_test(test_worker__a_release_anywhere_runs_those_who_wait_everywhere),
        crew_test(test_worker__a_waiter_may_wait_again_from_within),
        crew_test(test_worker__a_waiter_may_give_up),
        crew_test(test_worker__lends_and_counts),
        crew_test(test_worker__publishes_its_callback),
        crew_test(test_worker__stops_within_a_second_when_idle),
        crew_test(test_worker__a_stop_that_took_too_long_can_be_repeated),
        crew_test(test_worker__stops_although_wake_ups_fail),
        crew_test(test_worker__sends_in_its_last_turn),
        crew_test(test_worker__cannot_be_created_without_memory_or_port),
        crew_test(test_worker__cannot_be_started_without_a_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
