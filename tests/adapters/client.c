#include "client.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "pools.h"

static void *run(void *arg)
{
    struct client *client = arg;

    client->fault = load_run(&client->load, &client->result);
    client->done(client->arg);
    return NULL;
}

void client_start(struct client *client, void (*done)(void *arg), void *arg)
{
    client->done = done;
    client->arg = arg;
    client->load.verify = true;
    MUST(pthread_create(&client->thread, NULL, run, client) == 0);
}

const char *client_end(struct client *client)
{
    MUST(pthread_join(client->thread, NULL) == 0);
    return client->fault;
}

int listen_somewhere(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    MUST(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    MUST(listen(listener, SOMAXCONN) == 0);
    MUST(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    *port = ntohs(address.sin_port);
    return listener;
}
