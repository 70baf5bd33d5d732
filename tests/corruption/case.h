/*
 * case - what a corruption case is made of.
 *
 * A case commits one fault, in a process of its own. The same object files are
 * linked with bufpool and with the C library's malloc (subject.h), so both are
 * asked the same; what it must come to is said by the case just before the
 * fault, and holds for bufpool alone.
 */
#ifndef CASE_H
#define CASE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * CASE(name, levels) { ... }: `levels` are those at which the fault must be
 * reported, separated by blanks: DEFAULT, debug words of a pool, and ASAN, the
 * AddressSanitizer build. What the default reports, that build must too.
 */
#define DEFAULT "default"
#define ASAN "asan"
#define CASE(name, levels)                                                                                   \
    static void name(void);                                                                                  \
    __attribute__((constructor)) static void register_##name(void)                                           \
    {                                                                                                        \
        case_register(#name, levels, name);                                                                  \
    }                                                                                                        \
    static void name(void)

struct corruption {
    const char *name;
    const char *levels;
    void (*commit)(void);
};

void case_register(const char *name, const char *levels, void (*commit)(void));
/* NULL where there is none of that name. */
const struct corruption *case_find(const char *name);
/* Print each, in order, a line: its name and its levels. */
void case_list(void);

/*
 * From here on the process must end by abort, with one line on stderr and
 * nothing else, made of these parts as the pool prints them:
 *
 *   bufpool: pool 'victim': RULE: CALL(ADDRESS)PLACE, thread ID: DETAIL
 *
 * The thread is the one that calls this. `levels` are those at which that is so; NULL: all. `detail` may be
 * NULL. A # stands for any number.
 */
void expect_report(const char *levels, const char *rule, const char *call, const void *address,
                   const char *place, const char *detail);
#define OF_SMALLEST " of tier 512, buffer #"
#define OF_SMALL " of tier 1024, buffer #"
#define OF_LARGE " of tier 131072, buffer #"
#define OF_OVERSIZED " of oversized buffer #"
#define ANYWHERE ""

/* But not by abort: it must run to its end. */
void expect_end(void);

/* At all levels: it must run to its end, and have said nothing but this of the pool. */
void expect_line(const char *line);

/* From here on it must end by SIGSEGV, with nothing on stderr; a sanitizer, which catches that, says so. */
void expect_fault(const char *levels);

/* AddressSanitizer must find it, and call it this. */
void expect_asan(const char *kind);

#endif /* CASE_H */
