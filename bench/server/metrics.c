#include "metrics.h"

#include <bufpool/observe.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void number(FILE *out, const char *name, const char *kind, const char *help, uint64_t value)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, kind, name, value);
}

/* The request that asks is left out: what is in use is in use by others. */
static void own(struct front *front, FILE *out)
{
    objpool_stats_t requests = OBJPOOL_STATS_INIT;

    objpool_stats(front->requests, &requests);
    number(out, "server_connections", "gauge", "Clients connected.", front->connections);
    number(out, "server_connections_total", "counter", "Clients accepted.", front->accepted);
    number(out, "server_accepts_put_off_total", "counter",
           "Times that there was no descriptor, or no memory, to accept a client with.", front->put_off);
    number(out, "server_connections_cut_total", "counter",
           "Clients that took too long to read an answer, or to end when the server did.", front->cut);
    number(out, "server_requests", "gauge", "Requests under way, besides this one.",
           requests.in_use > 0 ? requests.in_use - 1 : 0);
    number(out, "server_calls", "gauge", "Of them, those that Redis is asked for.", front->calls);
    number(out, "server_held_bytes", "gauge", "Bytes of buffers that requests hold.",
           bytes_held(&front->bytes));
    number(out, "server_request_bytes_total", "counter", "Bytes of requests.", front->request_bytes);
    number(out, "server_response_bytes_total", "counter", "Bytes of answers.", front->response_bytes);
    fprintf(out, "# HELP server_answers_total Answers by status.\n# TYPE server_answers_total counter\n");
    for (unsigned status = 0; status < STATUS_MOST; status++)
        if (front->answers[status] > 0)
            fprintf(out, "server_answers_total{status=\"%u\"} %" PRIu64 "\n", status, front->answers[status]);
}

bool metrics_text(struct front *front, char **text, size_t *length)
{
    FILE *out = open_memstream(text, length);

    if (out == NULL)
        return false;
    own(front, out);
    int error = bufpool_dump_all(out, BUFPOOL_PROMETHEUS); /* bytes, objects, connections, workers */
    if (fclose(out) == 0 && error == 0)
        return true;
    free(*text);
    return false;
}

void metrics_free(char *text)
{
    free(text);
}
