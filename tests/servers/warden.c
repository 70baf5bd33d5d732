/*
 * warden - a process between a test and a server, so that no server outlives its test however that ends.
 *
 *   warden DIRECTORY USER COMMAND [ARGUMENTS...]
 *
 * Runs COMMAND in DIRECTORY as USER where it is root itself. Standard input is a socket to the test; a byte
 * on it is a wish, answered with a byte when it is done:
 *
 *   s  start the command             k  kill -9 it and all that it started; answered when all are gone
 *   ?  does it run? y or n           z  stop it (SIGSTOP)             c  have it go on (SIGCONT)
 *
 * When the socket ends, which it does with the test, everything is killed and DIRECTORY removed.
 */
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t command; /* 0: it does not run */

/* ------------------------------------------------------------ its children */

static bool become(const char *user)
{
    if (geteuid() != 0)
        return true;
    const struct passwd *entry = getpwnam(user);
    return entry != NULL && setgid(entry->pw_gid) == 0 && setuid(entry->pw_uid) == 0;
}

static void run(const char *directory, const char *user, char **arguments, pid_t warden)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int log = open("log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

    if (nothing < 0 || log < 0 || !become(user) || chdir(directory) != 0)
        _exit(126);
    /* Behind setuid, which clears it. The warden itself may be killed too. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != warden)
        _exit(126);
    dup2(nothing, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execvp(arguments[0], arguments);
    perror(arguments[0]);
    _exit(127);
}

static bool start(const char *directory, const char *user, char **arguments)
{
    pid_t warden = getpid();
    pid_t child = fork();

    if (child == 0)
        run(directory, user, arguments, warden);
    command = child > 0 ? child : 0;
    return child > 0;
}

/* Of what the command has started and left, we are the parent: see main. */
static void kill_children(void)
{
    FILE *list = fopen("/proc/thread-self/children", "re");
    int child;

    if (list == NULL)
        return;
    while (fscanf(list, "%d", &child) == 1)
        kill(child, SIGKILL);
    fclose(list);
}

/* System V's shared memory outlives its processes: PostgreSQL has a piece, to know whether it runs twice. */
static void remove_shared_memory(pid_t creator)
{
    FILE *list = fopen("/proc/sysvipc/shm", "re");
    char line[512];
    int id, process;

    if (list == NULL)
        return;
    while (fgets(line, sizeof line, list) != NULL) {
        if (sscanf(line, "%*d %d %*o %*u %d", &id, &process) == 2 && process == creator)
            shmctl(id, IPC_RMID, NULL);
    }
    fclose(list);
}

static void kill_all(void)
{
    if (command != 0)
        kill(command, SIGKILL);
    do
        kill_children();
    while (waitpid(-1, NULL, 0) > 0);
    if (command != 0)
        remove_shared_memory(command);
    command = 0;
}

static bool runs(void)
{
    pid_t ended;

    while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
        if (ended == command)
            command = 0;
    return command != 0;
}

/* ------------------------------------------------------------ its end */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static char answer(char wish, char **argv)
{
    switch (wish) {
    case 's':
        return start(argv[1], argv[2], argv + 3) ? 's' : '!';
    case 'k':
        kill_all();
        return 'k';
    case 'z':
        return command != 0 && kill(command, SIGSTOP) == 0 ? 'z' : '!';
    case 'c':
        return command != 0 && kill(command, SIGCONT) == 0 ? 'c' : '!';
    default:
        return runs() ? 'y' : 'n';
    }
}

int main(int argc, char **argv)
{
    char wish;

    if (argc < 4)
        return 2;
    /* A connection of the test's that we had too would not end when the test closes it. */
    close_range(STDERR_FILENO + 1, ~0u, 0);
    setsid(); /* the terminal's Ctrl-C is the test's alone */
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (chdir(argv[1]) != 0)
        return 1;
    while (read(STDIN_FILENO, &wish, 1) == 1) {
        char done = answer(wish, argv);
        if (write(STDIN_FILENO, &done, 1) != 1)
            break;
    }
    kill_all();
    return nftw(argv[1], remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 ? 0 : 1;
}
