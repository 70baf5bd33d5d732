#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dump.h"

static const struct document {
    const char *word, *path, *type;
    enum bufpool_format format;
} documents[] = {
    {"text", "/", "text/plain; charset=utf-8", BUFPOOL_TEXT},
    {"json", "/json", "application/json", BUFPOOL_JSON},
    {"prometheus", "/metrics", "text/plain; version=0.0.4; charset=utf-8", BUFPOOL_PROMETHEUS},
};

#define DOCUMENTS (sizeof documents / sizeof documents[0])

/* ------------------------------------------------------------ the answer */

/* Answer with what `write_answer` writes; false where there is no memory for it. */
static bool answer_with(struct client *client, bool (*write_answer)(FILE *out, const void *arg),
                        const void *arg)
{
    FILE *out = open_memstream(&client->answer, &client->size);
    if (out == NULL)
        return false;
    bool whole = write_answer(out, arg);
    /* Closed: now answer and size are set. */
    return fclose(out) == 0 && whole;
}

static bool write_document(FILE *out, const void *arg)
{
    const struct document *document = arg;
    return dump_all(out, document->format) == 0;
}

static bool write_line(FILE *out, const void *arg)
{
    return fputs(arg, out) >= 0;
}

struct page {
    const char *status, *type;
    const char *body;
    size_t size;
};

static bool write_page(FILE *out, const void *arg)
{
    const struct page *page = arg;
    fprintf(out, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
            page->status, page->type, page->size);
    return fwrite(page->body, 1, page->size, out) == page->size;
}

static bool answer_status(struct client *client, const char *status)
{
    const struct page page = {.status = status, .type = documents[0].type, .body = "", .size = 0};
    return answer_with(client, write_page, &page);
}

/* "GET /metrics HTTP/1.1", the rest of the header does not matter. */
static bool answer_http(struct client *client, char *line)
{
    char *path = strchr(line, ' ');
    char *end = strrchr(line, ' ');
    const struct document *document = NULL;

    if (path == NULL || path == end)
        return answer_status(client, "400 Bad Request");
    *path++ = *end = '\0';
    if (strcmp(line, "GET") != 0)
        return answer_status(client, "405 Method Not Allowed");
    path[strcspn(path, "?")] = '\0';
    for (size_t i = 0; i < DOCUMENTS; i++)
        if (strcmp(path, documents[i].path) == 0)
            document = &documents[i];
    if (document == NULL)
        return answer_status(client, "404 Not Found");

    struct client body = {.answer = NULL};
    bool whole = answer_with(&body, write_document, document);
    const struct page page = {
        .status = "200 OK", .type = document->type, .body = body.answer, .size = body.size};
    whole = whole && answer_with(client, write_page, &page);
    free(body.answer);
    return whole;
}

static bool answer_word(struct client *client, const char *word)
{
    for (size_t i = 0; i < DOCUMENTS; i++)
        if (strcmp(word, documents[i].word) == 0 || *word == '\0')
            return answer_with(client, write_document, &documents[i]);
    return answer_with(client, write_line, "bufpool: say text, json or prometheus\n");
}

/* ------------------------------------------------------------ the question */

static bool is_http(const char *line, size_t length)
{
    static const char version[] = " HTTP/1.";
    const size_t bytes = sizeof version - 1;
    return length > bytes + 1 && memcmp(line + length - bytes - 1, version, bytes) == 0;
}

/* Is it asked to its end? `at_end`: no more comes. Then the first line is cut off, and answered. */
static bool answer_if_asked(struct client *client, bool at_end)
{
    char *question = client->question;

    question[client->asked] = '\0';
    size_t length = strcspn(question, "\r\n");
    bool has_line = question[length] != '\0';
    bool http = is_http(question, length);
    bool has_header = strstr(question, "\n\r\n") != NULL || strstr(question, "\n\n") != NULL;

    if (!at_end && client->asked < QUESTION_MAX - 1 && !(http ? has_header : has_line))
        return true; /* go on asking */
    question[length] = '\0';
    return http ? answer_http(client, question) : answer_word(client, question);
}

static bool listen_on(struct client *client)
{
    while (!client_is_answered(client)) {
        ssize_t got = recv(client->fd, client->question + client->asked, QUESTION_MAX - 1 - client->asked, 0);
        if (got < 0 && errno != EINTR)
            return errno == EAGAIN;
        if (got < 0)
            continue;
        client->asked += (size_t)got;
        if (!answer_if_asked(client, got == 0))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------ the conversation */

bool client_go_on(struct client *client)
{
    if (!client_is_answered(client) && !listen_on(client))
        return false;
    while (client_is_answered(client) && client->sent < client->size) {
        /* Who has gone is no reason for a signal. */
        ssize_t sent =
            send(client->fd, client->answer + client->sent, client->size - client->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return errno == EAGAIN;
        if (sent > 0)
            client->sent += (size_t)sent;
    }
    return !client_is_answered(client);
}

void client_end(struct client *client)
{
    /* What was said and not heard would turn the end into an error for who reads it. Not for ever. */
    for (int i = 0; i < 16 && recv(client->fd, client->question, QUESTION_MAX, 0) > 0; i++)
        continue;
    close(client->fd);
    free(client->answer);
    client->answer = NULL;
    client->fd = -1;
}
