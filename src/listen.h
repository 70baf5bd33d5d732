/*
 * listen - a socket in the file system: made with the file's owner as the only
 * one who may connect, in the place of a stale one and of nothing else, and
 * removed while it is still ours.
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <sys/types.h>
#include <sys/un.h>

#include "base.h"

struct listener {
    int fd;
    pid_t pid; /* a forked child that knows nothing of us must not remove the file */
    dev_t device;
    ino_t inode;
    struct sockaddr_un address;
};

/*
 * Listen at `path`, in which each %p becomes the process id. 0, or a negative
 * errno with nothing made: -EINVAL for an empty path, -ENAMETOOLONG, -EEXIST
 * where there is something that is no socket, -EADDRINUSE where somebody answers
 * at it, or what the system says.
 */
int listener_open(struct listener *listener, const char *path);

/* Remove the file if it is the one that was made. */
void listener_remove(const struct listener *listener);

#endif /* LISTEN_H */
