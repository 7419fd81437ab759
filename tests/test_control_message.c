/* SPDX-License-Identifier: MIT
   Tests of base/control_message.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/control_message.h"
#include "support/support.h"

static struct control_request request;
static const char *problem;

/* From a block of just its size. */
static enum control_reading read(const char *at, size_t length)
{
    static char *copy;
    free(copy);
    copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, at, length);
    copy[length] = 'X';
    problem = NULL;
    const enum control_reading reading = control_request_read(copy, length, &request, &problem);
    assert_int_equal(copy[length], 'X');
    assert_true((problem != NULL) == (reading == CONTROL_BAD));
    return reading;
}

static void test_control_message__reads_what_it_writes(void **state)
{
    static const char *const words[] = {"endpoint", "B\xC3\xBCro-1", "pause"};
    char room[128];
    struct text text;
    (void)state;
    text_init(&text, room, sizeof room);
    assert_true(control_request_add(&text, words, 3));
    assert_string_equal(text.at, "portlistener/1 endpoint B\xC3\xBCro-1 pause\n");
    for (size_t length = 0; length < text.length; length++) {
        assert_int_equal(read(text.at, length), CONTROL_MORE);
    }
    assert_int_equal(read(text.at, text.length), CONTROL_DONE);
    assert_int_equal(request.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(request.words[i], words[i]);
    }
    assert_true(control_request_has(&request, "pause"));
    assert_false(control_request_has(&request, "endpoint")); /* the verb */
    assert_false(control_request_has(&request, "resume"));
}

static void test_control_message__writes_no_request_that_cannot_be_read(void **state)
{
    static char long_word[CONTROL_REQUEST_MAX], room[2 * CONTROL_REQUEST_MAX];
    static const char *const bad[] = {"", "a b", "a\tb", "a\nb", "a\x7F", "\xFF", "\x1B[2J"};
    static const char *const many[CONTROL_WORDS_MAX + 1] = {"1", "2", "3", "4", "5", "6", "7", "8", "9"};
    const char *word = long_word;
    struct text text;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        text_init(&text, room, sizeof room);
        assert_false(control_request_add(&text, &bad[i], 1));
    }
    text_init(&text, room, sizeof room);
    assert_false(control_request_add(&text, many, 0));
    text_init(&text, room, sizeof room);
    assert_true(control_request_add(&text, many, CONTROL_WORDS_MAX));
    text_init(&text, room, sizeof room);
    assert_false(control_request_add(&text, many, CONTROL_WORDS_MAX + 1));
    memset(long_word, 'x', CONTROL_REQUEST_MAX - strlen(CONTROL_GREETING) - 2);
    text_init(&text, room, sizeof room);
    assert_true(control_request_add(&text, &word, 1));
    assert_int_equal(text.length, CONTROL_REQUEST_MAX);
    assert_int_equal(read(text.at, text.length), CONTROL_DONE);
    long_word[strlen(long_word)] = 'x';
    text_init(&text, room, sizeof room);
    assert_false(control_request_add(&text, &word, 1));
    text_init(&text, room, 64); /* no room */
    assert_false(control_request_add(&text, &word, 1));
}

static void test_control_message__refuses_other_requests(void **state)
{
    static const struct {
        const char *at;
        size_t length;
        const char *part;
    } rows[] = {
        {"\n", 1, "does not begin with"},
        {"portlistener/1\n", 15, "does not begin with"},
        {"portlistener/2 status\n", 22, "another version"},
        {"PORTLISTENER/1 status\n", 22, "does not begin with"},
        {"portlistener/1 \n", 16, "one to eight words"},
        {"portlistener/1  status\n", 23, "one to eight words"},
        {"portlistener/1 status \n", 23, "one to eight words"},
        {"portlistener/1 sta\ttus\n", 23, "one to eight words"},
        {"portlistener/1 sta\xC3\n", 20, "one to eight words"},
        {"portlistener/1 a\0b\n", 19, "a NUL"},
        {"portlistener/1 1 2 3 4 5 6 7 8 9\n", 33, "one to eight words"},
        {"portlistener/1 status\nx", 23, "something follows"},
        {"portlistener/1 status\n\n", 23, "something follows"},
        {"portlistener/1 status\r\n", 23, "one to eight words"},
    };
    static char large[CONTROL_REQUEST_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (read(rows[i].at, rows[i].length) != CONTROL_BAD || strstr(problem, rows[i].part) == NULL) {
            fail_msg("row %zu: %s", i, problem != NULL ? problem : "taken");
        }
    }
    memset(large, 'x', sizeof large);
    assert_int_equal(read(large, CONTROL_REQUEST_MAX - 1), CONTROL_MORE);
    assert_int_equal(read(large, CONTROL_REQUEST_MAX), CONTROL_BAD);
    assert_non_null(strstr(problem, "4096"));
    large[CONTROL_REQUEST_MAX] = '\n'; /* one too late */
    assert_int_equal(read(large, sizeof large), CONTROL_BAD);
}

/* Reads an answer that comes in parts of `step` bytes; what belongs to each stream. */
struct told {
    char streams[2][256];
    struct control_answer_reader reader;
};

static void take(struct told *told, const char *answer, size_t length, size_t step)
{
    memset(told, 0, sizeof *told);
    for (size_t done = 0; done < length; done += step) {
        const char *at = answer + done;
        size_t left = length - done < step ? length - done : step;
        struct control_piece piece;
        while (control_answer_read(&told->reader, &at, &left, &piece)) {
            strncat(told->streams[piece.stream], piece.at, piece.length);
        }
        assert_true(left == 0 || told->reader.is_bad);
    }
}

static void test_control_message__reads_an_answer_however_it_comes(void **state)
{
    static struct told told;
    char room[128];
    struct text text;
    (void)state;
    text_init(&text, room, sizeof room);
    control_frame_add(&text, CONTROL_OUT, 5);
    text_add_string(&text, "one\n\n");
    control_frame_add(&text, CONTROL_ERR, 4);
    text_add_string(&text, "end ");
    control_frame_add(&text, CONTROL_OUT, 1);
    text_add_string(&text, "2");
    const size_t before_end = text.length;
    control_end_add(&text, 3);
    for (size_t step = 1; step <= text.length; step++) {
        take(&told, text.at, text.length, step);
        assert_string_equal(told.streams[CONTROL_OUT], "one\n\n2");
        assert_string_equal(told.streams[CONTROL_ERR], "end ");
        assert_true(told.reader.has_ended);
        assert_false(told.reader.is_bad);
        assert_int_equal(told.reader.code, 3);
    }
    for (size_t length = 0; length <= before_end; length++) { /* cut off */
        take(&told, text.at, length, length + 1);
        assert_false(told.reader.has_ended);
        assert_false(told.reader.is_bad);
    }
    text_add_string(&text, "o");
    take(&told, text.at, text.length, 7);
    assert_true(told.reader.is_bad);
}

static void test_control_message__reads_no_other_answer(void **state)
{
    static struct told told;
    static const char *const bad[] = {
        "\n",       "out\n",      "out \n",        "out 0\n",   "out 01\n",     "out 65537\n", "out 99999\n",
        "out -1\n", "out 1x\n",   "Out 1\n",       "err 0\n",   "end \n",       "end 256\n",   "end 1 \n",
        "end -0\n", "enough 1\n", "HTTP/1.1 400 ", "out 1 \n1", "out 123456\n", "out 1\n12\n"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t step = 1; step < 20; step += 6) {
            take(&told, bad[i], strlen(bad[i]), step);
            if (!told.reader.is_bad && strlen(bad[i]) < CONTROL_LINE_MAX && bad[i][0] != 'H') {
                fail_msg("taken: %s", bad[i]);
            }
            assert_false(told.reader.has_ended);
            assert_int_equal(told.reader.code, 0);
        }
    }
    take(&told, "HTTP/1.1 400 Bad Request\r\n", 26, 26);
    assert_true(told.reader.is_bad);
    take(&told, "out 65536\n", 10, 10);
    assert_int_equal(told.reader.left, CONTROL_FRAME_MAX);
    take(&told, "end 255\n", 8, 8);
    assert_int_equal(told.reader.code, CONTROL_CODE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_control_message__reads_what_it_writes),
        support_test(test_control_message__writes_no_request_that_cannot_be_read),
        support_test(test_control_message__refuses_other_requests),
        support_test(test_control_message__reads_an_answer_however_it_comes),
        support_test(test_control_message__reads_no_other_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
