/* Drive ext/kernel without Python: the self-test, then every line of standard input through every
 * supported variant and lane count.
 *
 * A line is a password in hexadecimal ("-" for the empty one) and a hash or setting; consecutive
 * lines of one cost share groups. Prints "variant lanes hash" for each. Then once more with items
 * that join and leave while others are computed, all costs together, which must give the same. All
 * of it runs in a thread with the smallest stack that the system allows: 16 KiB on x86-64 Linux. */
#define _POSIX_C_SOURCE 200809L

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

enum { MAX_LINES = 1000 };

static struct bb_group group;
static struct bb_item items[MAX_LINES];
static struct bb_setting settings[MAX_LINES];

static size_t read_lines(void)
{
    char hex[512];
    char text[BB_HASH_CHARS + 1];
    size_t count = 0;

    while (count < MAX_LINES && scanf("%511s %60s", hex, text) == 2) {
        uint8_t password[256];
        size_t length = 0;
        for (unsigned byte; sscanf(hex + 2 * length, "%2x", &byte) == 1; length++) {
            password[length] = (uint8_t)byte;
        }
        if (bb_parse_setting((uint8_t *)text, BB_SETTING_CHARS, &settings[count]) != BB_OK) {
            fprintf(stderr, "line %zu is malformed\n", count + 1);
            exit(1);
        }
        bb_load_item(&items[count], password, length, &settings[count]);
        count++;
    }
    return count;
}

/* A finished group may be advanced again, and nothing happens. */
static void advance_again(struct bb_item *const *members, size_t count)
{
    static struct bb_group before;
    struct bb_item items_before[BB_MAX_LANES];

    memcpy(&before, &group, sizeof group);
    for (size_t i = 0; i < count; i++) {
        items_before[i] = *members[i];
    }
    for (uint64_t iterations = 0; iterations < 3; iterations++) {
        if (!bb_group_advance(&group, iterations)) {
            fprintf(stderr, "a finished group is not finished any more\n");
            exit(1);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&items_before[i], members[i], sizeof items_before[i]) != 0) {
            fprintf(stderr, "advancing a finished group changes an item\n");
            exit(1);
        }
    }
    if (memcmp(&before, &group, sizeof group) != 0) {
        fprintf(stderr, "advancing a finished group changes the group\n");
        exit(1);
    }
}

static void compute(const struct bb_kernel *kernel, unsigned lanes, size_t count)
{
    size_t next = 0;

    while (next < count) {
        struct bb_item *members[BB_MAX_LANES];
        size_t first = next;
        while (next < count && next - first < lanes &&
               settings[next].cost == settings[first].cost) {
            members[next - first] = &items[next];
            next++;
        }
        bb_group_start(&group, kernel, members, (unsigned)(next - first), settings[first].cost);
        while (!bb_group_advance(&group, 7)) {
        }
        advance_again(members, next - first);
    }
    for (size_t i = 0; i < count; i++) {
        char text[BB_HASH_CHARS];
        bb_format_hash(&settings[i], items[i].digest, text);
        printf("%s %u %.60s\n", bb_kernel_name(kernel), lanes, text);
    }
}

static void require_wiped(unsigned first, unsigned end, const char *when)
{
    for (unsigned k = first; k < end; k++) {
        for (unsigned i = 0; i < BB_LANE_WORDS; i++) {
            if (group.lane[k].words[i] != 0) {
                fprintf(stderr, "lane %u is not wiped %s\n", k, when);
                exit(1);
            }
        }
    }
}

/* Add the next lines, two at a time where they are of one cost and there is room for both. */
static size_t join(struct bb_item *const *lines, size_t next, size_t count, unsigned lanes)
{
    while (next < count && group.lanes < lanes) {
        unsigned cost = settings[lines[next] - items].cost;
        unsigned both = group.lanes + 1 < lanes && next + 1 < count &&
                        settings[lines[next + 1] - items].cost == cost;
        bb_group_join(&group, &lines[next], 1 + both, cost);
        next += 1 + both;
    }
    return next;
}

/* All lines with at most `lanes` in flight, in steps of different lengths. Now and then one is
 * given up, and comes again at the end. */
static void come_and_go(const struct bb_kernel *kernel, unsigned lanes, size_t count)
{
    static uint32_t expected[MAX_LINES][BB_DIGEST_WORDS];
    static struct bb_item *lines[2 * MAX_LINES];
    size_t total = count;
    size_t finished = 0;
    size_t next = 0;

    for (size_t i = 0; i < count; i++) {
        lines[i] = &items[i];
        memcpy(expected[i], items[i].digest, sizeof expected[i]);
        memset(items[i].digest, 0, sizeof items[i].digest);
    }
    bb_group_open(&group, kernel);
    for (unsigned step = 0; next < total || group.lanes > 0; step++) {
        next = join(lines, next, total, lanes);
        unsigned before = group.lanes;
        if (bb_group_advance(&group, step % 9) != (group.lanes == 0)) {
            fprintf(stderr, "advancing says the wrong thing of its end\n");
            exit(1);
        }
        require_wiped(group.lanes, before, "when finished");
        for (unsigned k = group.lanes; k < before; k++, finished++) {
            size_t i = (size_t)(group.item[k] - items);
            if (memcmp(items[i].digest, expected[i], sizeof expected[i]) != 0) {
                fprintf(stderr, "%s, %u lanes: line %zu differs where items come and go\n",
                        bb_kernel_name(kernel), lanes, i + 1);
                exit(1);
            }
        }
        if (step % 11 == 5 && group.lanes > 0 && total < 2 * MAX_LINES - 1 && total < 2 * count) {
            unsigned k = step % group.lanes;
            lines[total++] = group.item[k];
            bb_group_drop(&group, k);
            require_wiped(group.lanes, group.lanes + 1, "when dropped");
        }
    }
    if (finished != count) {
        fprintf(stderr, "%zu of %zu lines came to an end\n", finished, count);
        exit(1);
    }
}

static void *run(void *line_count)
{
    size_t kernel_count;
    const struct bb_kernel *const *kernels = bb_kernels(&kernel_count);
    const size_t count = *(const size_t *)line_count;

    for (size_t i = 0; i < kernel_count; i++) {
        if (!bb_kernel_supported(kernels[i])) {
            continue;
        }
        unsigned failed = bb_self_test(&group, kernels[i]);
        if (failed) {
            fprintf(stderr, "self-test: %s fails with %u lanes\n", bb_kernel_name(kernels[i]),
                    failed);
            exit(1);
        }
        for (unsigned lanes = 1; lanes <= bb_kernel_max_lanes(kernels[i]); lanes++) {
            compute(kernels[i], lanes, count);
            come_and_go(kernels[i], lanes, count);
        }
    }
    return NULL;
}

int main(void)
{
    size_t count = read_lines();
    pthread_attr_t attributes;
    pthread_t thread;

    if (pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN) != 0 ||
        pthread_create(&thread, &attributes, run, &count) != 0 || pthread_join(thread, NULL) != 0) {
        fprintf(stderr, "the thread can't be made\n");
        return 1;
    }
    return 0;
}
