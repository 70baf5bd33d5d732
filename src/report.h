/*
 * report - what a caller did wrong, in one line, and who hears of it.
 *
 *   bufpool: pool 'NAME': RULE: CALL(ADDRESS) of tier SIZE, buffer NUMBER, thread ID
 *       : DETAIL; called at PLACE, got at PLACE, put at PLACE
 *
 * The parts that a case does not have are left out; "of oversized buffer NUMBER"
 * stands for the tier where there is none. Rules and details are in one table of
 * report.c.
 */
#ifndef REPORT_H
#define REPORT_H

#include <bufpool.h>

#include "base.h"

/* The rules a caller can break. */
enum misuse {
    MISUSE_FOREIGN,         /* no address of this pool */
    MISUSE_OTHER_POOL,      /* an address of another pool */
    MISUSE_MISALIGNED,      /* not a multiple of 64 */
    MISUSE_INTERIOR,        /* inside a buffer, not at its begin */
    MISUSE_UNCARVED,        /* where no buffer has been handed out yet, or its pages have gone home */
    MISUSE_DOUBLE_PUT,      /* the buffer is already free */
    MISUSE_LATE_DOUBLE_PUT, /* the same, noticed only when it was to become cold */
    MISUSE_DESTROYED,       /* the pool is destroyed */
    /* Found with debug words only, but for the first of oversized buffers. */
    MISUSE_AFTER_PUT,       /* resize or capacity of a buffer that is free */
    MISUSE_NEVER_GOT,       /* a buffer that no get has handed out */
    MISUSE_WRITE_AFTER_PUT, /* a free buffer was written to */
    MISUSE_OVERFLOW,        /* bytes beyond the size asked for were written */
    MISUSES
};

/* What a report says beside the rule. */
struct misuse_site {
    const char *call;    /* "put" and the like */
    const char *pool;    /* its name */
    const char *other;   /* MISUSE_OTHER_POOL: that pool's name, else NULL */
    const void *address; /* the buffer, or the pool where that is the fault */
    size_t tier_size;    /* 0: not in a tier */
    bool oversized;      /* among the oversized ones */
    uint64_t index;      /* the buffer's number in its tier, or among the oversized ones */
    size_t offset;       /* the byte of the buffer that this is about; MISUSE_INTERIOR: how far inside */
    size_t asked;        /* MISUSE_OVERFLOW: the size asked for */
    unsigned char found, left; /* MISUSE_WRITE_AFTER_PUT: the byte there, and what the put left there */
    /* With the word `tag` return addresses, else NULL: of this call, of the buffer's last get and put. */
    const void *called_at, *got_at, *put_at;
};

/* Longest line, its end included. */
#define REPORT_MAX 640

/* Where an address of code lies: object and offset as addr2line takes them, and the function if it has a
 * name. */
void report_place(char *text, size_t size, const void *address);

/* A rule in the words of its report. */
const char *misuse_name(enum misuse rule);

/*
 * Tell the user's handler, or print and abort. Runs user code: never call it
 * inside a critical section. errno is untouched.
 */
SLOW_PATH void misuse_report(enum misuse rule, const struct misuse_site *site);

#endif /* REPORT_H */
