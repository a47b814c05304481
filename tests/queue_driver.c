/* The queue without threads or a clock: its workers take turns here, a step each, so that order and
 * fairness can be counted in steps and completions. Prints a line for each thing that is counted.
 */
#include "../ext/engine/counts.c"
#include "../ext/engine/mailbox.c"
#include "../ext/engine/queue.c"
#include "../ext/engine/queue_work.c"

#include <poll.h>
#include <stdio.h>

enum { CHEAP = 4, COSTLY = 12, PATIENCE_S = 20 };

static unsigned forks;

unsigned bb_pool_generation(void)
{
    return forks;
}

static struct bb_call *add_of(struct bb_queue *queue, uint8_t cost, struct bb_client *client,
                              bool even_if_full)
{
    struct bb_setting setting = {.version = 'b', .cost = cost, .salt = {cost}};
    enum bb_answer answer;
    return bb_queue_add(queue, (const uint8_t *)"pw", 2, &setting, even_if_full, client, NULL, 0,
                        &answer);
}

static struct bb_call *add(struct bb_queue *queue, uint8_t cost)
{
    return add_of(queue, cost, NULL, true);
}

static unsigned lanes[2]; /* that each worker used in its last step */

/* One turn of a worker: what bb_queue_work does but for sleeping. */
static void turn(struct bb_queue *queue, unsigned number)
{
    struct worker *worker = &queue->workers[number];

    worker->started = true;
    look(queue, worker, lanes[number]);
    lanes[number] = worker->load > 0 ? compute(worker) : 0;
}

static struct bb_queue *make(unsigned workers, unsigned most)
{
    struct bb_queue *queue = bb_queue_make(bb_choose_kernel(), workers, most, 0);
    memset(lanes, 0, sizeof lanes);
    for (unsigned i = 0; i < workers; i++) {
        turn(queue, i); /* all have begun */
    }
    return queue;
}

static bool is_done(struct bb_call *call)
{
    return call->answer == BB_ANSWER_DIGEST;
}

/* A costly call comes after 10 cheap ones, and cheap ones keep coming after it, always 20 of them.
 */
static void starve(void)
{
    enum { BEFORE = 10, BEHIND = 20 };
    struct bb_queue *queue = make(1, 4);
    struct bb_call *costly = NULL;
    unsigned before = 0;
    unsigned steps = 0;

    for (unsigned i = 0; i < BEFORE; i++) {
        add(queue, CHEAP);
    }
    costly = add(queue, COSTLY);
    while (!is_done(costly)) {
        while (queue->counts.stats.waiting < BEHIND + (costly->place == WAITING)) {
            add(queue, CHEAP);
        }
        bool waited = costly->place == WAITING;
        turn(queue, 0);
        if (waited && costly->place == IN_LANE) {
            before = (unsigned)queue->counts.stats.finished;
            printf("cheap calls finished before the costly one began: %u\n", before);
        }
        steps += costly->place == IN_LANE;
    }
    printf("steps from its begin to its end: %u\n", steps);
    printf("cheap calls finished meanwhile: %u\n",
           (unsigned)queue->counts.stats.finished - before - 1);
}

/* Calls of all costs from 4 to 9 are taken in the order in which they came. */
static void order(void)
{
    enum { CALLS = 40 };
    struct bb_call *calls[CALLS];
    struct bb_queue *queue = make(2, 3);
    unsigned begun = 0;
    unsigned turns = 0;

    for (unsigned i = 0; i < CALLS; i++) {
        calls[i] = add(queue, (uint8_t)(CHEAP + i * 7 % 6));
    }
    for (; queue->counts.stats.finished < CALLS; turns++) {
        turn(queue, turns % 2);
        while (begun < CALLS && calls[begun]->place != WAITING) {
            begun++;
        }
        for (unsigned i = begun; i < CALLS; i++) {
            if (calls[i]->place != WAITING) {
                printf("call %u began before call %u\n", i, begun);
            }
        }
    }
    printf("began in order: %u\n", begun);
}

/* Eight clients, each with its next call as soon as it has an answer, and two workers: four and
 * four in each round, whatever the costs. */
static void share(void)
{
    enum { CLIENTS = 8, ROUNDS = 400 };
    struct bb_call *calls[CLIENTS];
    struct bb_queue *queue = make(2, 8);
    unsigned uneven = 0;

    for (unsigned i = 0; i < CLIENTS; i++) {
        calls[i] = add(queue, (uint8_t)(CHEAP + i % 3));
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            if (is_done(calls[i])) {
                bb_call_end(calls[i]);
                calls[i] = add(queue, (uint8_t)(CHEAP + i % 3));
            }
        }
        turn(queue, 0);
        turn(queue, 1);
        uneven += queue->workers[0].load > 4 || queue->workers[1].load > 4;
    }
    printf("rounds that were not shared evenly: %u\n", uneven);
}

/* Of three workers the system has refused two: the one that there is takes all calls. */
static void share_of_refused(void)
{
    struct bb_queue *queue = bb_queue_make(bb_choose_kernel(), 3, 8, 0);

    memset(lanes, 0, sizeof lanes);
    for (unsigned i = 0; i < 6; i++) {
        add(queue, COSTLY);
    }
    turn(queue, 0);
    printf("taken by the only worker: %u\n", queue->workers[0].load);
}

/* One client has added 100 calls when three others come, with two calls each: they have the next
 * turns, and when they are gone the first has all. */
static void turns_of_clients(void)
{
    enum { FLOOD = 100, OTHERS = 3, EACH = 2 };
    struct bb_queue *queue = make(1, 1);
    struct bb_client clients[1 + OTHERS] = {0};
    struct bb_call *flood[FLOOD], *calls[EACH][OTHERS];
    unsigned ahead = 0;
    unsigned behind = 0;

    for (unsigned i = 0; i < FLOOD; i++) {
        flood[i] = add_of(queue, CHEAP, &clients[0], true);
    }
    for (unsigned i = 0; i < EACH * OTHERS; i++) {
        calls[i / OTHERS][i % OTHERS] = add_of(queue, CHEAP, &clients[1 + i % OTHERS], true);
    }
    while (!is_done(calls[EACH - 1][OTHERS - 1])) {
        turn(queue, 0);
    }
    for (unsigned i = 0; i < FLOOD; i++) {
        ahead += is_done(flood[i]);
    }
    while (queue->counts.stats.waiting + queue->counts.stats.in_flight > 0) {
        turn(queue, 0);
    }
    for (unsigned i = 0; i < FLOOD; i++) {
        behind += is_done(flood[i]);
    }
    printf("of a flood ahead of six calls of three others: %u, in the end %u\n", ahead, behind);
}

/* Who has filled the queue is refused; each other client has its share of it. */
static void fill_by_clients(void)
{
    enum { MOST = 12, LANES = 2, CLIENTS = 3 };
    struct bb_queue *queue = bb_queue_make(bb_choose_kernel(), 1, LANES, MOST);
    struct bb_client clients[CLIENTS] = {0};

    printf("let in:");
    for (unsigned i = 0; i < CLIENTS; i++) {
        unsigned count = 0;
        while (add_of(queue, CHEAP, &clients[i], false) != NULL) {
            count++;
        }
        printf(" %u", count);
    }
    puts("");
}

/* Calls of several clients are given up, and the queue is closed: no client is left in the turns.
 */
static void clients_that_leave(void)
{
    enum { CLIENTS = 3 };
    struct bb_queue *queue = make(1, 1);
    struct bb_client clients[CLIENTS] = {0};
    struct bb_call *calls[2 * CLIENTS];

    for (unsigned i = 0; i < 2 * CLIENTS; i++) {
        calls[i] = add_of(queue, CHEAP, &clients[i % CLIENTS], true);
    }
    bb_call_end(calls[1]);
    bb_call_end(calls[4]); /* all of the second client */
    printf("clients: %u,", (unsigned)queue->client_count);
    bb_queue_close(queue, false);
    printf(" closed: %u\n", (unsigned)queue->client_count);
    for (unsigned i = 0; i < 2 * CLIENTS; i++) {
        if (i != 1 && i != 4) {
            bb_call_end(calls[i]);
        }
    }
    bb_queue_free(queue);
}

/* A worker that has something in its lanes leaves a newcomer to one that has nothing. */
static void leave_to_idle(void)
{
    struct bb_queue *queue = make(2, 8);

    add(queue, COSTLY);
    turn(queue, 0);
    add(queue, COSTLY);
    turn(queue, 0);
    printf("left to the idle one: %u, ", (unsigned)queue->counts.stats.waiting);
    turn(queue, 1);
    printf("loads %u and %u\n", queue->workers[0].load, queue->workers[1].load);
}

/* A call that is given up frees its place or its lane, and harms no other. */
static void give_up(void)
{
    enum { CALLS = 6, LANES = 4 };
    struct bb_call *calls[CALLS];
    struct bb_queue *queue = make(1, LANES);
    char text[BB_HASH_CHARS];

    for (unsigned i = 0; i < CALLS; i++) {
        calls[i] = add(queue, CHEAP + 2);
    }
    turn(queue, 0);
    bb_call_give_up(calls[1], BB_REASON_TIMEOUT);   /* in a lane */
    bb_call_give_up(calls[4], BB_REASON_CANCELLED); /* waits */
    turn(queue, 0);
    printf("the next one took its lane: %d\n", calls[5]->place == IN_LANE);
    while (queue->workers[0].load > 0) {
        turn(queue, 0);
    }
    printf("late %u, cancelled %u, finished %u\n", (unsigned)queue->counts.stats.timed_out,
           (unsigned)queue->counts.stats.cancelled, (unsigned)queue->counts.stats.finished);
    for (unsigned i = 0; i < CALLS; i++) {
        if (i != 1 && i != 4) {
            bb_call_format(calls[i], text);
            printf("hash %.60s\n", text);
            bb_call_end(calls[i]);
        }
    }
    bb_queue_free(queue);
}

static bool is_wiped(const struct bb_call *call)
{
    static const struct bb_item nothing;
    return memcmp(&call->item, &nothing, sizeof nothing) == 0;
}

/* In a child after fork: what the parent's threads have left is wiped, and calls end quietly. There
 * is one in a lane, one that has been chosen for a lane, and two that wait. */
static void fork_off(void)
{
    struct bb_queue *queue = make(1, 2);
    struct bb_call *calls[4];
    unsigned wiped = 0;

    calls[0] = add(queue, COSTLY);
    turn(queue, 0);
    for (unsigned i = 1; i < 4; i++) {
        calls[i] = add(queue, COSTLY);
    }
    look(queue, &queue->workers[0], lanes[0]);
    printf("in lanes: %u, chosen: %u\n", queue->workers[0].group.lanes,
           queue->workers[0].newcomer_count);
    forks++;
    printf("answer after a fork: %d\n", bb_call_wait(calls[0], 0) == BB_ANSWER_FORKED);
    bb_call_end(calls[3]); /* the queue still leads to it */
    printf("wiped at their end: %d\n", is_wiped(calls[3]));
    bb_queue_free(queue);
    for (unsigned i = 0; i < 4; i++) {
        wiped += is_wiped(calls[i]);
    }
    printf("wiped: %u\n", wiped);
    forks--;
}

/* A mailbox in a child after fork: what came to it is the parent's. */
static void fork_with_mail(void)
{
    struct bb_queue *queue = make(1, 1);
    struct bb_setting setting = {.version = 'b', .cost = CHEAP};
    struct bb_mailbox *mailbox = bb_mailbox_make(queue);
    enum bb_answer answer;
    uint64_t token = 0;

    bb_queue_add(queue, (const uint8_t *)"pw", 2, &setting, true, NULL, mailbox, 7, &answer);
    turn(queue, 0);
    turn(queue, 0);
    forks++;
    printf("taken in a child: %d\n", bb_mailbox_take(mailbox, &token));
    forks--;
    bool taken = bb_mailbox_take(mailbox, &token);
    printf("taken in its process: %d, token %u\n", taken, (unsigned)token);
}

static int is_readable(const struct bb_mailbox *mailbox)
{
    struct pollfd watched = {.fd = bb_mailbox_descriptor(mailbox), .events = POLLIN};
    return poll(&watched, 1, 0);
}

/* A wait ends with its time, also if the time is over at once. */
static void wait_in_vain(void)
{
    struct bb_queue *queue = make(1, 1);
    struct bb_call *call = add(queue, CHEAP);
    const int64_t times_ns[] = {0, 1, 1000000};
    unsigned ended = 0;

    alarm(PATIENCE_S);
    for (unsigned i = 0; i < 3; i++) {
        ended += bb_call_wait(call, times_ns[i]) == BB_ANSWER_NONE;
    }
    alarm(0);
    printf("waits that ended without an answer: %u\n", ended);
    bb_call_end(call);
}

/* A mailbox's descriptor is readable while the mailbox has calls, also after so many that nobody
 * took that they fill a pipe. */
static void signal_mail(void)
{
    enum { CALLS = 70000 };
    struct bb_queue *queue = make(1, 1);
    struct bb_mailbox *mailbox = bb_mailbox_make(queue);
    struct bb_setting setting = {.version = 'b', .cost = CHEAP};
    enum bb_answer answer;
    uint64_t token;
    int before = is_readable(mailbox);

    for (unsigned i = 0; i < CALLS; i++) {
        struct bb_call *call = bb_queue_add(queue, (const uint8_t *)"pw", 2, &setting, true, NULL,
                                            mailbox, i, &answer);
        end_waiting(queue, call);
        bb_call_answer(call, BB_ANSWER_CLOSED);
        if (i < CALLS - 1) {
            bb_call_end(call);
        }
    }
    int with = is_readable(mailbox);
    while (bb_mailbox_take(mailbox, &token)) {
    }
    printf("readable before, with and without calls: %d, %d, %d\n", before, with,
           is_readable(mailbox));
    bb_mailbox_free(mailbox);
}

/* Finished calls count from the end of their second on, for ten seconds. */
static void rate(void)
{
    static struct bb_counts counts;
    struct bb_queue_stats stats;

    bb_counts_begin(&counts, 100 * (int64_t)NS_PER_S);
    bb_counts_finished(&counts, 105 * (int64_t)NS_PER_S);
    bb_counts_finished(&counts, 106 * (int64_t)NS_PER_S - 1);
    printf("recent, second by second:");
    for (int64_t second = 105; second < 118; second++) {
        bb_counts_read(&counts, second * NS_PER_S + 1, &stats);
        printf(" %u", (unsigned)stats.recent);
    }
    puts("");
}

/* A time is in the bucket whose limit is the next one above it, and by a quarter at the most. */
static void time_buckets(void)
{
    unsigned wrong = 0;

    for (uint64_t ns = 0; ns < (uint64_t)1 << 42; ns += ns / 50 + 100) {
        uint64_t most_ns = limit_ns(bucket_of(ns));
        uint64_t least_ns = bucket_of(ns) > 0 ? limit_ns(bucket_of(ns) - 1) : 0;
        wrong += ns < least_ns || ns >= most_ns;
        wrong += least_ns > 4 * LEAST_NS && 4 * most_ns > 5 * least_ns;
    }
    wrong += bucket_of(UINT64_MAX) != BB_WAIT_BUCKETS - 1;
    printf("times in wrong buckets: %u\n", wrong);
}

static int by_size(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Of 1 to 250 times from nanoseconds to minutes: beside the time of which, exactly, so many percent
 * are no longer. A percentile is the limit of the bucket that it lies in. */
static void percentiles(void)
{
    enum { MOST = 250 };
    static const unsigned percents[] = {50, 95, 99};
    int64_t times[MOST];
    uint64_t random = 1;
    unsigned wrong = 0;

    for (unsigned count = 1; count <= MOST; count++) {
        struct bb_counts counts;
        struct bb_queue_stats stats;
        bb_counts_begin(&counts, 0);
        for (unsigned i = 0; i < count; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            times[i] = (int64_t)((random >> 20) >> (random >> 59));
            bb_counts_wait(&counts, times[i]);
        }
        qsort(times, count, sizeof times[0], by_size);
        bb_counts_read(&counts, 0, &stats);
        const uint64_t found[] = {stats.wait_p50_ns, stats.wait_p95_ns, stats.wait_p99_ns};
        for (unsigned i = 0; i < 3; i++) {
            unsigned rank = (percents[i] * count + 99) / 100; /* rounded up: 1 is the least time */
            uint64_t exact = (uint64_t)times[rank - 1];
            wrong += found[i] <= exact || found[i] != limit_ns(bucket_of(exact));
            wrong += found[i] > exact + exact / 4 + LEAST_NS;
        }
    }
    printf("percentiles that are wrong: %u\n", wrong);
}

static void percentiles_of_nothing(void)
{
    struct bb_counts counts;
    struct bb_queue_stats stats;

    bb_counts_begin(&counts, 0);
    bb_counts_read(&counts, 0, &stats);
    printf("percentiles of no times: %d\n",
           stats.wait_p50_ns == 0 && stats.wait_p95_ns == 0 && stats.wait_p99_ns == 0);
}

int main(void)
{
    time_buckets();
    percentiles();
    percentiles_of_nothing();
    order();
    share();
    share_of_refused();
    turns_of_clients();
    fill_by_clients();
    clients_that_leave();
    leave_to_idle();
    give_up();
    fork_off();
    fork_with_mail();
    wait_in_vain();
    signal_mail();
    rate();
    starve();
    return 0;
}
