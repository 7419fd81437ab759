/* SPDX-License-Identifier: MIT
   Ordeals, see ordeal.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/ordeal.h"

#include <cmocka.h>

#include "support/clock.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/random.h"
#include "support/seam.h"
#include "support/sites.h"
#include "support/support.h"
#include "support/wall_clock.h"
#include "support/watchdog.h"

enum {
    ORDEAL_SCENARIOS = 200,
    ORDEAL_CALLS = 20000, /* of one scenario */
    ORDEAL_SLOWNESS = 4,  /* times its time in peace: a busy machine */
    ORDEAL_HANG = 5000,   /* and so many milliseconds more: it hangs */
    ORDEAL_END = 20000,   /* a recovery; an end, which gives threads five seconds of its own */
    ORDEAL_PROBLEMS = 20  /* so many are enough */
};

enum ordeal_mode { ORDEAL_ONCE, ORDEAL_FROM_THEN_ON, ORDEAL_TO_THE_END, ORDEAL_MODES };
static const char *const mode_names[ORDEAL_MODES] = {"once", "from-then-on", "to-the-end"};

/* What a scenario does in peace. */
struct ordeal_plan {
    const struct scenario *scenario;
    struct site_call *calls;
    size_t count;
    uint32_t milliseconds;
};

/* One run of a scenario with one fault. */
struct ordeal_try {
    const struct ordeal_plan *plan;
    struct site_call call;
    DWORD code;
    enum ordeal_mode mode;
};

static struct {
    const struct scenario_kind *kind;
    struct ordeal_plan plans[ORDEAL_SCENARIOS];
    size_t plan_count;
    unsigned seconds;       /* of the sample */
    struct ordeal_try once; /* --once */
    const char *report;     /* --full */
    char doing[512];        /* the run that is under way */
    unsigned long tries, hits, problems;
} ordeal;

static struct site_call recording[ORDEAL_CALLS];

/* ---- One run ---- */

static void ordeal__describe(const struct ordeal_try *try)
{
    char room[512];
    struct text text;
    text_init(&text, room, sizeof room);
    sites_add(&text, try->call.import, try->call.at);
    snprintf(ordeal.doing, sizeof ordeal.doing, "--once %s %s %u %lu %s (%s)", try->plan->scenario->name,
             seam_name(try->call.import), (unsigned)try->call.nth, (unsigned long)try->code,
             mode_names[try->mode], room);
}

static void ordeal__complain(const char *what)
{
    const char *step = ordeal.kind->failed_step();
    ordeal.problems++;
    print_error("%s: %s; its first failed step: %s\n", ordeal.doing, what, step != NULL ? step : "none");
}

/* Ends what there is. What does not end now never will. */
static void ordeal__end(void)
{
    const char *what = "";
    watchdog_begin(ordeal.doing, ORDEAL_END);
    if (!ordeal.kind->end(&what)) {
        ordeal__complain(what);
        fprintf(stderr, "nothing more can be tried in this process\n");
        SEAM_REAL(TerminateProcess)(GetCurrentProcess(), 1);
    }
    watchdog_end();
}

static void ordeal__restore(void)
{
    fault_clear();
    seam_restore();
    clock_reset();
    wall_clock_reset();
}

static void ordeal__recover(void)
{
    const char *what = "";
    watchdog_begin(ordeal.doing, ORDEAL_END);
    if (!ordeal.kind->recover(&what)) {
        ordeal__complain(what);
    }
}

/* Behind the scenario: when the fault ends, what is looked at, and how all ends. */
static void ordeal__finish(enum ordeal_mode mode)
{
    const char *ignored = NULL;
    const bool is_to_come = mode == ORDEAL_ONCE && fault_hits() == 0; /* at the end, perhaps */
    clock_go_on(); /* where the scenario has stopped it: nothing would end that waits for a time */
    if (mode == ORDEAL_TO_THE_END) {
        watchdog_begin(ordeal.doing, ORDEAL_END);
        ordeal.kind->end(&ignored); /* it may give up, as long as the next try does not */
    }
    ordeal.hits += fault_hits() > 0;
    if (!is_to_come) {
        clock_stop(); /* first: what has just failed reckons from no later time */
        fault_clear();
        ordeal__recover();
        clock_go_on();
    }
    ordeal__end();
    ordeal.hits += is_to_come && fault_hits() > 0;
}

static void ordeal__try(const struct ordeal_try *try)
{
    ordeal__restore();
    ordeal__describe(try);
    ledger_begin();
    ordeal.tries++;
    ordeal.kind->begin(true);
    fault_arm(try->call.import, try->call.nth, try->code, try->mode == ORDEAL_ONCE ? 1 : FAULT_FOREVER);
    watchdog_begin(ordeal.doing, try->plan->milliseconds * ORDEAL_SLOWNESS + ORDEAL_HANG);
    try->plan->scenario->run();
    ordeal__finish(try->mode);
    ordeal__restore();
    if (ledger_print() > 0) {
        ordeal__complain("things are left over, see above");
    }
    if (ordeal.problems >= ORDEAL_PROBLEMS) {
        fail_msg("that is enough");
    }
    ordeal.doing[0] = '\0';
}

/* ---- In peace ---- */

static void ordeal__keep(struct ordeal_plan *plan, size_t count)
{
    DWORD codes[FAULT_CODES];
    assert_in_range(count, 0, ORDEAL_CALLS);
    plan->calls = calloc(count + 1, sizeof plan->calls[0]);
    assert_non_null(plan->calls);
    for (size_t i = 0; i < count; i++) {
        if (fault_codes(recording[i].import, codes)) {
            plan->calls[plan->count++] = recording[i];
        }
    }
}

static void ordeal__run_in_peace(struct ordeal_plan *plan)
{
    snprintf(ordeal.doing, sizeof ordeal.doing, "%s, in peace", plan->scenario->name);
    ledger_begin();
    ordeal.kind->begin(false);
    sites_record(recording, ORDEAL_CALLS);
    const uint64_t began = SEAM_REAL(GetTickCount64)();
    watchdog_begin(ordeal.doing, 10 * ORDEAL_END);
    const bool is_well = plan->scenario->run();
    plan->milliseconds = (uint32_t)(SEAM_REAL(GetTickCount64)() - began);
    if (!is_well) {
        ordeal__complain("it fails though nothing else does");
    }
    ordeal__end();
    ordeal__keep(plan, sites_end_record());
    ordeal__restore();
    if (ledger_print() > 0) {
        ordeal__complain("things are left over, see above");
    }
    ordeal.doing[0] = '\0';
}

static void test_scenarios__end_well_when_nothing_fails(void **state)
{
    (void)state;
    size_t calls = 0;
    for (size_t i = 0; i < ordeal.plan_count; i++) {
        ordeal__run_in_peace(&ordeal.plans[i]);
        calls += ordeal.plans[i].count;
        print_message("%s: %u calls, %u ms\n", ordeal.plans[i].scenario->name,
                      (unsigned)ordeal.plans[i].count, (unsigned)ordeal.plans[i].milliseconds);
    }
    print_message("%u scenarios with %u calls that can fail\n", (unsigned)ordeal.plan_count, (unsigned)calls);
    assert_int_equal(ordeal.problems, 0);
    assert_true(calls > 0);
}

/* ---- With faults ---- */

static size_t ordeal__count_at(const struct ordeal_plan *plan, const void *at)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++) {
        count += plan->calls[i].at == at;
    }
    return count;
}

/* Each call site with the same chance, however often it is reached. */
static struct site_call ordeal__choose(const struct ordeal_plan *plan, struct random *random)
{
    for (;;) {
        const struct site_call *call = &plan->calls[random_below(random, (uint32_t)plan->count)];
        if (random_below(random, (uint32_t)ordeal__count_at(plan, call->at)) == 0) {
            return *call;
        }
    }
}

static void ordeal__print_sums(void)
{
    print_message("%lu runs with a fault, %lu met it, %lu problems\n", ordeal.tries, ordeal.hits,
                  ordeal.problems);
    assert_int_equal(ordeal.problems, 0);
}

static void test_scenarios__survive_a_sample_of_faults(void **state)
{
    (void)state;
    struct random random = {support_seed()};
    const uint64_t end = SEAM_REAL(GetTickCount64)() + 1000 * (uint64_t)ordeal.seconds;
    while (SEAM_REAL(GetTickCount64)() < end) {
        struct ordeal_try try = {.plan = &ordeal.plans[random_below(&random, (uint32_t)ordeal.plan_count)]};
        DWORD codes[FAULT_CODES];
        try.call = ordeal__choose(try.plan, &random);
        try.mode = (enum ordeal_mode)random_below(&random, ORDEAL_MODES);
        fault_codes(try.call.import, codes);
        try.code = codes[random_below(&random, FAULT_CODES)];
        ordeal__try(&try);
    }
    ordeal__print_sums();
    assert_true(ordeal.hits > 0);
}

static void ordeal__try_all_of(const struct ordeal_plan *plan, struct site_call call)
{
    DWORD codes[FAULT_CODES];
    fault_codes(call.import, codes);
    for (int i = 0; i < FAULT_CODES && (i == 0 || codes[i] != codes[0]); i++) {
        for (int mode = 0; mode < ORDEAL_MODES; mode++) {
            const struct ordeal_try try = {plan, call, codes[i], (enum ordeal_mode)mode};
            ordeal__try(&try);
        }
    }
}

static void test_scenarios__survive_every_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < ordeal.plan_count; i++) {
        for (size_t k = 0; k < ordeal.plans[i].count; k++) {
            ordeal__try_all_of(&ordeal.plans[i], ordeal.plans[i].calls[k]);
        }
    }
    ordeal__print_sums();
}

static void test_scenarios__survive_one_fault(void **state)
{
    (void)state;
    ordeal__try(&ordeal.once);
    ordeal__print_sums();
}

/* ---- The program ---- */

/* Tells what a failed assert has left under way, and ends it. */
static int teardown(void **state)
{
    if (ordeal.doing[0] != '\0') {
        const char *ignored = NULL;
        print_error("it was: %s\n", ordeal.doing);
        ordeal__restore();
        ordeal.kind->end(&ignored);
        watchdog_end();
    }
    return support_teardown(state);
}

#define ordeal_test(test) cmocka_unit_test_setup_teardown(test, support_setup, teardown)

static bool ordeal__write_report(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s.sums", ordeal.report);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    fprintf(file, "%s %lu %lu %lu\n", ordeal.plans[0].scenario->name, ordeal.tries, ordeal.hits,
            ordeal.problems);
    fclose(file);
    snprintf(path, sizeof path, "%s.sites", ordeal.report);
    return sites_write(path);
}

static int ordeal__list(void)
{
    for (const struct scenario *scenario = ordeal.kind->scenarios; scenario->name != NULL; scenario++) {
        printf("%s\n", scenario->name);
    }
    return 0;
}

/* The scenarios of a part, or the one of this name. */
static bool ordeal__plan(size_t part, size_t parts, const char *name)
{
    for (size_t i = 0; ordeal.kind->scenarios[i].name != NULL; i++) {
        const struct scenario *scenario = &ordeal.kind->scenarios[i];
        const bool is_wanted = name != NULL ? strcmp(scenario->name, name) == 0 : i % parts == part - 1;
        if (is_wanted && ordeal.plan_count < ORDEAL_SCENARIOS) {
            ordeal.plans[ordeal.plan_count++].scenario = scenario;
        }
    }
    return ordeal.plan_count > 0;
}

static int ordeal__run_full(const char *name, const char *report)
{
    const struct CMUnitTest tests[] = {ordeal_test(test_scenarios__end_well_when_nothing_fails),
                                       ordeal_test(test_scenarios__survive_every_fault)};
    ordeal.report = report;
    if (!ordeal__plan(1, 1, name)) {
        return 2;
    }
    const int status = cmocka_run_group_tests(tests, NULL, NULL);
    return ordeal__write_report() ? status : 1;
}

static int ordeal__run_once(char **arguments)
{
    const struct CMUnitTest tests[] = {ordeal_test(test_scenarios__survive_one_fault)};
    if (!ordeal__plan(1, 1, arguments[0])) {
        return 2;
    }
    struct ordeal_try *once = &ordeal.once;
    once->plan = &ordeal.plans[0];
    while (once->call.import < IMPORT_COUNT - 1 && strcmp(seam_name(once->call.import), arguments[1]) != 0) {
        once->call.import++;
    }
    once->call.nth = (uint32_t)strtoul(arguments[2], NULL, 10);
    once->code = (DWORD)strtoul(arguments[3], NULL, 10);
    while (once->mode < ORDEAL_MODES - 1 && strcmp(mode_names[once->mode], arguments[4]) != 0) {
        once->mode++;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int ordeal_main(int count, char **arguments, const struct scenario_kind *kind)
{
    const struct CMUnitTest tests[] = {ordeal_test(test_scenarios__end_well_when_nothing_fails),
                                       ordeal_test(test_scenarios__survive_a_sample_of_faults)};
    ordeal.kind = kind;
    setvbuf(stdout, NULL, _IONBF, 0);
    setvbuf(stderr, NULL, _IONBF, 0);
    if (count == 2 && strcmp(arguments[1], "--list") == 0) {
        return ordeal__list();
    }
    if (count == 4 && strcmp(arguments[1], "--full") == 0) {
        return ordeal__run_full(arguments[2], arguments[3]);
    }
    if (count == 7 && strcmp(arguments[1], "--once") == 0) {
        return ordeal__run_once(arguments + 2);
    }
    const size_t part = count > 1 ? strtoul(arguments[1], NULL, 10) : 1;
    const size_t parts = count > 2 ? strtoul(arguments[2], NULL, 10) : 1;
    ordeal.seconds = count > 3 ? strtoul(arguments[3], NULL, 10) : 20;
    if (part < 1 || parts < part || !ordeal__plan(part, parts, NULL)) {
        fprintf(stderr, "usage: see ordeal.h\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
