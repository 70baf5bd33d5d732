#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool borrowed;
static volatile sig_atomic_t ended_by;

static void on_end(int signal)
{
    ended_by = signal;
}

/* Only so that poll returns. */
static void on_resize(int signal)
{
    (void)signal;
}

static void put(const char *text)
{
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t put = write(STDOUT_FILENO, text, length);
        if (put < 0 && errno != EINTR)
            return;
        if (put > 0) {
            text += put;
            length -= (size_t)put;
        }
    }
}

static void take_signals(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_end};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        sigaction(ends[i], &action, NULL);
    action.sa_handler = on_resize;
    sigaction(SIGWINCH, &action, NULL);
}

bool screen_begin(void)
{
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* a stopped program could not give the terminal back */
    take_signals();
    atexit(screen_end);
    borrowed = true;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0) {
        borrowed = false;
        return false;
    }
    put("\033[?1049h\033[?25l"); /* a page of its own, no cursor */
    return true;
}

void screen_end(void)
{
    if (!borrowed)
        return;
    borrowed = false;
    put("\033[?25h\033[?1049l");
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

void screen_pass_signal_on(void)
{
    if (ended_by == 0)
        return;
    signal(ended_by, SIG_DFL);
    raise(ended_by);
}

/* Bytes of the line's first `columns` characters. */
static size_t cut(const char *line, size_t length, unsigned columns)
{
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)line[i] & 0xc0) != 0x80 && columns-- == 0)
            return i;
    return length;
}

void screen_show(const char *page)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    char *text = NULL;
    size_t bytes;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        size = (struct winsize){.ws_row = 24, .ws_col = 80};
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL)
        return;
    fputs("\033[H", out);
    for (unsigned row = 0; row < size.ws_row && *page != '\0'; row++) {
        size_t length = strcspn(page, "\n");
        /* The last row is for what says that there is more. */
        bool is_cut = row + 1 == size.ws_row && page[length] == '\n' && page[length + 1] != '\0';
        const char *line = is_cut ? "..." : page;
        fprintf(out, "%s%.*s\033[K", row == 0 ? "" : "\r\n", (int)cut(line, is_cut ? 3 : length, size.ws_col),
                line);
        page += length + (page[length] == '\n');
    }
    fputs("\033[J", out);
    if (fclose(out) == 0)
        put(text);
    free(text);
}

int screen_key(int wait_ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;

    if (ended_by != 0)
        return -1;
    int ready = poll(&input, 1, wait_ms);
    if (ended_by != 0)
        return -1;
    if (ready <= 0)
        return 0;
    return read(STDIN_FILENO, &key, 1) == 1 ? key : -1; /* the end of input: nobody is there */
}
