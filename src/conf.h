/*
 * conf - BUFPOOL_CONF, which configures the default pool without a rebuild.
 *
 * One table, in conf.c, has every word with what its value is and its line of
 * help; parser, errors, `help` and bufpool/conf.h say the same, and a test
 * compares them.
 */
#ifndef CONF_H
#define CONF_H

#include <bufpool.h>

#define CONF_TIERS_MAX 64u
#define CONF_TEXT_MAX 256u

/* A configuration and what it points to. */
struct conf {
    bufpool_config_t config;
    size_t tiers[CONF_TIERS_MAX];
    char name[CONF_TEXT_MAX];
    char debug[CONF_TEXT_MAX];
};

/*
 * All defaults, changed by the pairs of `text`; NULL text: the environment's
 * BUFPOOL_CONF, unless the program runs with more rights than its caller has
 * (secure_getenv). A bad pair is told on stderr, in one line, and changes nothing.
 * False if there is none to be read.
 */
bool conf_read(struct conf *conf, const char *text);

/* Say on stderr that these pairs, good each by itself, do not go together. */
void conf_tell_refused(void);

#endif /* CONF_H */
