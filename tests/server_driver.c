/* The server without Python: clients in threads of this process, workers in a pool. Prints a line
 * for each thing that is counted. pool.c makes its threads by pthreads here.
 */
#include "../ext/engine/connections.c"
#include "../ext/engine/counts.c"
#include "../ext/engine/mailbox.c"
#include "../ext/engine/pool.c"
#include "../ext/engine/protocol.c"
#include "../ext/engine/queue.c"
#include "../ext/engine/queue_work.c"
#include "../ext/engine/server.c"

#include <stdio.h>
#include <sys/un.h>

enum { LANES = 4, WORKERS = 2, CONNECTIONS = 40, CHEAP = 4, COSTLY = 14, MAX_COST = 14 };

struct served {
    struct bb_queue *queue;
    struct bb_pool *pool;
    struct bb_server *server;
    struct sockaddr_un address;
    socklen_t address_bytes;
    int listener;
    int wakeup;
    pthread_t thread;
};

static void *run(void *argument)
{
    struct served *served = argument;
    eventfd_t count;

    while (bb_server_run(served->server) != BB_TURN_ENDED) {
        if (eventfd_read(served->wakeup, &count) == 0) {
            bb_server_stop(served->server, true);
        }
    }
    return NULL;
}

/* A server at an abstract address; its thread is not started yet. */
static void make(struct served *served, unsigned connections, int64_t transfer_ns)
{
    served->queue = bb_queue_make(bb_choose_kernel(), WORKERS, LANES, 1000);
    served->pool = bb_pool_make(bb_queue_work, served->queue, WORKERS);
    bb_queue_set_threads(served->queue, bb_pool_size(served->pool));
    served->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    served->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    served->address_bytes = sizeof(sa_family_t);
    bind(served->listener, (struct sockaddr *)&served->address, served->address_bytes);
    served->address_bytes = sizeof served->address;
    getsockname(served->listener, (struct sockaddr *)&served->address, &served->address_bytes);
    listen(served->listener, 4096);
    served->wakeup = eventfd(0, EFD_NONBLOCK);
    struct bb_server_options options = {
        .listener = served->listener,
        .wakeup = served->wakeup,
        .max_cost = MAX_COST,
        .connections = connections,
        .transfer_ns = transfer_ns,
    };
    served->server = bb_server_make(served->queue, &options);
}

static void end(struct served *served)
{
    bb_server_free(served->server);
    bb_queue_close(served->queue, false);
    while (!bb_pool_wait(served->pool, NS_PER_S)) {
    }
    bb_pool_release(served->pool);
    bb_queue_free(served->queue);
    close(served->listener);
    close(served->wakeup);
}

static int dial(const struct served *served)
{
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    connect(descriptor, (const struct sockaddr *)&served->address, served->address_bytes);
    return descriptor;
}

static uint8_t *put_header(uint8_t *next, uint8_t operation, uint8_t flags, unsigned count)
{
    memcpy(next, "bcq1", 4);
    next[4] = operation;
    next[5] = flags;
    next[6] = (uint8_t)(count >> 8);
    next[7] = (uint8_t)count;
    return next + BB_HEADER_BYTES;
}

static uint8_t *put_item(uint8_t *next, uint8_t cost, uint8_t password)
{
    struct bb_setting setting = {.version = 'b', .cost = cost, .salt = {password}};
    memset(next, 0, BB_REQUEST_ITEM_BYTES);
    bb_format_setting(&setting, (char *)next);
    next[BB_SETTING_CHARS] = 1;
    next[BB_SETTING_CHARS + 1] = password;
    return next + BB_REQUEST_ITEM_BYTES;
}

static bool receive_all(int descriptor, uint8_t *bytes, size_t count)
{
    while (count > 0) {
        ssize_t got = recv(descriptor, bytes, count, 0);
        if (got <= 0) {
            return false;
        }
        bytes += got;
        count -= (size_t)got;
    }
    return true;
}

/* The hash of a password of one byte, computed here. */
static void expected(uint8_t cost, uint8_t password, char text[BB_HASH_CHARS])
{
    struct bb_setting setting = {.version = 'b', .cost = cost, .salt = {password}};
    struct bb_item item, *items[] = {&item};
    struct bb_group *group = aligned_alloc(64, sizeof *group);

    bb_load_item(&item, &password, 1, &setting);
    bb_group_start(group, bb_choose_kernel(), items, 1, cost);
    while (!bb_group_advance(group, 1 << CHEAP)) {
    }
    bb_format_hash(&setting, item.digest, text);
    free(group);
}

/* Ask for `count` items, and count those that come back right. */
static unsigned ask(const struct served *served, unsigned count, uint8_t cost, size_t piece)
{
    uint8_t *message = malloc(BB_HEADER_BYTES + count * BB_REQUEST_ITEM_BYTES);
    uint8_t *next = put_header(message, BB_OPERATION_HASH, 1, count);
    int descriptor = dial(served);
    uint8_t header[BB_HEADER_BYTES], record[BB_RECORD_BYTES];
    unsigned right = 0;

    for (unsigned i = 0; i < count; i++) {
        next = put_item(next, cost, (uint8_t)i);
    }
    for (uint8_t *from = message; from < next;) {
        size_t bytes = (size_t)(next - from) < piece ? (size_t)(next - from) : piece;
        ssize_t sent = send(descriptor, from, bytes, MSG_NOSIGNAL);
        from += sent > 0 ? sent : next - from;
    }
    if (receive_all(descriptor, header, sizeof header) && header[4] == BB_REPLY_OK) {
        for (unsigned i = 0; i < count && receive_all(descriptor, record, sizeof record); i++) {
            char text[BB_HASH_CHARS];
            expected(cost, record[1], text);
            right += record[2] == BB_RECORD_HASH && memcmp(text, record + 3, sizeof text) == 0;
        }
    }
    close(descriptor);
    free(message);
    return right;
}

static void *ask_many_times(void *served)
{
    uintptr_t right = 0;
    for (unsigned i = 0; i < 30; i++) {
        right += ask(served, 1 + i % 7, CHEAP, 1 + 37 * i);
    }
    return (void *)right;
}

/* Begins all kinds of requests, and goes. */
static void *leave_many_times(void *argument)
{
    const struct served *served = argument;
    uint8_t message[BB_HEADER_BYTES + 9 * BB_REQUEST_ITEM_BYTES];

    for (unsigned i = 0; i < 120; i++) {
        uint8_t *next = put_header(message, BB_OPERATION_HASH, (uint8_t)(i % 2), 8);
        for (unsigned k = 0; k < 9; k++) {
            next = put_item(next, k % 2 ? CHEAP : COSTLY, (uint8_t)k);
        }
        int descriptor = dial(served);
        send(descriptor, message, i * 7 % sizeof message, MSG_NOSIGNAL);
        if (i % 3 == 0) {
            shutdown(descriptor, SHUT_WR);
        }
        close(descriptor);
    }
    return NULL;
}

static struct bb_queue_stats stats_of(const struct served *served)
{
    struct bb_queue_stats stats;
    bb_queue_read_stats(served->queue, &stats);
    return stats;
}

static void *ask_for_figures(void *argument)
{
    uint8_t header[BB_HEADER_BYTES], figure[BB_FIGURE_BYTES];
    uintptr_t right = 0;

    for (unsigned i = 0; i < 30; i++) {
        uint8_t message[BB_HEADER_BYTES];
        int descriptor = dial(argument);
        put_header(message, BB_OPERATION_STATS, 0, 0);
        send(descriptor, message, sizeof message, MSG_NOSIGNAL);
        unsigned count = 0;
        if (receive_all(descriptor, header, sizeof header)) {
            while (receive_all(descriptor, figure, sizeof figure)) {
                count++;
            }
        }
        right += count == 13 && header[7] == 13;
        close(descriptor);
    }
    return (void *)right;
}

/* Clients of all kinds at once: each gets its own answers, and nothing stays. */
static void crowd(void)
{
    struct served served;
    pthread_t threads[5];
    void *counts[5];

    make(&served, BB_MOST_CONNECTIONS, 10 * (int64_t)NS_PER_S);
    pthread_create(&served.thread, NULL, run, &served);
    pthread_create(&threads[0], NULL, ask_many_times, &served);
    pthread_create(&threads[1], NULL, ask_many_times, &served);
    pthread_create(&threads[2], NULL, leave_many_times, &served);
    pthread_create(&threads[3], NULL, leave_many_times, &served);
    pthread_create(&threads[4], NULL, ask_for_figures, &served);
    for (unsigned i = 0; i < 5; i++) {
        pthread_join(threads[i], &counts[i]);
    }
    printf("right answers: %u and %u, figures %u\n", (unsigned)(uintptr_t)counts[0],
           (unsigned)(uintptr_t)counts[1], (unsigned)(uintptr_t)counts[4]);
    eventfd_write(served.wakeup, 1);
    pthread_join(served.thread, NULL);
    while (stats_of(&served).in_flight > 0) {
    }
    printf("left: connections %u, items %u, peers %d, waiting %u\n",
           served.server->connection_count, (unsigned)served.server->item_count,
           served.server->peers != NULL, (unsigned)stats_of(&served).waiting);
    end(&served);
}

/* The turns of a server without a thread, until it has nothing to do for a moment. */
static void turns(struct served *served)
{
    struct epoll_event event;
    while (epoll_wait(served->server->epoll, &event, 1, 20) > 0) {
        turn(served->server, 0);
    }
}

static int reply_on(int descriptor)
{
    uint8_t header[BB_HEADER_BYTES];
    return receive_all(descriptor, header, sizeof header) ? header[4] : -1;
}

/* One client has at most a quarter of the connections and one more; the others go on. */
static void connections(void)
{
    struct served served;
    int open[CONNECTIONS];
    unsigned taken = 0;

    make(&served, CONNECTIONS, 10 * (int64_t)NS_PER_S);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        open[i] = dial(&served);
    }
    turns(&served);
    taken = served.server->connection_count;
    printf("of %d connections of one client: %u, the next one: reply %d\n", CONNECTIONS, taken,
           reply_on(open[taken]));
    struct peer *other = bb_peer_find(served.server, 1);
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
    bb_connection_open(served.server, other, ends[0]);
    printf("with one of another client: %u\n", served.server->connection_count);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        close(open[i]);
    }
    close(ends[1]);
    turns(&served);
    printf("left: %u\n", served.server->connection_count);
    end(&served);
}

/* If all connections are taken, a client that has fewer gets one of those that only hold theirs. */
static void newcomer(bool calls)
{
    enum { ENDLESS = 31, CLIENTS = 4 };
    struct served served;
    uint8_t message[BB_HEADER_BYTES + BB_REQUEST_ITEM_BYTES];
    int ends[CONNECTIONS][2];

    make(&served, CONNECTIONS, 10 * (int64_t)NS_PER_S);
    served.server->options.max_cost = ENDLESS;
    put_item(put_header(message, BB_OPERATION_HASH, 1, 1), ENDLESS, 'a');
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends[i]);
        send(ends[i][1], message, calls ? sizeof message : 1, 0);
        bb_connection_open(served.server, bb_peer_find(served.server, 1 + (int)i % CLIENTS),
                           ends[i][0]);
    }
    int descriptor = dial(&served);
    put_header(message, BB_OPERATION_STATS, 0, 0);
    send(descriptor, message, BB_HEADER_BYTES, 0);
    turns(&served);
    printf("all taken by %s: a newcomer's reply %d", calls ? "calls" : "silence",
           reply_on(descriptor));
    printf(", left %u, refused", served.server->connection_count);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        uint8_t answer[BB_HEADER_BYTES];
        if (recv(ends[i][1], answer, sizeof answer, MSG_DONTWAIT) > 0) {
            printf(" %u with %d", i, answer[4]);
        }
        close(ends[i][1]);
    }
    printf("\n");
    close(descriptor);
    end(&served);
}

/* Requests that never become whole are dropped after their time, with their calls and keys. */
static void half_requests(void)
{
    struct served served;
    uint8_t message[BB_HEADER_BYTES + 2 * BB_REQUEST_ITEM_BYTES];

    make(&served, CONNECTIONS, 60 * (int64_t)NS_PER_S);
    put_item(put_item(put_header(message, BB_OPERATION_HASH, 0, 2), COSTLY, 'a'), COSTLY, 'b');
    int descriptor = dial(&served);
    send(descriptor, message, sizeof message - 1, 0);
    int silent = dial(&served);
    turns(&served);
    unsigned timed = 0;
    for (struct connection *each = served.server->connections; each != NULL; each = each->next) {
        timed += each->until_ns != INT64_MAX;
        each->until_ns = 0; /* the time is over */
    }
    served.server->looked_ns = 0; /* it looks now, before the call can end */
    printf("half: connections %u, timed %u", served.server->connection_count, timed);
    int64_t give_up_ns = monotonic_ns() + 60 * (int64_t)NS_PER_S;
    while (served.server->connection_count > 0 && monotonic_ns() < give_up_ns) {
        turn(served.server, 100);
    }
    while (stats_of(&served).in_flight > 0) {
    }
    printf(", later %u, cancelled %u\n", served.server->connection_count,
           (unsigned)stats_of(&served).cancelled);
    close(silent);
    close(descriptor);
    end(&served);
}

/* Who does not read has a full socket, is dropped after its time, and who reads late is not. */
static void no_reader(bool reads)
{
    enum { ITEMS = 200, SMALL = 1024 };
    struct served served;
    uint8_t message[BB_HEADER_BYTES + ITEMS * BB_REQUEST_ITEM_BYTES];
    uint8_t *next = put_header(message, BB_OPERATION_HASH, 1, ITEMS);
    uint8_t answer[BB_HEADER_BYTES + ITEMS * BB_RECORD_BYTES];
    int ends[2], small = SMALL;
    size_t came = 0;

    for (unsigned i = 0; i < ITEMS; i++) {
        next = put_item(next, CHEAP, (uint8_t)i);
    }
    make(&served, CONNECTIONS, reads ? 60 * (int64_t)NS_PER_S : NS_PER_S / 100);
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    send(ends[1], message, sizeof message, 0);
    bb_connection_open(served.server, bb_peer_find(served.server, 1), ends[0]);
    bool blocked = false;
    int64_t give_up_ns = monotonic_ns() + 60 * (int64_t)NS_PER_S;
    while (served.server->connection_count > 0 && monotonic_ns() < give_up_ns) {
        turn(served.server, 10);
        blocked |= served.server->connections != NULL && served.server->connections->blocked;
        if (reads && blocked && stats_of(&served).finished == ITEMS) {
            ssize_t got = recv(ends[1], answer + came, sizeof answer - came, MSG_DONTWAIT);
            came += got > 0 ? (size_t)got : 0;
        }
    }
    printf("%s: blocked %d, left %u, all came %d\n", reads ? "late reader" : "no reader", blocked,
           served.server->connection_count, came == sizeof answer);
    close(ends[1]);
    end(&served);
}

/* A server that ends at once: its clients lose their connections, its queue its calls. */
static void end_at_once(void)
{
    struct served served;
    uint8_t message[BB_HEADER_BYTES + BB_REQUEST_ITEM_BYTES];

    make(&served, CONNECTIONS, 10 * (int64_t)NS_PER_S);
    put_item(put_header(message, BB_OPERATION_HASH, 0, 1), COSTLY, 'a');
    int descriptor = dial(&served);
    send(descriptor, message, sizeof message, 0);
    turns(&served);
    printf("in the queue: %u", (unsigned)(stats_of(&served).waiting + stats_of(&served).in_flight));
    end(&served);
    printf(", the client's reply: %d\n", reply_on(descriptor));
    close(descriptor);
}

static int64_t idle_s(const struct served *served)
{
    return bb_server_idle_ns(served->server) / (int64_t)NS_PER_S;
}

/* Connections that ask for no hash, or are turned away, leave a server idle. */
static void idle(unsigned connections, const char *which)
{
    enum { BEFORE_S = 1000 };
    struct served served;
    uint8_t message[BB_HEADER_BYTES + BB_REQUEST_ITEM_BYTES] = {0};
    uint8_t *next = put_header(message, BB_OPERATION_STATS, 0, 0);
    int descriptors[3];

    make(&served, connections, 10 * (int64_t)NS_PER_S);
    served.server->idle_since_ns -= BEFORE_S * (int64_t)NS_PER_S;
    for (unsigned i = 0; i < 3; i++) { /* silent, statistics, rubbish */
        descriptors[i] = dial(&served);
        send(descriptors[i], message, i == 1 ? (size_t)(next - message) : i / 2 * sizeof message,
             MSG_NOSIGNAL);
    }
    turns(&served);
    printf("%s: idle %d", which, idle_s(&served) >= BEFORE_S);
    for (unsigned i = 0; i < 3; i++) {
        close(descriptors[i]);
    }
    turns(&served);
    printf(", later %d", idle_s(&served) >= BEFORE_S);
    put_item(put_header(message, BB_OPERATION_HASH, 0, 1), COSTLY, 'a');
    int descriptor = dial(&served);
    send(descriptor, message, sizeof message, MSG_NOSIGNAL);
    turns(&served);
    printf(", during a call %d", idle_s(&served) >= BEFORE_S);
    close(descriptor);
    turns(&served);
    printf(", after it %d\n", idle_s(&served) >= BEFORE_S);
    end(&served);
}

int main(void)
{
    idle(CONNECTIONS, "no call");
    idle(0, "turned away");
    connections();
    newcomer(false);
    newcomer(true);
    half_requests();
    no_reader(false);
    no_reader(true);
    end_at_once();
    crowd();
    return 0;
}
