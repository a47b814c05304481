/* The counts of a queue; queue.h explains each figure. Callers must hold the queue's lock. */
#ifndef BCRYPT_BATCH_COUNTS_H
#define BCRYPT_BATCH_COUNTS_H

#include "queue.h"

enum { BB_WAIT_BUCKETS = 144 };

struct bb_counts {
    struct bb_queue_stats stats;     /* except the fields computed on reading */
    uint64_t waits[BB_WAIT_BUCKETS]; /* calls by the time that they waited */
    int64_t since_ns;
    struct {
        int64_t second;
        uint64_t finished;
    } recent[BB_RATE_SECONDS + 1]; /* the last seconds and this one, by second modulo the length */
};

void bb_counts_begin(struct bb_counts *counts, int64_t now_ns);
void bb_counts_wait(struct bb_counts *counts, int64_t waited_ns);
void bb_counts_finished(struct bb_counts *counts, int64_t now_ns);
void bb_counts_read(const struct bb_counts *counts, int64_t now_ns, struct bb_queue_stats *stats);

#endif
