#include "request.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "key.h"

/* A callback's answer that stops the parser. */
enum { GO_ON = 0, STOP = -1 };

static struct request *request_of(http_parser *parser)
{
    return parser->data;
}

static int refuse(struct request *request, unsigned status)
{
    request->status = status;
    return STOP;
}

/* ------------------------------------------------------------ target and fields */

static int on_target(http_parser *parser, const char *at, size_t length)
{
    struct request *request = request_of(parser);

    if (length > request->settings->max_target - request->target_length)
        return refuse(request, 414);
    memcpy(request->target + request->target_length, at, length);
    request->target_length += length;
    return GO_ON;
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

/* A field is over; http-parser does not say so, but the next one begins, or the head ends. */
static void field_end(struct request *request)
{
    size_t length = request->value_length;

    while (length > 0 && length <= FIELD_VALUE_MOST && strchr(" \t", request->value[length - 1]) != NULL)
        length--;
    if (request->field == FIELD_EXPECT) {
        if (length <= FIELD_VALUE_MOST && is_word(request->value, length, "100-continue"))
            request->wants_continue = true;
        else
            request->status = 417;
    } else if (request->field == FIELD_CODING) {
        request->is_chunked_only = length <= FIELD_VALUE_MOST && is_word(request->value, length, "chunked");
    }
    request->field = FIELD_OTHER;
    request->is_value = false;
    request->name_length = request->value_length = 0;
}

static int on_name(http_parser *parser, const char *at, size_t length)
{
    struct request *request = request_of(parser);

    if (request->phase == REQUEST_BODY) /* a trailer: nobody asked for it */
        return GO_ON;
    /* "Content-Length : 5" is a length to some and none to others; http-parser, as Debian builds it, lets it
     * pass. */
    if (memchr(at, ' ', length) != NULL)
        return refuse(request, 400);
    if (request->is_value)
        field_end(request);
    for (size_t i = 0; i < length && request->name_length + i < FIELD_NAME_MOST; i++)
        request->name[request->name_length + i] = at[i];
    request->name_length += length;
    return GO_ON;
}

/* The first part of a value: the name is complete. */
static void name_end(struct request *request)
{
    size_t length = request->name_length;

    request->is_value = true;
    if (length > FIELD_NAME_MOST)
        return;
    if (is_word(request->name, length, "host")) {
        request->hosts++;
        request->field = FIELD_HOST;
    } else if (is_word(request->name, length, "expect")) {
        request->field = FIELD_EXPECT;
    } else if (is_word(request->name, length, "transfer-encoding")) {
        request->codings++;
        request->field = FIELD_CODING;
    }
}

static int on_value(http_parser *parser, const char *at, size_t length)
{
    struct request *request = request_of(parser);

    if (request->phase == REQUEST_BODY)
        return GO_ON;
    if (!request->is_value)
        name_end(request);
    for (size_t i = 0; i < length && request->value_length + i < FIELD_VALUE_MOST; i++)
        request->value[request->value_length + i] = at[i];
    request->value_length += length;
    return GO_ON;
}

/* ------------------------------------------------------------ the end of the head */

static bool has_body(const http_parser *parser)
{
    return (parser->flags & F_CHUNKED) != 0 ||
           ((parser->flags & F_CONTENTLENGTH) != 0 && parser->content_length > 0);
}

/* What is wrong with the message, whatever it asks for; 0: nothing. */
static unsigned message_fault(const struct request *request)
{
    const http_parser *parser = &request->parser;

    if (parser->http_major != 1)
        return 505;
    if (request->codings > 1 || (request->codings == 1 && parser->http_minor == 0))
        return 400;
    if (request->codings == 1 && !request->is_chunked_only)
        return (parser->flags & F_CHUNKED) != 0 ? 501 : 400; /* without chunked at its end it has no end */
    if ((parser->flags & F_CONTENTLENGTH) != 0 && parser->content_length == UINT64_MAX)
        return 400; /* a Content-Length without a number */
    if (request->hosts > 1 || (request->hosts == 0 && parser->http_minor > 0))
        return 400;
    return request->status; /* 417 */
}

/* What is wrong with what it asks for. */
static unsigned call_fault(struct request *request)
{
    http_parser *parser = &request->parser;
    struct store_call *call = &request->call;
    bool is_put = parser->method == HTTP_PUT;
    bool is_delete = parser->method == HTTP_DELETE;
    /* HEAD is a GET whose answer ends with its head; see response.c. */
    bool is_get = parser->method == HTTP_GET || parser->method == HTTP_HEAD;

    if (!is_get && !is_put && !is_delete)
        return 405;
    switch (key_of(request->target, request->target_length, &call->key, &call->key_size)) {
    case KEY_MALFORMED:
        return 400;
    case KEY_EMPTY:
        return 404;
    case KEY_METRICS:
        request->is_metrics = true;
        return is_get ? 0 : 405;
    case KEY_GOOD:
        break;
    }
    call->verb = is_put ? STORE_SET : is_delete ? STORE_DEL : STORE_GET;
    if (!is_put)
        return 0;
    if ((parser->flags & (F_CHUNKED | F_CONTENTLENGTH)) == 0)
        return 411;
    return (parser->flags & F_CONTENTLENGTH) != 0 && parser->content_length > request->settings->max_body
               ? 413
               : 0;
}

static int on_head_end(http_parser *parser)
{
    struct request *request = request_of(parser);

    if (request->is_value)
        field_end(request);
    parser->upgrade = 0; /* we speak nothing else: the rest is HTTP */
    request->phase = REQUEST_BODY;
    unsigned status = message_fault(request);
    if (status != 0)
        return refuse(request, status);
    request->keep_alive = http_should_keep_alive(parser) != 0;
    request->status = call_fault(request);
    bool takes_body = request->status == 0 && request->call.verb == STORE_SET && !request->is_metrics;
    if (has_body(parser) && !takes_body)
        return refuse(request, request->status != 0 ? request->status : 400);
    if (request->status == 400 || request->status == 411)
        return STOP; /* whatever follows is in doubt: a body, say */
    if (!takes_body)
        return GO_ON;
    request->wants_continue = request->wants_continue && parser->http_minor > 0 && has_body(parser);
    request->call.body = bytes_get(request->bytes, BYTES_VALUE);
    if (request->call.body == NULL)
        return refuse(request, 503);
    bool is_sized = has_body(parser) && (parser->flags & F_CHUNKED) == 0;
    if (is_sized &&
        bytes_reserve(request->bytes, BYTES_VALUE, request->call.body, parser->content_length) == NULL)
        return refuse(request, 503);
    return GO_ON;
}

/* ------------------------------------------------------------ the body */

static int on_chunk(http_parser *parser)
{
    struct request *request = request_of(parser);
    const bytebuf_t *body = request->call.body;

    return body != NULL && parser->content_length > request->settings->max_body - body->length
               ? refuse(request, 413)
               : GO_ON;
}

static int on_body(http_parser *parser, const char *at, size_t length)
{
    struct request *request = request_of(parser);
    bytebuf_t *body = request->call.body;

    lines_body(&request->lines, at, length, (parser->flags & F_CHUNKED) != 0 && parser->content_length == 0);
    /* It was read to its place. Only where that is so by request_room: a chunk at the begin of the input may
     * lie right behind a full body, where the next buffer of a tier begins. */
    if ((parser->flags & F_CHUNKED) == 0 && at == body->data + body->length)
        bytebuf_added(body, length);
    else if (!bytes_append(request->bytes, BYTES_VALUE, body, at, length))
        return refuse(request, 503);
    return GO_ON;
}

static int on_complete(http_parser *parser)
{
    request_of(parser)->phase = REQUEST_COMPLETE;
    http_parser_pause(parser, 1); /* what follows is the next request */
    return GO_ON;
}

char *request_room(struct request *request, size_t *room)
{
    const http_parser *parser = &request->parser;

    if (request->phase != REQUEST_BODY || (parser->flags & F_CHUNKED) != 0 || parser->content_length == 0)
        return NULL;
    bytebuf_t *body = request->call.body;
    *room = parser->content_length; /* what is left of it */
    return body->data + body->length;
}

/* ------------------------------------------------------------ reading */

/* RFC 9110's tchar: what a method may be made of. */
static bool is_token(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* What the parser refused at the byte `at`. */
static unsigned parser_fault(const struct request *request, const char *at)
{
    switch (HTTP_PARSER_ERRNO(&request->parser)) {
    case HPE_HEADER_OVERFLOW: /* in the first line it is the target; what may come before that is empty lines
                               */
        return request->lines.has_version || *at == '\r' || *at == '\n' ? 431 : 414;
    case HPE_INVALID_METHOD: /* a method, but none of those http-parser knows; or no method at all */
        return is_token(*at) ? 501 : 400;
    default:
        return 400;
    }
}

static const http_parser_settings callbacks = {
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head_end,
    .on_chunk_header = on_chunk,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

enum request_state request_read(struct request *request, const char *data, size_t length, size_t *used)
{
    lines_begin(&request->lines, data);
    *used = http_parser_execute(&request->parser, &callbacks, data, length);
    if (!lines_end(&request->lines, data + *used)) {
        request->status = 400;
        request->keep_alive = false;
        return REQUEST_REFUSED;
    }
    if (request->phase == REQUEST_COMPLETE)
        return REQUEST_DONE;
    if (HTTP_PARSER_ERRNO(&request->parser) == HPE_OK)
        return REQUEST_MORE;
    if (request->status == 0 || HTTP_PARSER_ERRNO(&request->parser) < HPE_CB_message_begin ||
        HTTP_PARSER_ERRNO(&request->parser) > HPE_CB_chunk_complete)
        request->status = parser_fault(request, data + (*used < length ? *used : length - 1));
    request->keep_alive = false;
    return REQUEST_REFUSED;
}

/* ------------------------------------------------------------ begin and end */

void request_limit_head(uint64_t max_head)
{
    http_parser_set_max_header_size((uint32_t)max_head);
}

void request_begin(struct request *request, const struct settings *settings, struct bytes *bytes)
{
    /* Not the target: its bytes are anything. */
    memset(request, 0, offsetof(struct request, target));
    request->target_length = 0;
    request->answer = NULL;
    request->answer_at = request->answer_size = request->sent = 0;
    request->settings = settings;
    request->bytes = bytes;
    http_parser_init(&request->parser, HTTP_REQUEST);
    request->parser.data = request;
}

void request_end(struct request *request)
{
    bytes_put(request->bytes, request->call.body);
    bytes_put(request->bytes, request->call.reply);
    bytes_put(request->bytes, request->answer);
}
