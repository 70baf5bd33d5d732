#include "advice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "harness.h"

static const bufpool_config_t defaults = BUFPOOL_CONFIG_INIT;

/* ------------------------------------------------------------ worked out */

/* What one moment tells: in use at the peak, and what no tier serves. */
static void look_at(struct simulation *outcome, const struct demand *demand, const struct tier_set *tiers)
{
    *outcome = (struct simulation){.gets = demand->asked_gets, .peak_asked = demand->asked_peak};
    for (unsigned i = 0; i < demand->count; i++) {
        unsigned tier = tier_set_find(tiers, demand->size[i]);
        uint64_t pages = (demand->size[i] + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
        outcome->peak +=
            demand_in_use(demand, 0, i, i) * (tier < tiers->count ? tiers->capacity[tier] : pages);
        outcome->oversized += tier < tiers->count ? 0 : demand->gets[i];
    }
}

void advice_make(struct advice *advice, const struct demand *demand, const struct trace *trace)
{
    struct tier_set standard;

    *advice = (struct advice){.demand = demand};
    tier_set_of(&standard, &defaults);
    advice->tiers[NOW] = demand->present.count ? demand->present : standard;
    advice->now_is_default = advice->tiers[NOW].count == standard.count &&
                             memcmp(advice->tiers[NOW].capacity, standard.capacity,
                                    standard.count * sizeof(standard.capacity[0])) == 0;
    choose_tiers(&advice->choice, demand);
    advice->tiers[ADVISED] = advice->choice.tiers;
    choose_steps(&advice->steps, &advice->tiers[STEPS], demand, &advice->choice);
    for (unsigned kind = 0; kind < ADVISED_KINDS; kind++) {
        struct simulation_terms terms = {.tiers = &advice->tiers[kind],
                                         .max_thread_bytes = defaults.max_thread_bytes};
        if (trace)
            simulate(&advice->outcome[kind], trace, &terms);
        else
            look_at(&advice->outcome[kind], demand, terms.tiers);
    }
    if (trace)
        limits_of_trace(advice->limits, trace, demand, &advice->tiers[ADVISED]);
    else
        limits_of_stats(advice->limits, demand, advice->outcome[ADVISED].peak);
}

const char *advice_name(const struct advice *advice, enum advised kind, char text[32])
{
    if (kind == STEPS)
        snprintf(text, 32, "tier_steps %zu", advice->steps.tier_steps);
    else
        snprintf(text, 32, "%s", kind == ADVISED ? "advised" : advice->now_is_default ? "default" : "now");
    return text;
}

/* ------------------------------------------------------------ said */

static void print_demand(const struct demand *demand, FILE *out)
{
    fprintf(out, "%s: %" PRIu64 " gets and resizes", demand->name, demand->asked_gets);
    if (demand->threads)
        fprintf(out, " on %" PRIu32 " thread%s", demand->threads, demand->threads == 1 ? "" : "s");
    if (demand->is_trace)
        fprintf(out, " in %.2f s", demand->seconds);
    fprintf(out,
            "; at most %.2f MiB asked for at once, in %" PRIu64 " buffers; the largest %" PRIu64 " bytes\n\n",
            (double)demand->asked_peak / MIB, demand->buffers_peak, demand->largest);
}

static void print_table(const struct advice *advice, FILE *out)
{
    bool is_trace = advice->demand->is_trace;
    char name[32];

    fprintf(out, "%-12s %5s %15s %11s %9s", "", "", "", "MiB in use", "");
    fprintf(out, is_trace ? " %10s %12s\n" : "\n", "waste, on", "MiB backed");
    fprintf(out, "%-12s %5s %15s %11s %9s", "", "tiers", "oversized gets", "at the peak", "waste");
    fprintf(out, is_trace ? " %10s %12s %8s %8s\n" : "\n", "the mean", "at the peak", "carves", "misses");
    for (unsigned kind = 0; kind < ADVISED_KINDS; kind++) {
        const struct simulation *s = &advice->outcome[kind];
        fprintf(out, "%-12s %5u %6" PRIu64 " = %4.2f %% %11.2f %9.2f", advice_name(advice, kind, name),
                advice->tiers[kind].count, s->oversized,
                s->gets ? 100.0 * (double)s->oversized / (double)s->gets : 0, (double)s->peak / MIB,
                ((double)s->peak - (double)s->peak_asked) / MIB);
        if (is_trace)
            fprintf(out, " %10.2f %12.2f %8" PRIu64 " %8" PRIu64, (s->mean - s->mean_asked) / MIB,
                    (double)s->backed_peak / MIB, s->carves, s->misses);
        fputc('\n', out);
    }
    fputs(is_trace ? "\nwaste: what nobody asked for; backed: in use and idle; a miss: a get that the "
                     "thread's own cache\n"
                     "does not serve. Predicted by a walk through the trace; --verify replays it.\n\n"
                   : "\nwaste: what nobody asked for.\n\n",
          out);
}

/* What each tier is for. */
static void print_tiers(const struct advice *advice, FILE *out)
{
    const struct demand *demand = advice->demand;
    const struct tier_set *tiers = &advice->tiers[ADVISED];
    unsigned from = 0;

    fputs("advised tiers:\n", out);
    for (unsigned tier = 0; tier < tiers->count; tier++) {
        unsigned to = from;
        uint64_t gets = 0;
        uint32_t most = 0;
        for (; to < demand->count && demand->size[to] <= tiers->capacity[tier]; to++)
            gets += demand->gets[to];
        for (unsigned moment = 0; to > from && moment < demand->moments; moment++) {
            uint32_t in_use = demand_in_use(demand, moment, from, to - 1);
            most = in_use > most ? in_use : most;
        }
        fprintf(out,
                "  %8" PRIu64 "  holds %8" PRIu64 ": %8" PRIu64 " gets, %5.1f %%; at most %" PRIu32
                " in use together\n",
                tiers->size[tier], tiers->capacity[tier], gets,
                100.0 * (double)gets / (double)(demand->asked_gets ? demand->asked_gets : 1), most);
        from = to;
    }
    fputc('\n', out);
}

/* A reason, in lines of some width, all but the first indented. */
static void print_reason(FILE *out, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void print_reason(FILE *out, const char *subject, const char *format, ...)
{
    const size_t width = 100;
    size_t column = strlen(subject) + 1;
    char text[600];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(out, "%s:", subject);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        bool fits = column + 1 + strlen(word) <= width;
        fprintf(out, "%s%s", fits ? " " : "\n    ", word);
        column = (fits ? column + 1 : 4) + strlen(word);
    }
    fputc('\n', out);
}

static void print_reasons(const struct advice *advice, FILE *out)
{
    const struct choice *choice = &advice->choice;
    const struct tier_set *tiers = &advice->tiers[ADVISED];
    const struct simulation *now = &advice->outcome[NOW], *advised = &advice->outcome[ADVISED];
    char fewer[80] = "", more[80] = "";

    if (choice->cost_one_fewer)
        snprintf(fewer, sizeof(fewer), "; with one tier fewer to %.2f", (double)choice->cost_one_fewer / MIB);
    if (choice->cost_one_more)
        snprintf(more, sizeof(more), "; with one more to %.2f, which a tier is not worth",
                 (double)choice->cost_one_more / MIB);
    print_reason(out, "tiers", "the peaks of all tiers, and what nobody asked for, come to %.2f MiB%s%s.",
                 (double)choice->cost / MIB, fewer, more);
    if (choice->oversized_gets)
        print_reason(out, "max_size",
                     "%" PRIu64 ", so that %" PRIu64 " of %" PRIu64
                     " gets are oversized: at most one in 10,000, as each costs two system calls.",
                     tiers->size[tiers->count - 1], choice->oversized_gets, advice->demand->asked_gets);
    else
        print_reason(out, "max_size",
                     "%" PRIu64 ", so that no get is oversized, which costs two system calls.",
                     tiers->size[tiers->count - 1]);
    if (advised->backed_peak > now->backed_peak && advised->oversized < now->oversized)
        print_reason(out, "memory",
                     "more is backed than now, as %" PRIu64
                     " buffers that are oversized now, and gone at their put, are kept for the next get.",
                     now->oversized - advised->oversized);
    for (unsigned i = 0; i < LIMITS; i++)
        print_reason(out, limit_field(i), "%s", advice->limits[i].why);
    fputc('\n', out);
}

/* A limit that is not the default, in both notations. */
static bool differs(const struct limit *limit)
{
    return limit->value != limit->standard;
}

static void print_config(const struct advice *advice, FILE *out)
{
    const struct tier_set *tiers = &advice->tiers[ADVISED];
    const bufpool_config_t *steps = &advice->steps;
    char list[TIERS_MOST * 12], size[24];

    fputs("to copy:\n\n    static const size_t tiers[] = {", out);
    for (unsigned i = 0; i < tiers->count; i++)
        fprintf(out, "%s%" PRIu64, i ? ", " : "", tiers->size[i]);
    fprintf(out, "};\n    config.tiers = tiers;\n    config.tiers_count = %u;\n", tiers->count);
    for (unsigned i = 0; i < LIMITS; i++)
        if (differs(&advice->limits[i]))
            fprintf(out, "    config.%s = %" PRIu64 ";\n", limit_field(i), advice->limits[i].value);

    fprintf(out, "\n    BUFPOOL_CONF=\"tiers:%s", tier_set_text(tiers, list, sizeof(list)));
    for (unsigned i = 0; i < LIMITS; i++)
        if (differs(&advice->limits[i]))
            fprintf(out, ",%s:%s", limit_field(i), size_word(size, advice->limits[i].value));
    fprintf(out, "\"\n\nor, without a list, the nearest: min_size:%zu,max_size:%zu,tier_steps:%zu\n",
            steps->min_size, steps->max_size, steps->tier_steps);
}

void advice_print(const struct advice *advice, FILE *out)
{
    print_demand(advice->demand, out);
    print_table(advice, out);
    print_tiers(advice, out);
    print_reasons(advice, out);
    print_config(advice, out);
}
