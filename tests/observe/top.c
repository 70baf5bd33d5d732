/*
 * bufpool-top: what it prints, and what it leaves of a terminal.
 */
#include <bufpool/observe.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pty.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include "pools.h"
#include "talk.h"

TestSuite(observe_top, .timeout = 120);

/* What a command prints on both its outputs, and how it ended. To be freed. */
static char *run(const char *command, int *status)
{
    char *text = calloc(1, 1 << 16);
    FILE *out = popen(command, "r");

    MUST(text != NULL && out != NULL);
    size_t got = fread(text, 1, (1 << 16) - 1, out);
    text[got] = '\0';
    *status = pclose(out);
    return text;
}

static char *run_once(const char *who, int *status)
{
    char command[512];
    snprintf(command, sizeof command, "'%s' --once '%s' 2>&1", TOP, who);
    return run(command, status);
}

/* A pool "held": 3 of 1 MiB in use, which is 3.0M; 5 of 8 KiB idle. And its socket. */
static char *served(void)
{
    bufpool_config_t config = still_config();
    void *buffers[5];

    config.name = "held";
    bufpool_t *pool = pool_from(&config);
    get_many(pool, 8 * KIB, buffers, 5);
    put_many(pool, buffers, 5);
    get_many(pool, MIB, buffers, 3);
    char *path = talk_path();
    MUST(bufpool_stats_serve(path) == 0);
    return path;
}

static void has_row(const char *text, const char *tier, const char *in_use, const char *private)
{
    char row[64];
    snprintf(row, sizeof row, "\n%7s %8s %8s ", tier, in_use, private);
    cr_assert(strstr(text, row) != NULL, "no row%s in\n%s", row, text);
}

/* Fails when a byte in use is shown as idle, or the other way round, or a page for a file has escapes in it.
 */
Test(observe_top, one_page_shows_what_the_program_holds)
{
    int status;
    char *text = run_once(served(), &status);
    char line[64];

    cr_assert(eq(int, status, 0), "%s", text);
    snprintf(line, sizeof line, "process %ld ", (long)getpid());
    cr_assert(strncmp(text, line, strlen(line)) == 0, "%s", text);
    cr_assert(strstr(text, "\nheld #0: ") != NULL, "%s", text);
    has_row(text, "1M", "3.0M", "0");
    has_row(text, "8K", "0", "40K");
    has_row(text, "all", "3.0M", "40K");
    cr_assert(strstr(text, "10 tiers never used\n") != NULL, "%s", text);
    cr_assert(strchr(text, '\033') == NULL, "%s", text);
    free(text);
    bufpool_stats_serve(NULL);
}

/* Fails when the environment of a process is not read as the library reads it. */
Test(observe_top, a_process_is_found_by_its_number)
{
    char *path = talk_path();
    int in[2], out[2], status;
    char word[6], who[32], setting[200];

    snprintf(setting, sizeof setting, "BUFPOOL_STATS=%s.%%p", path);
    MUST(pipe(in) == 0 && pipe(out) == 0);
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[1]);
        putenv(setting);
        execl(SERVER, SERVER, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    MUST(read(out[0], word, sizeof word) == 6 && strncmp(word, "ready\n", 6) == 0);
    snprintf(who, sizeof who, "%ld", (long)child);
    char *text = run_once(who, &status);
    cr_assert(eq(int, status, 0), "%s", text);
    cr_assert(strstr(text, "observe_server: ") != NULL, "%s", text);
    has_row(text, "1M", "5.0M", "0");
    free(text);
    close(in[1]);
    MUST(waitpid(child, &status, 0) == child);
    cr_assert(eq(int, status, 0));

    text = run_once(who, &status);
    cr_assert(eq(int, WEXITSTATUS(status), 1));
    cr_assert(strstr(text, ": there is none\n") != NULL, "%s", text);
    free(text);
    snprintf(who, sizeof who, "%ld", (long)getpid());
    text = run_once(who, &status);
    cr_assert(eq(int, WEXITSTATUS(status), 1));
    cr_assert(strstr(text, "was not started with BUFPOOL_STATS") != NULL, "%s", text);
    free(text);
}

struct answerer {
    int fd;
    const char *answer;
};

/* Says its line to one client, whatever is asked. */
static void *answer_one(void *arg)
{
    const struct answerer *answerer = arg;
    char question[64];
    int client = accept(answerer->fd, NULL, NULL);

    MUST(client >= 0 && read(client, question, sizeof question) > 0);
    talk_say(client, answerer->answer);
    close(client);
    return NULL;
}

static char *told_by(const char *path, const char *answer, int *status)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct answerer answerer = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .answer = answer};
    pthread_t thread;

    strcpy(address.sun_path, path);
    unlink(path);
    MUST(bind(answerer.fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
         listen(answerer.fd, 1) == 0);
    MUST(pthread_create(&thread, NULL, answer_one, &answerer) == 0);
    char *text = run_once(path, status);
    pthread_join(thread, NULL);
    close(answerer.fd);
    return text;
}

/* Fails when a peer that is none of ours moves the cursor of who looks, or crashes what looks. */
Test(observe_top, any_answer_is_shown_or_refused)
{
    char *path = talk_path();
    int status;

    char *text = told_by(path,
                         "{\"pid\":1,\"rss_bytes\":null,\"pools\":[{\"pool\":\"\\u001b[2J\\u009b2J\\u007f\","
                         "\"number\":0,\"total\":{},\"tiers\":[7,{}]}]}\n",
                         &status);
    cr_assert(eq(int, status, 0), "%s", text);
    cr_assert(strstr(text, "\n?[2J??2J? #0: ") != NULL, "%s", text);
    cr_assert(strstr(text, " ? resident,") != NULL, "%s", text);
    free(text);

    const char *const refused[] = {"{}\n", "[1]\n", "{\"pools\":7}\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
                                   "\n"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        text = told_by(path, refused[i], &status);
        cr_assert(eq(int, WEXITSTATUS(status), 1), "%s", text);
        cr_assert(strncmp(text, "bench/top: ", 11) == 0, "%s", text);
        free(text);
    }
}

struct session {
    pid_t pid;
    int terminal;
    struct termios before;
    char seen[1 << 16];
    size_t bytes;
};

static void begin(struct session *session, const char *path, unsigned short rows, unsigned short columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    int other;

    session->bytes = 0;
    MUST(openpty(&session->terminal, &other, NULL, NULL, &size) == 0);
    MUST(tcgetattr(other, &session->before) == 0);
    session->pid = fork();
    MUST(session->pid >= 0);
    if (session->pid == 0) {
        close(session->terminal);
        MUST(login_tty(other) == 0);
        execl(TOP, TOP, path, (char *)NULL);
        _exit(127);
    }
    /* `other` stays open: so the terminal's settings are still there when the program has gone. */
}

/* Read on until this has been shown. */
static void wait_for(struct session *session, const char *text)
{
    while (strstr(session->seen, text) == NULL) {
        ssize_t got = read(session->terminal, session->seen + session->bytes,
                           sizeof session->seen - 1 - session->bytes);
        MUST(got > 0);
        session->bytes += (size_t)got;
        session->seen[session->bytes] = '\0';
    }
}

static int end(struct session *session)
{
    struct termios after;
    int status;

    wait_for(session, "\033[?25h\033[?1049l");
    MUST(waitpid(session->pid, &status, 0) == session->pid);
    MUST(tcgetattr(session->terminal, &after) == 0);
    cr_assert(eq(uint, after.c_lflag, session->before.c_lflag));
    cr_assert(eq(int, after.c_cc[VSUSP], session->before.c_cc[VSUSP]));
    return status;
}

/* Fails when keys are not heard, or the terminal stays raw, without a cursor or on a page of its own. */
Test(observe_top, a_terminal_is_given_back_as_it_was)
{
    static struct session session;
    char *path = served();

    begin(&session, path, 24, 80);
    wait_for(&session, "n next pool");
    cr_assert(strncmp(session.seen, "\033[?1049h\033[?25l", 14) == 0);
    MUST(write(session.terminal, "q", 1) == 1);
    cr_assert(eq(int, end(&session), 0));

    /* Ctrl-C; and the process it watches has gone. */
    memset(&session, 0, sizeof session);
    begin(&session, path, 24, 80);
    wait_for(&session, "n next pool");
    MUST(write(session.terminal, "\003", 1) == 1);
    int status = end(&session);
    bool by_signal = WIFSIGNALED(status) && WTERMSIG(status) == SIGINT;
    cr_assert(by_signal, "status %#x", (unsigned)status);

    memset(&session, 0, sizeof session);
    begin(&session, path, 24, 80);
    wait_for(&session, "n next pool");
    bufpool_stats_serve(NULL);
    status = end(&session);
    cr_assert(eq(int, WEXITSTATUS(status), 1));
}

/* Fails when a line wraps, or the page scrolls: then nothing stands where it stood a second ago. */
Test(observe_top, a_page_fits_its_terminal)
{
    static struct session session;

    begin(&session, served(), 6, 40);
    wait_for(&session, "...");
    MUST(write(session.terminal, "q", 1) == 1);
    cr_assert(eq(int, end(&session), 0));

    /* The first page: from home to what clears the rest. */
    char *page = strstr(session.seen, "\033[H") + 3;
    *strstr(page, "\033[J") = '\0';
    unsigned rows = 0;
    for (char *line = strtok(page, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
        cr_assert(le(sz, strcspn(line, "\033"), 40), "%s", line);
        rows++;
    }
    cr_assert(le(uint, rows, 6));
    bufpool_stats_serve(NULL);
}
