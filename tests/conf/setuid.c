/*
 * A set-uid program is not its caller's to configure: a copy of this one, owned
 * by one user and run by another, makes its default pool with all defaults.
 *
 *   conf_setuid          the test; as root, who alone can make such a copy
 *   conf_setuid tiers    prints how many tiers the default pool has, and whether
 *                        the kernel calls this run a secure one
 */
#include <bufpool.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OWNER = 1, CALLER = 65534, SKIPPED = 77 }; /* daemon and nobody, on Debian */

static int tell_tiers(void)
{
    printf("%zu tiers, secure %lu\n", bufpool_tiers(NULL, NULL, 0), getauxval(AT_SECURE));
    return 0;
}

static bool copy(const char *to)
{
    struct stat about;
    int in = open("/proc/self/exe", O_RDONLY);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0700);
    bool copied = in >= 0 && out >= 0 && fstat(in, &about) == 0;

    while (copied && about.st_size > 0) {
        ssize_t bytes = sendfile(out, in, NULL, (size_t)about.st_size);
        copied = bytes > 0;
        about.st_size -= bytes;
    }
    /* The owner first: changing it takes the bit away. */
    copied = copied && fchown(out, OWNER, OWNER) == 0 && fchmod(out, 04755) == 0;
    close(in);
    close(out);
    return copied;
}

/* What it prints, run by a user who has nothing to do with it; or by us. */
static bool run(const char *program, bool as_other, char *line, size_t size)
{
    int pipes[2], status;
    if (pipe(pipes) != 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        if (as_other && (setgroups(0, NULL) != 0 || setgid(CALLER) != 0 || setuid(CALLER) != 0))
            _exit(2);
        execl(program, program, "tiers", (char *)NULL);
        _exit(3);
    }
    close(pipes[1]);
    ssize_t got = child > 0 ? read(pipes[0], line, size - 1) : -1;
    close(pipes[0]);
    line[got > 0 ? got : 0] = '\0';
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(int count, char **arguments)
{
    char directory[] = "/tmp/bufpool-setuid-XXXXXX", program[64], own[64], other[64];

    if (count == 2 && strcmp(arguments[1], "tiers") == 0)
        return tell_tiers();
    if (geteuid() != 0) {
        puts("conf_setuid: only root can make a program set-uid for somebody else: skipped");
        return SKIPPED;
    }
    if (setenv("BUFPOOL_CONF", "tiers:4096", 1) != 0 || mkdtemp(directory) == NULL ||
        chmod(directory, 0755) != 0)
        return 1;
    snprintf(program, sizeof program, "%s/copy", directory);
    bool ran = copy(program) && run("/proc/self/exe", false, own, sizeof own) &&
               run(program, true, other, sizeof other);
    unlink(program);
    rmdir(directory);
    if (!ran) {
        fputs("conf_setuid: FAIL: a copy cannot be made or run\n", stderr);
        return 1;
    }
    printf("conf_setuid: as it is: %sconf_setuid: set-uid, for another user: %s", own, other);
    if (strstr(other, "secure 0") != NULL) {
        puts("conf_setuid: no set-uid programs where this copy was put: skipped");
        return SKIPPED;
    }
    return strcmp(own, "1 tiers, secure 0\n") == 0 && strcmp(other, "12 tiers, secure 1\n") == 0 ? 0 : 1;
}
