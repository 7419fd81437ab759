/* SPDX-License-Identifier: MIT
   What goes over the control pipe; no Windows header. A client sends one request and reads one answer.

   A request is a line of words, separated by one blank each, in UTF-8 without control characters, of at most
   CONTROL_REQUEST_MAX bytes with its newline; nothing follows it:

       portlistener/1 VERB WORD ...\n

   An answer is a row of frames. Each begins with a line; behind "out" and "err" follow as many bytes, which the client
   writes to its standard output and standard error. "end" tells the exit code, and is the last:

       out 1234\n...   err 56\n...   end 0\n

   The frames are the same for every version: so a service can tell a client of another version what is wrong. */
#ifndef PORTLISTENER_BASE_CONTROL_MESSAGE_H
#define PORTLISTENER_BASE_CONTROL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define CONTROL_GREETING "portlistener/1"

enum {
    CONTROL_REQUEST_MAX = 4096,
    CONTROL_WORDS_MAX = 8,     /* the verb included, the greeting not */
    CONTROL_FRAME_MAX = 65536, /* bytes behind a frame's line */
    CONTROL_LINE_MAX = 16,     /* of such a line, with its newline */
    CONTROL_CODE_MAX = 255
};

/* ---- Requests ---- */

enum control_reading { CONTROL_MORE, CONTROL_DONE, CONTROL_BAD };

struct control_request {
    const char *words[CONTROL_WORDS_MAX]; /* the verb is the first */
    size_t count;
};

/* control_request_add: the line of these words. False: one of them cannot stand in a request, or it is too long. */
bool control_request_add(struct text *text, const char *const *words, size_t count);

/* control_request_read: `at` is what has come so far. MORE: the line is not complete. DONE: `request_out` points into `at`,
   which is changed. BAD: `problem_out` tells a person why. */
enum control_reading control_request_read(char *at, size_t length, struct control_request *request_out,
                                          const char **problem_out);

/* control_request_has: whether `word` stands behind the verb. */
bool control_request_has(const struct control_request *request, const char *word);

/* ---- Answers ---- */

enum control_stream { CONTROL_OUT, CONTROL_ERR };

/* control_frame_add: the line that stands before `length` bytes (1 to CONTROL_FRAME_MAX). control_end_add: the last
   frame. */
void control_frame_add(struct text *text, enum control_stream stream, size_t length);
void control_end_add(struct text *text, unsigned code);

/* An answer while it is read; begin with all zero. */
struct control_answer_reader {
    char line[CONTROL_LINE_MAX];
    size_t line_length;
    size_t left; /* bytes of the frame that have not come yet */
    enum control_stream stream;
    unsigned code;
    bool has_ended; /* `code` has come */
    bool is_bad;    /* this is no answer */
};

/* A part of what the client is to write. */
struct control_piece {
    enum control_stream stream;
    const char *at;
    size_t length;
};

/* control_answer_read: takes what has come, *at of *length bytes, up to the next piece. False: all is taken, or it has
   ended, or is bad: what follows the end is bad, too. */
bool control_answer_read(struct control_answer_reader *reader, const char **at, size_t *length,
                         struct control_piece *piece_out);

#endif
