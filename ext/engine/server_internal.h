/* Shared by the files of the server: its structures, and the functions that both files use. */
#ifndef BCRYPT_BATCH_SERVER_INTERNAL_H
#define BCRYPT_BATCH_SERVER_INTERNAL_H

#include <sys/types.h>

#include "protocol.h"
#include "server.h"

enum { INPUT_BYTES = 16384 }; /* received at once */

/* A client: a process, or one connection of a process that has no id here. */
struct peer {
    struct bb_client client; /* in the queue */
    pid_t id;
    unsigned connections;
    size_t item_count;
    struct peer *next, *previous;
};

/* An item of a request. */
struct slot {
    struct bb_call *call; /* NULL unless the item is being computed */
    struct connection *connection;
};

struct connection {
    struct bb_server *server;
    struct peer *peer;
    struct connection *next, *previous;
    int descriptor;
    int64_t until_ns; /* for the request to arrive, or the answer to be read; INT64_MAX between */
    bool has_header;
    struct bb_request request;
    uint8_t part[BB_REQUEST_ITEM_BYTES]; /* of a header or item that has not arrived whole */
    size_t part_bytes;
    unsigned came;     /* items that have arrived */
    unsigned answered; /* items that have a record in the output */
    struct slot *slots;
    uint8_t *output;
    size_t output_bytes;
    size_t sent_bytes;
    bool blocked; /* the socket's buffer is full */
};

struct bb_server {
    struct bb_server_options options;
    struct bb_queue *queue;
    struct bb_mailbox *mailbox;
    int epoll;
    bool listening;
    bool stopping;
    int64_t looked_ns;
    int64_t idle_since_ns;
    struct connection *connections;
    unsigned connection_count;
    size_t item_count; /* of all connections */
    struct peer *peers;
    uint8_t input[INPUT_BYTES];
};

/* Find or make the client of a process id; NULL without memory. bb_peer_leave frees a client that
 * has no connection. */
struct peer *bb_peer_find(struct bb_server *server, pid_t id);
void bb_peer_leave(struct bb_server *server, struct peer *peer);

/* Take over a descriptor, and receive the bytes that the client has sent already. */
void bb_connection_open(struct bb_server *server, struct peer *peer, int descriptor);

/* Read, write, or close, whichever the events ask for. */
void bb_connection_act(struct connection *connection, bool ends, bool writable);

/* Drop the calls of a connection, wipe its memory, close it. */
void bb_connection_close(struct connection *connection);

/* Send the answers in the mailbox. */
void bb_deliver(struct bb_server *server);

/* Defined in server.c, the only file that uses epoll. */
bool bb_connection_watch(struct connection *connection);
void bb_connection_watch_output(struct connection *connection, bool output);

#endif
