/* One connection of a server: receives a request and sends its answers. See server.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "server_internal.h"

/* ---- Clients ---- */

struct peer *bb_peer_find(struct bb_server *server, pid_t id)
{
    for (struct peer *peer = id != 0 ? server->peers : NULL; peer != NULL; peer = peer->next) {
        if (peer->id == id) {
            return peer;
        }
    }
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer != NULL) {
        peer->id = id;
        peer->next = server->peers;
        if (peer->next != NULL) {
            peer->next->previous = peer;
        }
        server->peers = peer;
    }
    return peer;
}

void bb_peer_leave(struct bb_server *server, struct peer *peer)
{
    if (peer == NULL || peer->connections > 0) {
        return;
    }
    *(peer->previous ? &peer->previous->next : &server->peers) = peer->next;
    if (peer->next != NULL) {
        peer->next->previous = peer->previous;
    }
    free(peer);
}

/* ---- Answers ---- */

static void give_time(struct connection *connection)
{
    connection->until_ns = monotonic_ns() + connection->server->options.transfer_ns;
}

static bool has_request(const struct connection *connection)
{
    return connection->has_header && connection->came == connection->request.count;
}

/* Note that the socket's buffer is full, or has room again. */
static void set_blocked(struct connection *connection, bool blocked)
{
    if (connection->blocked != blocked) {
        connection->blocked = blocked;
        bb_connection_watch_output(connection, blocked);
        give_time(connection);
        if (!blocked && has_request(connection)) {
            connection->until_ns = INT64_MAX;
        }
    }
}

/* Send the output that is left. False if the connection is over: all answers are sent, or sending
 * has failed. */
static bool flush(struct connection *connection)
{
    while (connection->sent_bytes < connection->output_bytes) {
        ssize_t sent =
            send(connection->descriptor, connection->output + connection->sent_bytes,
                 connection->output_bytes - connection->sent_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno == EAGAIN) {
            set_blocked(connection, true);
            return true;
        }
        if (sent < 0) {
            return false;
        }
        connection->sent_bytes += (size_t)sent;
        if (connection->blocked) {
            give_time(connection); /* the client reads, if slowly */
        }
    }
    set_blocked(connection, false);
    return !connection->has_header || connection->answered < connection->request.count;
}

/* Add a record to the output, which has room for a record of each item. */
static char *answer(struct connection *connection, unsigned item, enum bb_record record)
{
    uint8_t *next = connection->output + connection->output_bytes;

    connection->output_bytes += BB_RECORD_BYTES;
    connection->answered++;
    return bb_write_record(next, (uint16_t)item, record);
}

static enum bb_record record_of(enum bb_answer answer)
{
    switch (answer) {
    case BB_ANSWER_DIGEST:
        return BB_RECORD_HASH;
    case BB_ANSWER_FULL:
        return BB_RECORD_FULL;
    case BB_ANSWER_NO_MEMORY:
        return BB_RECORD_NO_MEMORY;
    default:
        return BB_RECORD_CLOSED;
    }
}

static void answer_call(struct slot *slot)
{
    struct connection *connection = slot->connection;
    unsigned item = (unsigned)(slot - connection->slots);
    enum bb_record record = record_of(bb_call_wait(slot->call, 0));
    char *hash = answer(connection, item, record);

    if (record == BB_RECORD_HASH) {
        bb_call_format(slot->call, hash);
    }
    bb_call_end(slot->call);
    slot->call = NULL;
}

void bb_deliver(struct bb_server *server)
{
    struct connection *last = NULL;
    uint64_t token;

    /* Successive answers for the same connection are sent together. */
    while (bb_mailbox_take(server->mailbox, &token)) {
        struct slot *slot = (struct slot *)(uintptr_t)token;
        if (last != NULL && last != slot->connection && !flush(last)) {
            bb_connection_close(last);
        }
        last = slot->connection;
        answer_call(slot);
    }
    if (last != NULL && !flush(last)) {
        bb_connection_close(last);
    }
}

/* ---- Requests ---- */

static void add_figures(struct connection *connection)
{
    struct bb_queue_stats stats;
    enum { COUNT = sizeof stats / sizeof(uint64_t) };
    uint64_t figures[COUNT];

    bb_queue_read_stats(connection->server->queue, &stats);
    memcpy(figures, &stats, sizeof stats);
    for (unsigned i = 0; i < COUNT; i++) {
        bb_write_figure(connection->output + BB_HEADER_BYTES + i * BB_FIGURE_BYTES, figures[i]);
    }
    bb_write_reply(connection->output, BB_REPLY_OK, connection->server->options.max_cost, COUNT);
    connection->output_bytes = BB_HEADER_BYTES + sizeof figures;
}

/* Handle the header of a request. False if there is no memory for the request. */
static bool take_header(struct connection *connection)
{
    struct bb_server *server = connection->server;
    struct bb_request *request = &connection->request;
    enum bb_reply reply = bb_parse_request(connection->part, request);

    if (reply == BB_REPLY_OK &&
        (server->item_count + request->count > BB_MOST_ITEMS ||
         connection->peer->item_count + request->count > BB_MOST_ITEMS / BB_PARTS)) {
        reply = BB_REPLY_FULL;
    }
    if (reply != BB_REPLY_OK) {
        *request = (struct bb_request){.count = 0};
    }
    connection->has_header = true;
    server->item_count += request->count;
    connection->peer->item_count += request->count;
    connection->output = malloc(BB_HEADER_BYTES + (size_t)(request->count + 2) * BB_RECORD_BYTES);
    if (connection->output == NULL) {
        return false;
    }
    if (reply == BB_REPLY_OK && request->operation == BB_OPERATION_STATS) {
        add_figures(connection);
        return true;
    }
    bb_write_reply(connection->output, reply, server->options.max_cost, request->count);
    connection->output_bytes = BB_HEADER_BYTES;
    connection->slots = calloc(request->count + 1u, sizeof connection->slots[0]);
    return connection->slots != NULL;
}

/* Handle an item of a request. */
static void take_item(struct connection *connection, const uint8_t *bytes)
{
    struct bb_server *server = connection->server;
    unsigned item = connection->came++;
    struct slot *slot = &connection->slots[item];
    struct bb_setting setting;
    const uint8_t *password;
    size_t length;
    enum bb_answer refused;

    enum bb_record record =
        bb_parse_item(bytes, server->options.max_cost, &setting, &password, &length);
    if (record == BB_RECORD_HASH) {
        slot->connection = connection;
        slot->call = bb_queue_add(server->queue, password, length, &setting,
                                  connection->request.even_if_full, &connection->peer->client,
                                  server->mailbox, (uintptr_t)slot, &refused);
        if (slot->call != NULL) {
            return;
        }
        record = record_of(refused);
    }
    answer(connection, item, record);
}

/* Handle received bytes. False if the connection is over. */
static bool take_bytes(struct connection *connection, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        if (has_request(connection)) {
            return false; /* the client sent more than a request */
        }
        size_t whole = connection->has_header ? BB_REQUEST_ITEM_BYTES : BB_HEADER_BYTES;
        size_t taken =
            whole - connection->part_bytes < count ? whole - connection->part_bytes : count;
        memcpy(connection->part + connection->part_bytes, bytes, taken);
        connection->part_bytes += taken;
        bytes += taken;
        count -= taken;
        if (connection->part_bytes < whole) {
            break;
        }
        connection->part_bytes = 0;
        if (!connection->has_header) {
            if (!take_header(connection)) {
                return false;
            }
        } else {
            take_item(connection, connection->part);
            bb_wipe(connection->part, sizeof connection->part);
        }
    }
    if (has_request(connection) && !connection->blocked) {
        connection->until_ns = INT64_MAX;
    }
    return true;
}

/* Receive once: other connections have their turn before the rest. False if the connection is
 * over. */
static bool receive(struct connection *connection)
{
    struct bb_server *server = connection->server;
    ssize_t count = recv(connection->descriptor, server->input, sizeof server->input, MSG_DONTWAIT);

    if (count < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    bool over = count == 0 || !take_bytes(connection, server->input, (size_t)count);
    bb_wipe(server->input, (size_t)count);
    if (over) {
        /* The client has gone; or it sent invalid data, and gets the answers until then. */
        if (count > 0) {
            flush(connection);
        }
        return false;
    }
    /* The header of an answer is sent together with the first record, if there are records. */
    bool worth = connection->answered > 0 || (has_request(connection) && connection->came == 0);
    return !worth || flush(connection);
}

void bb_connection_open(struct bb_server *server, struct peer *peer, int descriptor)
{
    struct connection *connection = calloc(1, sizeof *connection);

    if (connection == NULL) {
        bb_peer_leave(server, peer);
        close(descriptor);
        return;
    }
    connection->server = server;
    connection->peer = peer;
    connection->descriptor = descriptor;
    give_time(connection);
    peer->connections++;
    connection->next = server->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    server->connections = connection;
    server->connection_count++;
    /* Most clients have sent their request by now. */
    if (!bb_connection_watch(connection) || !receive(connection)) {
        bb_connection_close(connection);
    }
}

void bb_connection_act(struct connection *connection, bool ends, bool writable)
{
    bool over = ends;

    if (!over && writable) {
        over = !flush(connection);
    } else if (!over) {
        over = !receive(connection);
    }
    if (over) {
        bb_connection_close(connection);
    }
}

void bb_connection_close(struct connection *connection)
{
    struct bb_server *server = connection->server;

    for (unsigned i = 0; i < connection->came; i++) {
        if (connection->slots[i].call != NULL) {
            bb_call_end(connection->slots[i].call);
        }
    }
    *(connection->previous ? &connection->previous->next : &server->connections) = connection->next;
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    server->connection_count--;
    if (connection->request.count > 0) {
        server->idle_since_ns = monotonic_ns();
    }
    server->item_count -= connection->request.count;
    connection->peer->item_count -= connection->request.count;
    connection->peer->connections--;
    bb_peer_leave(server, connection->peer);
    close(connection->descriptor);
    if (connection->output != NULL) {
        bb_wipe(connection->output, connection->output_bytes);
    }
    free(connection->output);
    free(connection->slots);
    bb_wipe(connection, sizeof *connection);
    free(connection);
}
