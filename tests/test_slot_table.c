/* SPDX-License-Identifier: MIT
   Tests of io/slot_table.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "io/slot_table.h"
#include "support/random.h"
#include "support/support.h"

static char objects[4096]; /* something to point at */

static const enum slot_kind kinds[] = {SLOT_CONNECTION, SLOT_DATAGRAM, SLOT_ENDPOINT, SLOT_SESSION};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static uint64_t add(struct slot_table *table, enum slot_kind kind, void *object)
{
    const uint32_t slot = slot_table_add(table, kind, object);
    assert_int_not_equal(slot, SLOT_NONE);
    const uint64_t id = slot_table_id(table, slot);
    assert_int_not_equal((uint32_t)id, 0); /* no generation is zero */
    return id;
}

static uint32_t slot_of(uint64_t id)
{
    return (uint32_t)(id >> 32) & SLOT_NONE;
}

static void assert_finds_nothing(const struct slot_table *table, uint64_t id)
{
    assert_null(slot_table_find(table, id, SLOT_FREE));
    for (size_t i = 0; i < KINDS; i++) {
        assert_null(slot_table_find(table, id, kinds[i]));
    }
}

static void test_slot_table__an_id_finds_its_object_as_its_kind_only(void **state)
{
    (void)state;
    struct slot_table table;
    uint64_t ids[KINDS];
    slot_table_init(&table, 3);
    for (size_t i = 0; i < KINDS; i++) {
        ids[i] = add(&table, kinds[i], &objects[i]);
    }
    for (size_t i = 0; i < KINDS; i++) {
        assert_null(slot_table_find(&table, ids[i], SLOT_FREE));
        for (size_t as = 0; as < KINDS; as++) {
            assert_ptr_equal(slot_table_find(&table, ids[i], kinds[as]), as == i ? &objects[i] : NULL);
        }
        assert_int_equal(slot_kind(ids[i]), kinds[i]);
        assert_int_equal(slot_worker(ids[i]), 3);
    }
    slot_table_fini(&table);
}

static void test_slot_table__an_id_is_stale_once_its_object_is_gone(void **state)
{
    (void)state;
    struct slot_table table;
    uint64_t old[1000];
    slot_table_init(&table, 0);
    for (size_t i = 0; i < 1000; i++) {
        const uint64_t id = add(&table, SLOT_CONNECTION, &objects[i]);
        assert_int_equal(slot_of(id), 0); /* the slot is used again at once */
        assert_ptr_equal(slot_table_find(&table, id, SLOT_CONNECTION), &objects[i]);
        for (size_t before = 0; before < i; before++) {
            assert_true(old[before] != id);
            assert_null(slot_table_find(&table, old[before], SLOT_CONNECTION));
        }
        slot_table_remove(&table, slot_of(id));
        assert_finds_nothing(&table, id);
        assert_finds_nothing(&table, slot_table_id(&table, slot_of(id))); /* the free slot's own */
        old[i] = id;
    }
    slot_table_fini(&table);
}

static void test_slot_table__renewing_keeps_the_object_under_a_new_id(void **state)
{
    (void)state;
    struct slot_table table;
    slot_table_init(&table, 0);
    const uint64_t old = add(&table, SLOT_DATAGRAM, &objects[5]);
    slot_table_renew(&table, slot_of(old));
    const uint64_t renewed = slot_table_id(&table, slot_of(old));
    assert_true(old != renewed);
    assert_finds_nothing(&table, old);
    assert_ptr_equal(slot_table_find(&table, renewed, SLOT_DATAGRAM), &objects[5]);
    slot_table_fini(&table);
}

static void test_slot_table__an_id_names_its_worker(void **state)
{
    (void)state;
    static const unsigned workers[] = {0, 1, 2, 63, 127, 128, 253};
    enum { WORKERS = sizeof workers / sizeof workers[0] };
    struct slot_table tables[WORKERS];
    uint64_t ids[WORKERS];
    for (size_t i = 0; i < WORKERS; i++) {
        slot_table_init(&tables[i], workers[i]);
        ids[i] = add(&tables[i], SLOT_CONNECTION, &objects[i]);
        assert_int_equal(slot_worker(ids[i]), workers[i]);
    }
    for (size_t i = 0; i < WORKERS; i++) { /* the same slot and generation everywhere */
        for (size_t at = 0; at < WORKERS; at++) {
            assert_ptr_equal(slot_table_find(&tables[at], ids[i], SLOT_CONNECTION),
                             at == i ? &objects[i] : NULL);
        }
    }
    for (size_t i = 0; i < WORKERS; i++) {
        slot_table_fini(&tables[i]);
    }
    assert_true(slot_worker(0) > 253); /* zero names nobody */
    assert_int_equal(slot_worker(UINT64_MAX), 254);
}

static void test_slot_table__made_up_ids_find_nothing(void **state)
{
    (void)state;
    struct slot_table table;
    struct random random = {7};
    slot_table_init(&table, 9);
    assert_finds_nothing(&table, 0);
    assert_finds_nothing(&table, UINT64_C(0x0A00000000000001)); /* the first slot of an empty table */
    const uint64_t id = add(&table, SLOT_CONNECTION, &objects[0]);
    for (unsigned bit = 0; bit < 64; bit++) {
        assert_finds_nothing(&table, id ^ UINT64_C(1) << bit);
    }
    for (unsigned i = 0; i < 100000; i++) {
        const uint64_t made_up = (uint64_t)random_next(&random) << 32 | random_next(&random);
        assert_true(made_up == id || slot_table_find(&table, made_up, SLOT_CONNECTION) == NULL);
    }
    assert_finds_nothing(&table, id + ((uint64_t)SLOT_TABLE_CHUNK << 32)); /* the first slot beyond */
    assert_finds_nothing(&table, id | (uint64_t)SLOT_NONE << 32);
    slot_table_fini(&table);
}

static void test_slot_table__the_generation_wraps_past_zero(void **state)
{
    (void)state;
    struct slot_table table;
    slot_table_init(&table, 0);
    const uint32_t slot = slot_table_add(&table, SLOT_CONNECTION, &objects[0]);
    table.chunks[0][slot].generation = UINT32_MAX; /* after four thousand million uses */
    const uint64_t last = slot_table_id(&table, slot);
    assert_ptr_equal(slot_table_find(&table, last, SLOT_CONNECTION), &objects[0]);
    slot_table_remove(&table, slot);
    assert_int_equal(slot_table_add(&table, SLOT_CONNECTION, &objects[1]), slot);
    const uint64_t first = slot_table_id(&table, slot);
    assert_int_equal((uint32_t)first, 1);
    assert_finds_nothing(&table, last);
    assert_finds_nothing(&table, first - 1);
    assert_ptr_equal(slot_table_find(&table, first, SLOT_CONNECTION), &objects[1]);
    slot_table_fini(&table);
}

static void test_slot_table__walks_over_the_objects_of_a_kind(void **state)
{
    (void)state;
    enum { COUNT = 3 * SLOT_TABLE_CHUNK + 5 };
    struct slot_table table;
    uint32_t slot = 0;
    slot_table_init(&table, 0);
    assert_null(slot_table_next(&table, SLOT_CONNECTION, &slot));
    for (size_t i = 0; i < COUNT; i++) {
        add(&table, kinds[i % KINDS], &objects[i]);
    }
    for (size_t i = 0; i < COUNT; i += 2) {
        slot_table_remove(&table, (uint32_t)i);
    }
    for (size_t kind = 0; kind < KINDS; kind++) {
        slot = 0;
        for (size_t i = kind; i < COUNT; i += KINDS) {
            if (i % 2 != 0) {
                assert_ptr_equal(slot_table_next(&table, kinds[kind], &slot), &objects[i]);
                assert_int_equal(slot, i + 1);
                slot_table_remove(&table, (uint32_t)i); /* the one in hand may go */
            }
        }
        assert_null(slot_table_next(&table, kinds[kind], &slot));
        assert_null(slot_table_next(&table, kinds[kind], &slot));
    }
    slot = UINT32_MAX;
    assert_null(slot_table_next(&table, SLOT_CONNECTION, &slot));
    slot_table_fini(&table);
}

/* The last chunk that ids have room for: the ones before it are not needed for the test. */
static void test_slot_table__ends_where_the_slot_numbers_end(void **state)
{
    (void)state;
    enum { CHUNKS = (SLOT_NONE + 1) / SLOT_TABLE_CHUNK - 1 };
    struct slot_table table;
    slot_table_init(&table, 253);
    table.chunks = memory_alloc((CHUNKS - 1) * sizeof *table.chunks);
    table.chunk_count = CHUNKS - 1;
    for (uint32_t i = 0; i < SLOT_TABLE_CHUNK; i++) {
        const uint64_t id = add(&table, SLOT_ENDPOINT, &objects[i]);
        assert_int_equal(slot_of(id), (CHUNKS - 1) * SLOT_TABLE_CHUNK + i);
        assert_int_equal(slot_worker(id), 253);
        assert_ptr_equal(slot_table_find(&table, id, SLOT_ENDPOINT), &objects[i]);
    }
    assert_int_equal(slot_table_add(&table, SLOT_ENDPOINT, objects), SLOT_NONE);
    slot_table_remove(&table, CHUNKS * SLOT_TABLE_CHUNK - 1);
    assert_int_equal(slot_table_add(&table, SLOT_ENDPOINT, objects), CHUNKS * SLOT_TABLE_CHUNK - 1);
    assert_int_equal(slot_table_add(&table, SLOT_ENDPOINT, objects), SLOT_NONE);
    slot_table_fini(&table);
}

static void test_slot_table__serves_again_after_its_end(void **state)
{
    (void)state;
    struct slot_table table;
    slot_table_init(&table, 0);
    for (int again = 0; again < 3; again++) {
        const uint64_t id = add(&table, SLOT_CONNECTION, &objects[again]);
        assert_ptr_equal(slot_table_find(&table, id, SLOT_CONNECTION), &objects[again]);
        slot_table_fini(&table);
        assert_finds_nothing(&table, id);
    }
}

/* ---- Random, against an oracle ---- */

enum { LIVE = 3000, DEAD = 1000 };

struct entry {
    uint64_t id;
    enum slot_kind kind;
    void *object;
};

struct oracle {
    struct random random;
    struct slot_table table;
    struct entry live[LIVE];
    uint32_t live_count;
    uint64_t dead[DEAD]; /* the last ones */
    unsigned dead_count;
};

static struct entry *oracle__some(struct oracle *oracle)
{
    return &oracle->live[random_below(&oracle->random, oracle->live_count)];
}

static void oracle__bury(struct oracle *oracle, uint64_t id)
{
    oracle->dead[oracle->dead_count++ % DEAD] = id;
}

static void oracle__add(struct oracle *oracle)
{
    struct entry *entry = &oracle->live[oracle->live_count++];
    entry->kind = kinds[random_below(&oracle->random, KINDS)];
    entry->object = &objects[random_below(&oracle->random, sizeof objects)];
    entry->id = add(&oracle->table, entry->kind, entry->object);
}

static void oracle__remove(struct oracle *oracle)
{
    struct entry *entry = oracle__some(oracle);
    slot_table_remove(&oracle->table, slot_of(entry->id));
    oracle__bury(oracle, entry->id);
    *entry = oracle->live[--oracle->live_count];
}

static void oracle__renew(struct oracle *oracle)
{
    struct entry *entry = oracle__some(oracle);
    slot_table_renew(&oracle->table, slot_of(entry->id));
    oracle__bury(oracle, entry->id);
    entry->id = slot_table_id(&oracle->table, slot_of(entry->id));
}

static void oracle__check_some(struct oracle *oracle)
{
    const struct entry *entry = oracle__some(oracle);
    for (size_t i = 0; i < KINDS; i++) {
        assert_ptr_equal(slot_table_find(&oracle->table, entry->id, kinds[i]),
                         kinds[i] == entry->kind ? entry->object : NULL);
    }
    if (oracle->dead_count > 0) {
        const unsigned count = oracle->dead_count < DEAD ? oracle->dead_count : DEAD;
        assert_finds_nothing(&oracle->table, oracle->dead[random_below(&oracle->random, count)]);
    }
}

static void oracle__check_all(struct oracle *oracle)
{
    uint32_t counts[KINDS] = {0}, walked = 0;
    for (uint32_t i = 0; i < oracle->live_count; i++) {
        const struct entry *entry = &oracle->live[i];
        assert_ptr_equal(slot_table_find(&oracle->table, entry->id, entry->kind), entry->object);
        counts[entry->kind - kinds[0]]++;
    }
    for (size_t i = 0; i < KINDS; i++) {
        uint32_t slot = 0, count = 0;
        while (slot_table_next(&oracle->table, kinds[i], &slot) != NULL) {
            count++;
        }
        assert_int_equal(count, counts[i]);
        walked += count;
    }
    assert_int_equal(walked, oracle->live_count);
}

static void test_slot_table__agrees_with_the_oracle(void **state)
{
    (void)state;
    static struct oracle oracle;
    oracle.random.state = 2024;
    slot_table_init(&oracle.table, 17);
    for (unsigned step = 0; step < 100000; step++) {
        const uint32_t wave = step / 10000 % 2 == 0 ? 6 : 3; /* of ten: it fills, then empties */
        const uint32_t choice = random_below(&oracle.random, 10);
        if (oracle.live_count == 0 || (choice < wave && oracle.live_count < LIVE)) {
            oracle__add(&oracle);
        } else if (choice < 9) {
            oracle__remove(&oracle);
        } else {
            oracle__renew(&oracle);
        }
        if (oracle.live_count > 0) {
            oracle__check_some(&oracle);
        }
        if (step % 1000 == 0) {
            oracle__check_all(&oracle);
        }
    }
    assert_true(oracle.table.chunk_count > 4);
    slot_table_fini(&oracle.table);
}

#ifdef _WIN32

#include "support/fault.h"

/* Growing takes two pieces of memory: either may be missing, at the first growth and at a later one. */
static void test_slot_table__stays_as_it_is_when_it_cannot_grow(void **state)
{
    (void)state;
    struct slot_table table;
    uint64_t ids[2 * SLOT_TABLE_CHUNK + 1];
    size_t count = 0;
    slot_table_init(&table, 0);
    for (unsigned chunk = 0; chunk < 3; chunk++) {
        const enum import first = chunk == 0 ? IMPORT_HeapAlloc : IMPORT_HeapReAlloc;
        const uint32_t second_nth = chunk == 0 ? 2 : 1;
        fault_arm(first, 1, 0, 1);
        assert_int_equal(slot_table_add(&table, SLOT_CONNECTION, objects), SLOT_NONE);
        fault_arm(IMPORT_HeapAlloc, second_nth, 0, 1);
        assert_int_equal(slot_table_add(&table, SLOT_CONNECTION, objects), SLOT_NONE);
        assert_int_equal(fault_hits(), 2 * (chunk + 1));
        assert_int_equal(table.chunk_count, chunk);
        for (size_t i = 0; i < count; i++) {
            assert_ptr_equal(slot_table_find(&table, ids[i], SLOT_CONNECTION), &objects[i]);
        }
        while (count < sizeof ids / sizeof ids[0] && count < (chunk + 1) * SLOT_TABLE_CHUNK) {
            ids[count] = add(&table, SLOT_CONNECTION, &objects[count]);
            assert_int_equal(slot_of(ids[count]), count);
            count++;
        }
    }
    slot_table_fini(&table);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_slot_table__an_id_finds_its_object_as_its_kind_only),
        support_test(test_slot_table__an_id_is_stale_once_its_object_is_gone),
        support_test(test_slot_table__renewing_keeps_the_object_under_a_new_id),
        support_test(test_slot_table__an_id_names_its_worker),
        support_test(test_slot_table__made_up_ids_find_nothing),
        support_test(test_slot_table__the_generation_wraps_past_zero),
        support_test(test_slot_table__walks_over_the_objects_of_a_kind),
        support_test(test_slot_table__ends_where_the_slot_numbers_end),
        support_test(test_slot_table__serves_again_after_its_end),
        support_test(test_slot_table__agrees_with_the_oracle),
#ifdef _WIN32
        support_test(test_slot_table__stays_as_it_is_when_it_cannot_grow),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
