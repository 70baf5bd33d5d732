/*
 * tls - both ends of a TLS connection over loopback in one thread, for the test of OpenSSL's memory.
 */
#ifndef ADAPTERS_TLS_H
#define ADAPTERS_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

enum tls_end { TLS_CLIENT, TLS_SERVER, TLS_ENDS };

struct tls_contexts {
    SSL_CTX *end[TLS_ENDS];
};

/* With a key and certificate made for the occasion, which the client trusts; `mode` is SSL_MODE_... */
struct tls_contexts tls_contexts_new(int version, long mode);
void tls_contexts_free(struct tls_contexts *contexts);

struct tls {
    int socket[TLS_ENDS];
    SSL *end[TLS_ENDS];
};

/* Connected, shaken hands; false where anything failed. */
bool tls_open(struct tls *tls, const struct tls_contexts *contexts);
/* The text goes from the client to the server and back to `back`, in full records. */
bool tls_echo(struct tls *tls, const char *text, char *back, size_t bytes);
bool tls_close(struct tls *tls);

#endif /* ADAPTERS_TLS_H */
