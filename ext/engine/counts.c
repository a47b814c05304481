/* Counts of a queue's work, in memory that doesn't grow: see queue.h and counts.h.
 *
 * Times are kept in a histogram with four buckets for each power of two: a percentile is at most a
 * quarter too high, whether it is microseconds or minutes. */
#define _GNU_SOURCE
#include "counts.h"

#include <string.h>

#include "clock.h"

enum { LEAST_NS = 1024, PER_POWER = 4 };

static unsigned bucket_of(uint64_t ns)
{
    uint64_t units = ns / LEAST_NS;
    if (units < PER_POWER) {
        return (unsigned)units;
    }
    unsigned power = 63 - (unsigned)__builtin_clzll(units); /* 2 or more */
    unsigned bucket = (power - 1) * PER_POWER + (unsigned)(units >> (power - 2)) % PER_POWER;
    return bucket < BB_WAIT_BUCKETS ? bucket : BB_WAIT_BUCKETS - 1;
}

/* The largest time of a bucket: at most a quarter more than that of the previous bucket. */
static uint64_t limit_ns(unsigned bucket)
{
    uint64_t next = bucket + 1;
    if (next < PER_POWER) {
        return next * LEAST_NS;
    }
    return ((PER_POWER + next % PER_POWER) << (next / PER_POWER - 1)) * LEAST_NS;
}

/* The limit of the first bucket that `percent` of the times don't exceed; 0 without times. */
static uint64_t percentile_ns(const uint64_t waits[BB_WAIT_BUCKETS], unsigned percent)
{
    uint64_t total = 0;
    uint64_t seen = 0;
    unsigned next = 0;

    for (unsigned bucket = 0; bucket < BB_WAIT_BUCKETS; bucket++) {
        total += waits[bucket];
    }
    while (100 * seen < percent * total) {
        seen += waits[next++];
    }
    return next > 0 ? limit_ns(next - 1) : 0;
}

void bb_counts_begin(struct bb_counts *counts, int64_t now_ns)
{
    memset(counts, 0, sizeof *counts);
    counts->since_ns = now_ns;
}

void bb_counts_wait(struct bb_counts *counts, int64_t waited_ns)
{
    counts->waits[bucket_of(waited_ns > 0 ? (uint64_t)waited_ns : 0)]++;
}

void bb_counts_finished(struct bb_counts *counts, int64_t now_ns)
{
    int64_t second = now_ns / NS_PER_S;
    unsigned place = (unsigned)(second % (BB_RATE_SECONDS + 1));

    if (counts->recent[place].second != second) {
        counts->recent[place].second = second;
        counts->recent[place].finished = 0;
    }
    counts->recent[place].finished++;
    counts->stats.finished++;
}

void bb_counts_read(const struct bb_counts *counts, int64_t now_ns, struct bb_queue_stats *stats)
{
    int64_t second = now_ns / NS_PER_S;
    int64_t seconds = second - counts->since_ns / NS_PER_S;

    *stats = counts->stats;
    for (unsigned place = 0; place <= BB_RATE_SECONDS; place++) {
        int64_t ago = second - counts->recent[place].second;
        if (ago >= 1 && ago <= BB_RATE_SECONDS) { /* the current second is not over yet */
            stats->recent += counts->recent[place].finished;
        }
    }
    stats->wait_p50_ns = percentile_ns(counts->waits, 50);
    stats->wait_p95_ns = percentile_ns(counts->waits, 95);
    stats->wait_p99_ns = percentile_ns(counts->waits, 99);
    stats->recent_ns = (uint64_t)(seconds < BB_RATE_SECONDS ? seconds : BB_RATE_SECONDS) * NS_PER_S;
}
