#include "response.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* In front of texts there is room for every field that we ever send. */
enum { HEAD_MOST = 320 };

const char *response_reason(unsigned status)
{
    return http_status_str((enum http_status)status);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT". Made once a second; the loop's thread alone asks. */
static const char *date_now(void)
{
    static char text[32];
    static time_t made;
    time_t now = time(NULL);
    struct tm parts;

    if (now != made && gmtime_r(&now, &parts) != NULL) {
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        made = now;
    }
    return text;
}

/* The head, right in front of the body at `at` of the answer; there must be room. */
static void head_write(struct request *request, unsigned status, const char *type, size_t at, size_t size)
{
    char head[HEAD_MOST];
    int length = snprintf(head, sizeof head, "HTTP/1.1 %u %s\r\nDate: %s\r\n", status,
                          response_reason(status), date_now());

    if (status != 204)
        length += snprintf(head + length, sizeof head - (size_t)length,
                           "Content-Type: %s\r\nContent-Length: %zu\r\n", type, size);
    if (!request->keep_alive)
        length += snprintf(head + length, sizeof head - (size_t)length, "Connection: close\r\n");
    else if (request->parser.http_minor == 0)
        length += snprintf(head + length, sizeof head - (size_t)length, "Connection: keep-alive\r\n");
    if (status == 405)
        length += snprintf(head + length, sizeof head - (size_t)length, "Allow: %s\r\n",
                           request->is_metrics ? "GET, HEAD" : "GET, HEAD, PUT, DELETE");
    if (status == 503)
        length += snprintf(head + length, sizeof head - (size_t)length, "Retry-After: 1\r\n");
    length += snprintf(head + length, sizeof head - (size_t)length, "\r\n");

    /* To HEAD we say no more than the head, which is GET's: the value was read for its length. */
    if (request->parser.method == HTTP_HEAD)
        size = 0;
    request->answer_at = at - (size_t)length;
    request->answer_size = (size_t)length + size;
    memcpy(request->answer->data + request->answer_at, head, (size_t)length);
}

bool response_value(struct request *request)
{
    request->answer = request->call.reply;
    request->call.reply = NULL;
    head_write(request, 200, "application/octet-stream", request->call.value.at, request->call.value.size);
    return true;
}

bool response_text(struct request *request, unsigned status, const char *type, const char *text,
                   size_t length)
{
    /* Redis' reply will not be sent; its buffer serves as well as another. */
    bytebuf_t *answer =
        request->call.reply != NULL ? request->call.reply : bytes_get(request->bytes, BYTES_SHORT);

    request->call.reply = NULL;
    request->answer = answer;
    if (answer == NULL)
        return false;
    bytebuf_reset(answer);
    if (bytes_reserve(request->bytes, BYTES_SHORT, answer, HEAD_MOST + length) == NULL)
        return false;
    bytebuf_added(answer, HEAD_MOST);
    memcpy(answer->data + HEAD_MOST, text, length);
    bytebuf_added(answer, length);
    head_write(request, status, type, HEAD_MOST, length);
    return true;
}

bool response_status(struct request *request, unsigned status)
{
    char text[64];
    int length = status == 204 ? 0 : snprintf(text, sizeof text, "%s\n", response_reason(status));

    return response_text(request, status, "text/plain", text, (size_t)length);
}
