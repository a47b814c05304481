/* What a queue counts: see queue.h for what each figure means. Whoever calls these holds the
 * queue's lock. */
#ifndef BCRYPT_BATCH_COUNTS_H
#define BCRYPT_BATCH_COUNTS_H

#include "queue.h"

enum { BB_WAIT_BUCKETS = 144 };

struct bb_counts {
    struct bb_queue_stats stats;     /* except the fields computed on reading */
    uint64_t waits[BB_WAIT_BUCKETS]; /* how many calls waited how long */
    int64_t since_ns;
    struct {
        int64_t second;
        uint64_t finished;
    } recent[BB_RATE_SECONDS + 1]; /* by second modulo the length: the last ones, and this one */
};

void bb_counts_begin(struct bb_counts *counts, int64_t now_ns);
void bb_counts_wait(struct bb_counts *counts, int64_t waited_ns);
void bb_counts_finished(struct bb_counts *counts, int64_t now_ns);
void bb_counts_read(const struct bb_counts *counts, int64_t now_ns, struct bb_queue_stats *stats);

#endif
