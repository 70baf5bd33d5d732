/*
 * serve - the statistics socket of the process: bufpool/observe.h has the
 * contract. One thread, made when it is asked for, that waits in poll.
 */
#ifndef SERVE_H
#define SERVE_H

/* Once a process, when its first pool is made: what BUFPOOL_STATS asks for. errno is untouched. */
void serve_from_environment(void);

#endif /* SERVE_H */
