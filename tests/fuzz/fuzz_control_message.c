/* SPDX-License-Identifier: MIT
   Any bytes as what goes over the control pipe. The first byte chooses: a request, which is decided as soon as its line is
   complete and is the same when it is written anew; or an answer, which is the same however it comes in parts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/control_message.h"

#define REQUIRE(condition) ((condition) ? (void)0 : fuzz_control_message__fail(#condition, __LINE__))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_control_message__fail(const char *condition, int line)
{
    fprintf(stderr, "line %d: not true: %s\n", line, condition);
    abort();
}

static char *fuzz_control_message__copy(const uint8_t *at, size_t length)
{
    char *copy = malloc(length + 1);
    REQUIRE(copy != NULL);
    if (length > 0) {
        memcpy(copy, at, length);
    }
    return copy;
}

static void fuzz_control_message__try_request(const uint8_t *at, size_t length)
{
    char *copy = fuzz_control_message__copy(at, length);
    struct control_request request;
    const char *problem = NULL;
    const enum control_reading reading = control_request_read(copy, length, &request, &problem);
    REQUIRE((problem != NULL) == (reading == CONTROL_BAD));
    REQUIRE(reading != CONTROL_MORE || (length < CONTROL_REQUEST_MAX && memchr(at, '\n', length) == NULL));
    if (reading == CONTROL_DONE) {
        struct text text;
        text_init_heap(&text);
        REQUIRE(control_request_add(&text, request.words, request.count));
        REQUIRE(text.length == length && memcmp(text.at, at, length) == 0);
        text_fini(&text);
    }
    free(copy);
}

/* All that an answer says, in one text: each stream's bytes behind a sign. */
static void fuzz_control_message__take(struct control_answer_reader *reader, const uint8_t *bytes,
                                       size_t length, struct text *said)
{
    char *copy = fuzz_control_message__copy(bytes, length);
    const char *at = copy;
    struct control_piece piece;
    while (control_answer_read(reader, &at, &length, &piece)) {
        REQUIRE(piece.length > 0 && piece.at >= copy);
        for (size_t i = 0; i < piece.length; i++) {
            text_add(said, piece.stream == CONTROL_OUT ? "o" : "e", 1);
            text_add(said, piece.at + i, 1);
        }
    }
    free(copy);
}

static void fuzz_control_message__try_answer(const uint8_t *at, size_t length, size_t step)
{
    struct control_answer_reader whole = {.left = 0}, parts = {.left = 0};
    struct text said_whole, said_parts;
    text_init_heap(&said_whole);
    text_init_heap(&said_parts);
    fuzz_control_message__take(&whole, at, length, &said_whole);
    for (size_t done = 0; done < length; done += step) {
        fuzz_control_message__take(&parts, at + done, length - done < step ? length - done : step,
                                   &said_parts);
    }
    REQUIRE(whole.is_bad == parts.is_bad && whole.has_ended == parts.has_ended && whole.code == parts.code);
    REQUIRE(said_whole.length == said_parts.length &&
            memcmp(said_whole.at, said_parts.at, said_whole.length) == 0);
    REQUIRE(whole.code <= CONTROL_CODE_MAX && whole.left <= CONTROL_FRAME_MAX);
    text_fini(&said_whole);
    text_fini(&said_parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (data[0] == 'r') {
        fuzz_control_message__try_request(data + 1, size - 1);
    } else {
        fuzz_control_message__try_answer(data + 1, size - 1, (size_t)data[0] % 16 + 1);
    }
    return 0;
}
