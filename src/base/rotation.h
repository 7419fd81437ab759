/* SPDX-License-Identifier: MIT
   What became of a rotation that somebody asked for, or that had to wait. */
#ifndef PORTLISTENER_BASE_ROTATION_H
#define PORTLISTENER_BASE_ROTATION_H

enum rotation_state {
    ROTATION_DONE,     /* the file has another name, and a new one has begun */
    ROTATION_NEEDLESS, /* there is nothing in it, or it is no file: nothing was done */
    ROTATION_DELAYED   /* not possible now; it is tried again by itself, and nothing is lost meanwhile */
};

struct rotation {
    enum rotation_state state;
    char text[1280]; /* UTF-8, for people: what was done to which file, or why it was not, and what to do */
};

/* rotation_tell: fills one; the text is `what` and `why`. */
void rotation_tell(struct rotation *rotation_out, enum rotation_state state, const char *what,
                   const char *why);

#endif
