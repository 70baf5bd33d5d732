#include "listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than connect in one go; the rest waits in connect. */
#define BACKLOG 64

static int expand(struct sockaddr_un *address, const char *path)
{
    size_t used = 0;

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (*path == '\0')
        return -EINVAL;
    while (*path != '\0') {
        size_t room = sizeof address->sun_path - used;
        bool is_pid = path[0] == '%' && path[1] == 'p';
        int length = is_pid ? snprintf(address->sun_path + used, room, "%ld", (long)getpid())
                            : snprintf(address->sun_path + used, room, "%c", *path);
        if ((size_t)length >= room)
            return -ENAMETOOLONG;
        used += (size_t)length;
        path += is_pid ? 2 : 1;
    }
    return 0;
}

static int open_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

/* 0 where nobody answers at the file that is in our way, and it is gone now. */
static int remove_stale(const struct sockaddr_un *address)
{
    struct stat found;

    if (lstat(address->sun_path, &found) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(found.st_mode))
        return -EEXIST;
    int fd = open_socket();
    if (fd < 0)
        return fd;
    int error = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    close(fd);
    if (error == ECONNREFUSED)
        return unlink(address->sun_path) == 0 || errno == ENOENT ? 0 : -errno;
    /* EAGAIN: somebody answers, but not to so many; EPROTOTYPE: a socket of another kind. */
    return error == 0 || error == EAGAIN || error == EPROTOTYPE ? -EADDRINUSE : -error;
}

static int bind_socket(const struct listener *listener)
{
    const struct sockaddr *address = (const struct sockaddr *)&listener->address;

    if (bind(listener->fd, address, sizeof listener->address) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;
    int error = remove_stale(&listener->address);
    if (error != 0)
        return error;
    return bind(listener->fd, address, sizeof listener->address) == 0 ? 0 : -errno;
}

int listener_open(struct listener *listener, const char *path)
{
    struct stat made;

    int error = expand(&listener->address, path);
    if (error != 0)
        return error;
    listener->fd = open_socket();
    if (listener->fd < 0)
        return listener->fd;
    /* Before there is a file: it never is another's to open, whatever the umask. */
    error = fchmod(listener->fd, S_IRUSR | S_IWUSR) == 0 ? 0 : -errno;
    if (error == 0)
        error = bind_socket(listener);
    if (error != 0)
        goto no_socket;
    listener->pid = getpid();
    if (lstat(listener->address.sun_path, &made) != 0) {
        error = -errno;
        goto no_socket;
    }
    listener->device = made.st_dev;
    listener->inode = made.st_ino;
    if (listen(listener->fd, BACKLOG) != 0) {
        error = -errno;
        listener_remove(listener);
        goto no_socket;
    }
    return 0;

no_socket:
    close(listener->fd);
    return error;
}

void listener_remove(const struct listener *listener)
{
    struct stat found;

    if (listener->pid == getpid() && lstat(listener->address.sun_path, &found) == 0 &&
        found.st_dev == listener->device && found.st_ino == listener->inode)
        unlink(listener->address.sun_path);
}
