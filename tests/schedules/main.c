/*
 * schedules [--at-least N] [SCENARIO...]    every schedule of all scenarios, or of those whose names begin so
 * schedules --sabotaged SCENARIO            the library is wrong on purpose: that must be found
 *
 * --trace tells where a faulty schedule changed threads; --bound N changes the number of preemptions.
 * Ends with "N passed, N failed"; fewer schedules than --at-least are a failure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios.h"

#define BOUND 3u

static const struct scenario *const lists[] = {depot_scenarios,     handoff_scenarios, thread_scenarios,
                                               fork_scenarios,      limit_scenarios,   life_scenarios,
                                               oversized_scenarios, words_scenarios};

static struct {
    bool sabotaged, trace;
    unsigned bound;
    uint64_t at_least, schedules;
    unsigned passed, failed;
} total = {.bound = BOUND};

static unsigned bound_of(const struct scenario *scenario)
{
    return scenario->bound != 0 && scenario->bound < total.bound ? scenario->bound : total.bound;
}

/* What a scenario came to, as its process says it. */
struct report {
    struct outcome outcome;
    char fault[160];
};

/* In a process of its own: the library's variables are those of a program that has just begun. */
static struct report run_apart(const struct scenario *scenario)
{
    struct report report = {.fault = "its process ended before it did"};
    int ends[2];

    report.outcome.fault = report.fault;
    if (pipe(ends) != 0)
        return report;
    pid_t process = fork();
    if (process == 0) {
        report.outcome = explore(scenario, bound_of(scenario), total.trace);
        if (report.outcome.fault != NULL)
            snprintf(report.fault, sizeof report.fault, "%s", report.outcome.fault);
        fflush(stdout);
        _exit(write(ends[1], &report, sizeof report) == sizeof report ? 0 : 1);
    }
    close(ends[1]);
    struct report told;
    if (process > 0 && read(ends[0], &told, sizeof told) == sizeof told)
        report = told;
    close(ends[0]);
    waitpid(process, NULL, 0);
    if (report.outcome.fault != NULL)
        report.outcome.fault = report.fault;
    return report;
}

static void run(const struct scenario *scenario)
{
    struct report report = run_apart(scenario);
    const struct outcome *outcome = &report.outcome;
    bool faulty = outcome->fault != NULL;
    bool good = total.sabotaged == faulty;

    printf("%s  %-44s %u preemptions, %8llu schedules, %3u points, %3u shared words: %s\n",
           good ? "ok    " : "FAIL  ", scenario->name, bound_of(scenario),
           (unsigned long long)outcome->schedules, outcome->points, outcome->words,
           faulty ? report.fault : "no fault");
    fflush(stdout);
    total.schedules += outcome->schedules;
    *(good ? &total.passed : &total.failed) += 1;
}

static bool is_asked_for(const struct scenario *scenario, char **names, int count)
{
    for (int i = 0; i < count; i++)
        if (strncmp(scenario->name, names[i], strlen(names[i])) == 0)
            return true;
    return count == 0;
}

static int usage(void)
{
    fputs("usage: schedules [--at-least N] [--bound N] [--trace] [--sabotaged] [SCENARIO...]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    int at = 1;

    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--sabotaged") == 0)
            total.sabotaged = true;
        else if (strcmp(argv[at], "--trace") == 0)
            total.trace = true;
        else if (strcmp(argv[at], "--bound") == 0 && at + 1 < argc)
            total.bound = (unsigned)strtoul(argv[++at], NULL, 10);
        else if (strcmp(argv[at], "--at-least") == 0 && at + 1 < argc)
            total.at_least = strtoull(argv[++at], NULL, 10);
        else
            return usage();
    }
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (const struct scenario *scenario = lists[i]; scenario->name != NULL; scenario++)
            if (is_asked_for(scenario, argv + at, argc - at))
                run(scenario);

    printf("%llu schedules\n", (unsigned long long)total.schedules);
    if (total.schedules < total.at_least) {
        printf("FAIL  fewer than %llu\n", (unsigned long long)total.at_least);
        total.failed++;
    }
    printf("%u passed, %u failed\n", total.passed, total.failed);
    return total.failed != 0 || total.passed == 0;
}
