#include "answers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Protocol 3.0, as user and for database "postgres". */
static const char startup[] = "\0\0\0\x29\0\3\0\0user\0postgres\0database\0postgres\0";

_Static_assert(sizeof startup == 0x29, "its first word is its length");

static const struct {
    const char *question;
    size_t size;
    const char *answer; /* how it begins */
} greeting[] = {
    [SERVER_REDIS] = {"PING\r\n", 6, "+PONG"},
    [SERVER_MEMCACHED] = {"version\r\n", 9, "VERSION"},
    [SERVER_POSTGRES] = {startup, sizeof startup, "R"}, /* of authentication: none is asked for */
};

int loopback_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = 10};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

bool server_answers(enum server_kind kind, uint16_t port)
{
    const char *expected = greeting[kind].answer;
    size_t size = strlen(expected), got = 0;
    char answer[16];
    int fd = loopback_connect(port);

    if (fd < 0)
        return false;
    bool is_asked = send(fd, greeting[kind].question, greeting[kind].size, MSG_NOSIGNAL) > 0;
    while (is_asked && got < size) {
        ssize_t more = recv(fd, answer + got, size - got, 0);
        if (more <= 0)
            break;
        got += (size_t)more;
    }
    close(fd);
    return got == size && memcmp(answer, expected, size) == 0;
}
