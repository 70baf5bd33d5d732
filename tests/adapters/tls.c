#include "tls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"
#include "rig.h"

#define DAY (24L * 60 * 60)

/* ------------------------------------------------------------ contexts */

static X509 *certificate_for(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);

    MUST(certificate != NULL && name != NULL);
    MUST(X509_set_version(certificate, X509_VERSION_3) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY);
    X509_gmtime_adj(X509_getm_notAfter(certificate), DAY);
    MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0));
    MUST(X509_set_issuer_name(certificate, name) == 1);
    MUST(X509_set_pubkey(certificate, key) == 1);
    MUST(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

struct tls_contexts tls_contexts_new(int version, long mode)
{
    struct tls_contexts contexts = {{SSL_CTX_new(TLS_client_method()), SSL_CTX_new(TLS_server_method())}};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = certificate_for(key);

    for (int i = 0; i < TLS_ENDS; i++) {
        MUST(contexts.end[i] != NULL);
        MUST(SSL_CTX_set_min_proto_version(contexts.end[i], version) == 1);
        MUST(SSL_CTX_set_max_proto_version(contexts.end[i], version) == 1);
        SSL_CTX_set_mode(contexts.end[i], mode | SSL_MODE_ENABLE_PARTIAL_WRITE);
    }
    MUST(SSL_CTX_use_certificate(contexts.end[TLS_SERVER], certificate) == 1);
    MUST(SSL_CTX_use_PrivateKey(contexts.end[TLS_SERVER], key) == 1);
    MUST(X509_STORE_add_cert(SSL_CTX_get_cert_store(contexts.end[TLS_CLIENT]), certificate) == 1);
    SSL_CTX_set_verify(contexts.end[TLS_CLIENT], SSL_VERIFY_PEER, NULL);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return contexts;
}

void tls_contexts_free(struct tls_contexts *contexts)
{
    for (int i = 0; i < TLS_ENDS; i++)
        SSL_CTX_free(contexts->end[i]);
}

/* ------------------------------------------------------------ a connection */

/* Two ends of a TCP connection that do not block. */
static bool connect_ends(int ends[TLS_ENDS])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int yes = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    REQUIRE(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0);
    REQUIRE(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    ends[TLS_CLIENT] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(connect(ends[TLS_CLIENT], (struct sockaddr *)&address, length) == 0);
    ends[TLS_SERVER] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    REQUIRE(ends[TLS_SERVER] >= 0);
    close(listener);
    for (int i = 0; i < TLS_ENDS; i++)
        REQUIRE(fcntl(ends[i], F_SETFL, O_NONBLOCK) == 0 &&
                setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0);
    return true;
}

/* Did a call that came to `end` only want the other end to go on? */
static bool must_wait(const SSL *ssl, int end)
{
    int error = SSL_get_error(ssl, end);

    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* Until either end has something to read, or `writer`, unless it is TLS_ENDS, has room. */
static void wait_for(const struct tls *tls, enum tls_end writer)
{
    struct pollfd ends[TLS_ENDS];

    for (int i = 0; i < TLS_ENDS; i++)
        ends[i] =
            (struct pollfd){.fd = tls->socket[i], .events = i == (int)writer ? POLLIN | POLLOUT : POLLIN};
    MUST(poll(ends, TLS_ENDS, -1) > 0);
}

bool tls_open(struct tls *tls, const struct tls_contexts *contexts)
{
    int done[TLS_ENDS] = {0, 0};

    REQUIRE(connect_ends(tls->socket));
    for (int i = 0; i < TLS_ENDS; i++) {
        tls->end[i] = SSL_new(contexts->end[i]);
        REQUIRE(tls->end[i] != NULL && SSL_set_fd(tls->end[i], tls->socket[i]) == 1);
    }
    SSL_set_connect_state(tls->end[TLS_CLIENT]);
    SSL_set_accept_state(tls->end[TLS_SERVER]);
    for (;;) {
        for (int i = 0; i < TLS_ENDS; i++)
            if (done[i] != 1) {
                done[i] = SSL_do_handshake(tls->end[i]);
                REQUIRE(done[i] == 1 || must_wait(tls->end[i], done[i]));
            }
        if (done[TLS_CLIENT] == 1 && done[TLS_SERVER] == 1)
            return true;
        wait_for(tls, TLS_ENDS);
    }
}

/* As much of the text as goes, from *at on; false where that failed. */
static bool write_some(SSL *ssl, const char *text, size_t *at, size_t bytes)
{
    while (*at < bytes) {
        int count = SSL_write(ssl, text + *at, (int)(bytes - *at));
        if (count <= 0)
            return must_wait(ssl, count);
        *at += (size_t)count;
    }
    return true;
}

/* As much as has come. */
static bool read_some(SSL *ssl, char *text, size_t *at, size_t bytes)
{
    while (*at < bytes) {
        int count = SSL_read(ssl, text + *at, (int)(bytes - *at));
        if (count <= 0)
            return must_wait(ssl, count);
        *at += (size_t)count;
    }
    return true;
}

static bool send_over(struct tls *tls, enum tls_end from, const char *text, char *copy, size_t bytes)
{
    SSL *writer = tls->end[from];
    SSL *reader = tls->end[from == TLS_CLIENT ? TLS_SERVER : TLS_CLIENT];
    size_t sent = 0;
    size_t come = 0;

    for (;;) {
        REQUIRE(write_some(writer, text, &sent, bytes) && read_some(reader, copy, &come, bytes));
        if (come == bytes)
            return true;
        wait_for(tls, sent < bytes ? from : TLS_ENDS);
    }
}

bool tls_echo(struct tls *tls, const char *text, char *back, size_t bytes)
{
    char none;
    char *at_server = malloc(bytes + 1);

    MUST(at_server != NULL);
    bool is_right = send_over(tls, TLS_CLIENT, text, at_server, bytes) &&
                    send_over(tls, TLS_SERVER, at_server, back, bytes);
    free(at_server);
    /* TLS 1.3's tickets, and nothing else. */
    int end = SSL_read(tls->end[TLS_CLIENT], &none, 1);
    return is_right && end <= 0 && must_wait(tls->end[TLS_CLIENT], end);
}

bool tls_close(struct tls *tls)
{
    bool is_right = true;

    for (int i = 0; i < TLS_ENDS; i++)
        is_right &= SSL_shutdown(tls->end[i]) >= 0;
    for (int i = 0; i < TLS_ENDS; i++) {
        SSL_free(tls->end[i]);
        close(tls->socket[i]);
    }
    return is_right;
}
