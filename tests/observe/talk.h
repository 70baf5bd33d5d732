/*
 * talk - a client of the statistics socket.
 */
#ifndef TEST_TALK_H
#define TEST_TALK_H

/*
 * A path in a new directory, of which nothing is there yet. Once a process; the
 * directory goes when that exits.
 */
char *talk_path(void);

/* Connected to it; or -1 with errno. */
int talk_try(const char *path);
int talk_to(const char *path);

/* All of it, as far as the other side listens. */
void talk_say(int fd, const char *words);

/* All that comes until the end, as a string to be freed; the connection is closed. */
char *talk_hear(int fd);

/* Connect, say, hear. */
char *talk(const char *path, const char *words);

#endif /* TEST_TALK_H */
