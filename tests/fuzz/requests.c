/* libFuzzer: what a client may send, in pieces, and an end at any moment, to a server whose worker
 * takes a turn between two pieces. Nothing is left then, whatever came. */
#include "../../ext/engine/connections.c"
#include "../../ext/engine/counts.c"
#include "../../ext/engine/mailbox.c"
#include "../../ext/engine/protocol.c"
#include "../../ext/engine/queue.c"
#include "../../ext/engine/queue_work.c"
#include "../../ext/engine/server.c"

#include "target.h"

enum { LANES = 4, MOST_WAITING = 20, MAX_COST = 5, HOUR_S = 3600 };

unsigned bb_pool_generation(void)
{
    return 0;
}

static struct bb_queue *queue;
static struct bb_server *server;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct bb_server_options options = {
        .listener = listener,
        .wakeup = -1,
        .max_cost = MAX_COST,
        .connections = 8,
        .transfer_ns = HOUR_S * (int64_t)NS_PER_S,
    };
    queue = bb_queue_make(bb_choose_kernel(), 1, LANES, MOST_WAITING);
    server = bb_server_make(queue, &options);
    require(server != NULL);
    return 0;
}

static void work(void)
{
    static unsigned lanes;
    struct worker *worker = &queue->workers[0];

    worker->started = true;
    look(queue, worker, lanes);
    lanes = worker->load > 0 ? compute(worker) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    uint8_t answer[4096];

    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    bb_connection_open(server, bb_peer_find(server, 1), ends[0]);
    while (size > 0) {
        size_t piece = 1 + data[0] * 4u;
        data++;
        size--;
        piece = piece < size ? piece : size;
        if (send(ends[1], data, piece, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            break;
        }
        data += piece;
        size -= piece;
        turn(server, 0);
        if (piece % 2) {
            work();
            turn(server, 0);
        }
        if (piece % 3 == 0) {
            (void)!recv(ends[1], answer, sizeof answer, MSG_DONTWAIT);
        }
    }
    if (size % 2) {
        shutdown(ends[1], SHUT_WR);
    }
    close(ends[1]);
    while (server->connections != NULL) {
        turn(server, 0);
    }
    while (queue->counts.stats.in_flight > 0) {
        work();
    }
    require(server->peers == NULL && server->item_count == 0 && server->connection_count == 0);
    require(queue->next_client == NULL && queue->counts.stats.waiting == 0);
    return 0;
}
