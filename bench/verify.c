#include "verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

/* What `bufpool-bench replay --counts` prints, by its names. */
enum figure { OVERSIZED, CARVES, MISSES, IN_USE, BACKED, RESIDENT_PEAK, RESIDENT_MEAN, FIGURES };

static const struct {
    const char *name, *title, *unit;
} figures[FIGURES] = {{"oversized", "oversized gets", ""},
                      {"carves", "carves", ""},
                      {"misses", "misses", ""},
                      {"in use", "in use at the peak", "MiB"},
                      {"backed", "backed at the peak", "MiB"},
                      {"peak", "resident, peak", "MiB"},
                      {"mean", "resident, mean", "MiB"}};

/* The benchmark lies where this program lies. */
static void find_program(char path[4096])
{
    ssize_t length = readlink("/proc/self/exe", path, 4000);
    char *slash = length > 0 ? memrchr(path, '/', (size_t)length) : NULL;
    if (!slash)
        die("cannot tell where this program lies");
    memcpy(slash + 1, "bufpool-bench", sizeof("bufpool-bench"));
}

static void exec_replay(const struct advice *advice, enum advised kind, const char *path, int output)
{
    char program[4096], tiers[TIERS_MOST * 12 + 16] = "--tiers=";
    bool is_default = kind == NOW && advice->now_is_default;
    char peer[32];

    find_program(program);
    snprintf(peer, sizeof(peer), "--peer=%s", is_default ? "bufpool" : "bufpool-advised");
    tier_set_text(&advice->tiers[kind], tiers + strlen(tiers), sizeof(tiers) - strlen(tiers));
    unsetenv("BUFPOOL_DEBUG");
    unsetenv("BUFPOOL_TRACE");
    dup2(output, STDOUT_FILENO);
    if (is_default)
        execl(program, program, "replay", "--counts", peer, path, (char *)NULL);
    else
        execl(program, program, "replay", "--counts", peer, tiers, path, (char *)NULL);
    fprintf(stderr, "bufpool-advise: %s: %s\n", program, strerror(errno));
    _exit(127);
}

static void read_figures(FILE *lines, double measured[FIGURES])
{
    char line[512], metric[64];
    double value;

    while (fgets(line, sizeof(line), lines))
        if (sscanf(line, "replay,%*[^,],%*[^,],%63[^,],%*[^0-9]%*u,%lf", metric, &value) == 2)
            for (unsigned i = 0; i < FIGURES; i++)
                if (strcmp(metric, figures[i].name) == 0)
                    measured[i] = value;
}

static void replay(const struct advice *advice, enum advised kind, const char *path, double measured[FIGURES])
{
    int ends[2], status;

    if (pipe(ends) != 0)
        die("pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        die("fork: %s", strerror(errno));
    if (child == 0) {
        close(ends[0]);
        exec_replay(advice, kind, path, ends[1]);
    }
    close(ends[1]);
    FILE *lines = fdopen(ends[0], "r");
    if (!lines)
        die("fdopen: %s", strerror(errno));
    read_figures(lines, measured);
    fclose(lines);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("the replay of %s has failed", path);
}

/* Below zero: not predicted. */
static double predicted(const struct simulation *s, enum figure figure)
{
    switch (figure) {
    case OVERSIZED:
        return (double)s->oversized;
    case CARVES:
        return (double)s->carves;
    case MISSES:
        return (double)s->misses;
    case IN_USE:
        return (double)s->peak / MIB;
    case BACKED:
        return (double)s->backed_peak / MIB;
    default:
        return -1;
    }
}

void verify_print(const struct advice *advice, const char *path, FILE *out)
{
    double measured[ADVISED_KINDS][FIGURES] = {{0}};
    char name[32];

    for (unsigned kind = NOW; kind <= ADVISED; kind++)
        replay(advice, kind, path, measured[kind]);
    fprintf(out, "\n%-24s %21s %21s\n%-24s", "replayed, a process each", advice_name(advice, NOW, name),
            "advised", "");
    fprintf(out, " %10s %10s %10s %10s\n", "predicted", "measured", "predicted", "measured");
    for (unsigned figure = 0; figure < FIGURES; figure++) {
        const char *format = *figures[figure].unit ? " %10.2f %10.2f" : " %10.0f %10.0f";
        fprintf(out, "%-20s %-3s", figures[figure].title, figures[figure].unit);
        for (unsigned kind = NOW; kind <= ADVISED; kind++) {
            double expected = predicted(&advice->outcome[kind], figure);
            if (expected < 0)
                fprintf(out, " %10s %10.2f", "", measured[kind][figure]);
            else
                fprintf(out, format, expected, measured[kind][figure]);
        }
        fputc('\n', out);
    }
}
