/*
 * rig - bufpool-server, started for one test, and a client of it that writes raw bytes.
 *
 * The server listens at a socket in the file system: the kernel says how much of what was written it has not
 * read yet (SIOCOUTQ), so a test can have it read bytes in just the pieces that they were written in.
 */
#ifndef SERVER_RIG_H
#define SERVER_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "servers.h"

struct rig {
    struct server redis;
    bool has_redis;
    pid_t process;
    FILE *output;
    char directory[40], path[64];
    char name[128]; /* where it says that it listens */
};

/* With options of its command line, up to NULL. Aborts where it does not come up. */
void rig_start(struct rig *rig, ...);
/* The same with a Redis of its own. */
void rig_start_redis(struct rig *rig, ...);
/*
 * SIGTERM; it must end with status 0 and say that nothing is held, in use, or open: NULL, or what is wrong.
 * Everything that the rig has is gone then.
 */
const char *rig_end(struct rig *rig);

/* For Criterion tests. */
#define assert_end(rig)                                                                                      \
    do {                                                                                                     \
        const char *fault_found = rig_end(rig);                                                              \
        cr_assert(fault_found == NULL, "%s", fault_found);                                                   \
    } while (0)

/* Wait until it has ended, and judge it as rig_end does. */
const char *rig_wait_end(struct rig *rig);

/* The value of a line of /metrics; it must be there. */
uint64_t rig_metric(struct rig *rig, const char *name);

/* Wait until a metric has this value: for what follows from what was done, but not at once. */
void rig_await(struct rig *rig, const char *name, uint64_t value);

/* Wait until no request is under way, no byte held and no connection to Redis in use: what must come. */
void rig_await_rest(struct rig *rig);

/* Does its event loop wait for something? */
bool rig_sleeps(const struct rig *rig);

/* Resident bytes of the server. */
uint64_t rig_resident(const struct rig *rig);

/* ------------------------------------------------------------ a client */

struct talk {
    int fd;
    char *bytes; /* heard and not yet taken */
    size_t length, capacity;
};

struct answer {
    unsigned status;
    char head[2048]; /* with its empty line */
    char *body;      /* with a 0 behind it; answer_free */
    size_t size;
};

struct talk talk_open(struct rig *rig);
void talk_close(struct talk *talk);

/* All of it, however long the server takes to read. False: it does not listen any more. */
bool talk_say(struct talk *talk, const void *bytes, size_t length);
bool talk_line(struct talk *talk, const char *text);

/* Wait until the server has read all that was said. */
void talk_await_read(struct talk *talk);

/* No more will be said. */
void talk_finish(struct talk *talk);

/* The next answer. False: the server has closed the connection instead. Half an answer aborts. */
bool talk_hear(struct talk *talk, struct answer *answer);
/* The answer to HEAD: it has no body, and `size` is what its head says. */
bool talk_hear_head(struct talk *talk, struct answer *answer);
void answer_free(struct answer *answer);

/* The value of a line of /metrics, of which this is an answer; it must be there. */
uint64_t metric_of(const struct answer *answer, const char *name);

/* Is the connection at its end, with nothing more said, and no reset? */
bool talk_is_ended(struct talk *talk);

/* The status of the next answer, whatever else it says; 0: the connection has ended. */
unsigned talk_status(struct talk *talk);

/* A connection for one request; the status that it gets. */
unsigned rig_ask(struct rig *rig, const char *text);

/* PUT of a value by Content-Length; GET that must give it. */
void rig_put(struct rig *rig, const char *key, const void *value, size_t size);
bool rig_has(struct rig *rig, const char *key, const void *value, size_t size);

#endif /* SERVER_RIG_H */
