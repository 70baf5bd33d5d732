/*
 * The statistics socket: where it may be made, when it goes, and whose it is.
 */
#include <bufpool/observe.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pools.h"
#include "process.h"
#include "talk.h"
#include "text.h"

TestSuite(observe_life, .timeout = 120);

static bool exists(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0;
}

static bool is_served(const char *path)
{
    char *json = talk(path, "json\n");
    bool valid = json_is_valid(json);
    free(json);
    return valid;
}

/* A socket file that nobody answers at any more. */
static void leave_stale(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    MUST(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0);
    close(fd);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    MUST(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Fails when a process that was killed keeps its successor from serving. */
Test(observe_life, a_stale_socket_is_replaced)
{
    char *path = talk_path();

    leave_stale(path);
    MUST(talk_try(path) < 0 && errno == ECONNREFUSED);
    cr_assert(eq(int, bufpool_stats_serve(path), 0));
    cr_assert(is_served(path));
    bufpool_stats_serve(NULL);
}

/* Fails when somebody's file, or the socket of a process that lives, is taken away. */
Test(observe_life, nothing_else_is_ever_replaced)
{
    char *path = talk_path();
    char text[16] = "";

    write_file(path, "precious\n");
    cr_assert(eq(int, bufpool_stats_serve(path), -EEXIST));
    FILE *file = fopen(path, "r");
    MUST(file != NULL && fgets(text, sizeof text, file) != NULL);
    cr_assert(strcmp(text, "precious\n") == 0, "%s", text);

    unlink(path);
    MUST(symlink("/dev/null", path) == 0);
    cr_assert(eq(int, bufpool_stats_serve(path), -EEXIST));
    cr_assert(exists(path));
    unlink(path);
    MUST(mkdir(path, 0700) == 0);
    cr_assert(eq(int, bufpool_stats_serve(path), -EEXIST));
    rmdir(path);
}

struct other {
    int told[2], stop[2];
    const char *path;
};

static int serve_until_told(void *arg)
{
    struct other *other = arg;
    char byte = (char)bufpool_stats_serve(other->path);

    close(other->stop[1]);
    MUST(write(other->told[1], &byte, 1) == 1);
    MUST(read(other->stop[0], &byte, 1) == 0);
    return 0;
}

/* Fails when two processes with one path fight for it. */
Test(observe_life, a_socket_that_answers_stays)
{
    struct other other = {.path = talk_path()};
    char byte = 1;

    MUST(pipe(other.told) == 0 && pipe(other.stop) == 0);
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0)
        _exit(serve_until_told(&other));
    MUST(read(other.told[0], &byte, 1) == 1);
    cr_assert(eq(int, byte, 0));
    cr_assert(eq(int, bufpool_stats_serve(other.path), -EADDRINUSE));
    cr_assert(is_served(other.path));
    close(other.stop[1]);
    MUST(waitpid(child, NULL, 0) == child);
    /* It left without exit handlers: stale now. */
    cr_assert(eq(int, bufpool_stats_serve(other.path), 0));
    bufpool_stats_serve(NULL);
}

/* Fails when others may read what the program does, or the umask decides about it. */
Test(observe_life, only_the_owner_may_connect)
{
    char *path = talk_path();
    struct stat made;

    umask(0);
    cr_assert(eq(int, bufpool_stats_serve(path), 0));
    MUST(lstat(path, &made) == 0);
    bool is_socket = S_ISSOCK(made.st_mode);
    cr_assert(is_socket);
    cr_assert(eq(uint, made.st_mode & 07777, 0600));
    bufpool_stats_serve(NULL);
}

/* Fails when an error goes untold, or leaves a file, a thread or a descriptor behind. */
Test(observe_life, errors_are_told_and_leave_nothing)
{
    char *path = talk_path();
    char missing[200], longest[200];

    snprintf(missing, sizeof missing, "%s/stats.sock", path);
    snprintf(longest, sizeof longest, "/tmp/%0110d", 0);
    cr_assert(eq(int, bufpool_stats_serve(""), -EINVAL));
    cr_assert(eq(int, bufpool_stats_serve(missing), -ENOENT));
    cr_assert(eq(int, bufpool_stats_serve(longest), -ENAMETOOLONG));
    cr_assert(not(exists(path)));
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(before);
    cr_assert(eq(int, bufpool_stats_serve(missing), -ENOENT));
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert(eq(int, before, after));

    cr_assert(eq(int, bufpool_stats_serve(path), 0));
    cr_assert(eq(int, bufpool_stats_serve(path), -EBUSY));
    cr_assert(eq(int, bufpool_stats_serve("/tmp/another"), -EBUSY));
    cr_assert(is_served(path));
    bufpool_stats_serve(NULL);
}

/* Threads of this process by name; of the last one found, its line of /proc that says which signals it
 * blocks. */
static unsigned threads_named(const char *name, char blocked[64])
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned found = 0;

    MUST(tasks != NULL);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char file[300], line[128], is[64] = "";
        snprintf(file, sizeof file, "/proc/self/task/%s/status", task->d_name);
        FILE *status = fopen(file, "r");
        while (status != NULL && fgets(line, sizeof line, status) != NULL) {
            sscanf(line, "Name: %63s", is);
            if (strcmp(is, name) == 0)
                sscanf(line, "SigBlk: %63s", blocked);
        }
        if (status != NULL)
            fclose(status);
        found += strcmp(is, name) == 0;
    }
    closedir(tasks);
    return found;
}

/* Fails when a thread runs that nobody asked for, stays behind, or takes the program's signals. */
Test(observe_life, one_thread_while_it_is_asked_for)
{
    char *path = talk_path();
    char blocked[64] = "";

    still_pool();
    cr_assert(eq(uint, threads_named("bufpool-stats", blocked), 0));
    for (int i = 0; i < 20; i++) {
        cr_assert(eq(int, bufpool_stats_serve(path), 0));
        cr_assert(eq(uint, threads_named("bufpool-stats", blocked), 1));
        /* All but KILL and STOP; of the two that are the C library's own it decides itself. */
        cr_assert(eq(u64, strtoull(blocked, NULL, 16) | (uint64_t)3 << 31, 0xfffffffffffbfeff), "%s",
                  blocked);
        cr_assert(eq(int, bufpool_stats_serve(NULL), 0));
        while (threads_named("bufpool-stats", blocked) != 0)
            sched_yield(); /* joined: the kernel takes it off its list in a moment */
        cr_assert(not(exists(path)));
        cr_assert(talk_try(path) < 0);
    }
    cr_assert(eq(int, bufpool_stats_serve(NULL), 0));
}

static int child_of_a_server(void *arg)
{
    const char *path = arg;
    char own[200];

    if (threads_named("bufpool-stats", (char[64]){""}) != 0)
        return 1;
    /* The path is the parent's, who answers there; the child may have its own. */
    if (bufpool_stats_serve(path) != -EADDRINUSE)
        return 2;
    snprintf(own, sizeof own, "%s.child", path);
    if (bufpool_stats_serve(own) != 0 || !is_served(own))
        return 3;
    char *json = talk(own, "json\n");
    uint64_t pid = json_number(json, "pid");
    free(json);
    if (pid != (uint64_t)getpid())
        return 4;
    bufpool_stats_serve(NULL);
    return exists(own) ? 5 : 0;
}

/* Fails when a forked child serves its parent's socket, or closes or removes it. */
Test(observe_life, a_forked_child_serves_nothing_of_its_parents)
{
    char *path = talk_path();

    still_pool();
    MUST(bufpool_stats_serve(path) == 0);
    struct child_end end = child_run(child_of_a_server, path);
    cr_assert(child_exited(&end, 0), "status %#x\n%s", (unsigned)end.status, end.errors);
    char *json = talk(path, "json\n");
    cr_assert(eq(u64, json_number(json, "pid"), (uint64_t)getpid()));
    free(json);
    bufpool_stats_serve(NULL);
}

/* Fails when a child keeps its parent's socket or clients open: then a client waits for an end that never
 * comes. */
Test(observe_life, a_child_that_lives_on_holds_nobody)
{
    char *path = talk_path();
    int stop[2];
    char byte;

    still_pool();
    MUST(bufpool_stats_serve(path) == 0 && pipe(stop) == 0);
    int early = talk_to(path);
    cr_assert(is_served(path)); /* so the earlier one has been let in */
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        close(stop[1]);
        close(early);
        _exit((int)read(stop[0], &byte, 1));
    }
    talk_say(early, "json\n");
    char *json = talk_hear(early);
    cr_assert(json_is_valid(json));
    free(json);
    bufpool_stats_serve(NULL);
    /* Nobody listens, though the child lives: a later server finds the place free. */
    leave_stale(path);
    cr_assert(talk_try(path) < 0);
    cr_assert(eq(int, errno, ECONNREFUSED));
    close(stop[1]);
    MUST(waitpid(child, NULL, 0) == child);
}

static int serve_and_exit(void *arg)
{
    if (bufpool_stats_serve(arg) != 0)
        return 1;
    exit(0);
}

static int serve_and_lose_it(void *arg)
{
    if (bufpool_stats_serve(arg) != 0)
        return 1;
    unlink(arg);
    write_file(arg, "another's\n");
    exit(0);
}

/* Fails when a file stays behind at exit, or one goes that is another's by now. */
Test(observe_life, exit_removes_the_file_that_is_ours)
{
    char *path = talk_path();

    struct child_end end = child_run(serve_and_exit, path);
    cr_assert(child_exited(&end, 0), "%s", end.errors);
    cr_assert(not(exists(path)));
    end = child_run(serve_and_lose_it, path);
    cr_assert(child_exited(&end, 0), "%s", end.errors);
    cr_assert(exists(path));
    unlink(path);
}

static int first_pool_with(void *arg)
{
    char expected[200];

    setenv("BUFPOOL_STATS", arg, 1);
    still_pool();
    snprintf(expected, sizeof expected, "%.*s%ld", (int)strlen(arg) - 2, (const char *)arg, (long)getpid());
    still_pool(); /* looks no second time */
    if (!is_served(expected))
        return 1;
    exit(0); /* and it goes */
}

static int first_pool_without_a_place(void *arg)
{
    bufpool_t *pool;
    setenv("BUFPOOL_STATS", arg, 1);
    errno = 77;
    if (bufpool_create(&pool, NULL) != 0 || errno != 77)
        return 1;
    return bufpool_create(&pool, NULL);
}

/* Fails when the environment does not start it, once, or keeps a program from its pool. */
Test(observe_life, the_environment_asks_for_it)
{
    char *path = talk_path();
    char with_pid[200], missing[200];

    snprintf(with_pid, sizeof with_pid, "%s.%%p", path);
    snprintf(missing, sizeof missing, "%s/none", path);
    struct child_end end = child_run(first_pool_with, with_pid);
    cr_assert(child_exited(&end, 0), "status %#x\n%s", (unsigned)end.status, end.errors);
    cr_assert(strstr(end.errors, "bufpool:") == NULL, "%s", end.errors);

    end = child_run(first_pool_without_a_place, missing);
    cr_assert(child_exited(&end, 0), "%s", end.errors);
    char line[256];
    snprintf(line, sizeof line, "bufpool: BUFPOOL_STATS=%s: No such file or directory\n", missing);
    cr_assert(strncmp(end.errors, line, strlen(line)) == 0, "%s", end.errors);
    cr_assert(strstr(end.errors + strlen(line), "bufpool:") == NULL, "%s", end.errors);
    end = child_run(first_pool_without_a_place, missing + strlen(missing));
    cr_assert(child_exited(&end, 0), "%s", end.errors);
    cr_assert(strstr(end.errors, "bufpool:") == NULL, "%s", end.errors);
}
