/* A server: takes requests of other processes on a Unix socket, computes them in a queue, and
 * answers. protocol.h has the messages.
 *
 * One thread runs it, beside the queue's workers: only that thread may call the functions below. A
 * connection has one request. A client that closes the connection, or its own half of it, abandons
 * the request, whose calls then leave the queue. A client is a process: all its connections share
 * its turns in the queue (see queue.h) and its part of the connections. If a process has no id
 * here, as in another container, each of its connections is a client.
 *
 * Keys are received into memory that is wiped. No client can hold up the others: there are limits
 * on connections and items, and on the time that a request may take to arrive and an answer to be
 * read. If all connections are taken, a new client gets a connection of the client with the most.
 * Linux only: epoll, accept4, SO_PEERCRED.
 */
#ifndef BCRYPT_BATCH_SERVER_H
#define BCRYPT_BATCH_SERVER_H

#include "queue.h"

enum {
    BB_MOST_CONNECTIONS = 4096,
    BB_MOST_ITEMS = 65536, /* of all requests together */
    BB_PARTS = 4,          /* a client has at most one part of the items, and of the connections */
    BB_TRANSFER_S = 10,    /* for a request to arrive, or for an answer to be read */
    BB_LOOK_S = 1,         /* between two returns of bb_server_run, if nothing happens */
};

struct bb_server;

struct bb_server_options {
    int listener;         /* a non-blocking listening Unix socket, which the caller owns */
    int wakeup;           /* bb_server_run returns when this is readable */
    unsigned max_cost;    /* of a setting */
    unsigned connections; /* the most at once, up to BB_MOST_CONNECTIONS */
    bool any_user;        /* else only this process's user and root */
    int64_t transfer_ns;  /* BB_TRANSFER_S, except in tests */
};

enum bb_turn {
    BB_TURN_LOOK,  /* a second has passed, or `wakeup` is readable, or a signal came */
    BB_TURN_ENDED, /* stopped, and no connection is left */
};

/* NULL, and errno, if the system refuses memory or a descriptor. */
struct bb_server *bb_server_make(struct bb_queue *queue, const struct bb_server_options *options);

/* Serve until there is something for the caller to do. */
enum bb_turn bb_server_run(struct bb_server *server);

/* Accept no more connections; with `last`, first accept the connections that wait already. */
void bb_server_stop(struct bb_server *server, bool last);

/* How long there has been no item; 0 while there is one. Connections don't count if they were
 * turned away, sent nothing or invalid data, or asked for statistics. */
int64_t bb_server_idle_ns(const struct bb_server *server);

/* Drop all connections. Free a server before its queue. */
void bb_server_free(struct bb_server *server);

#ifdef BB_NO_SERVER /* for builds without server.c and connections.c */
#define bb_server_make(queue, options) (errno = ENOTSUP, (struct bb_server *)NULL)
#define bb_server_run(server) BB_TURN_ENDED
#define bb_server_stop(server, last) ((void)0)
#define bb_server_idle_ns(server) 0
#define bb_server_free(server) ((void)0)
#endif

#endif
