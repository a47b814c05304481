/* Groups: the lanes of one thread, their remaining iterations and their items. */
#include "internal.h"

static const struct bb_lane_functions *functions(const struct bb_group *group, unsigned lanes)
{
    return group->kernel->functions[lanes - 1];
}

void bb_group_open(struct bb_group *group, const struct bb_kernel *kernel)
{
    group->kernel = kernel;
    group->lanes = 0;
}

void bb_group_join(struct bb_group *group, struct bb_item *const *items, unsigned count,
                   unsigned cost)
{
    unsigned first = group->lanes;

    memcpy(&group->item[first], items, count * sizeof items[0]);
    for (unsigned k = first; k < first + count; k++) {
        group->iterations_left[k] = (uint64_t)1 << cost;
    }
    functions(group, count)->start(&group->lane[first], &group->item[first]);
    group->lanes = first + count;
}

void bb_group_start(struct bb_group *group, const struct bb_kernel *kernel,
                    struct bb_item *const *items, unsigned lanes, unsigned cost)
{
    bb_group_open(group, kernel);
    bb_group_join(group, items, lanes, cost);
}

static void swap(struct bb_group *group, unsigned a, unsigned b)
{
    struct bb_item *item = group->item[a];
    uint64_t left = group->iterations_left[a];

    group->item[a] = group->item[b];
    group->item[b] = item;
    group->iterations_left[a] = group->iterations_left[b];
    group->iterations_left[b] = left;
    for (unsigned i = 0; i < BB_LANE_WORDS; i++) { /* no copy of a lane is left on the stack */
        uint32_t word = group->lane[a].words[i];
        group->lane[a].words[i] = group->lane[b].words[i];
        group->lane[b].words[i] = word;
    }
}

/* Move the items without remaining iterations to the end, and finish them together: many lanes
 * finish in hardly more time than one. */
static void finish(struct bb_group *group)
{
    unsigned going = group->lanes;
    unsigned finished;

    for (unsigned k = group->lanes; k-- > 0;) {
        if (group->iterations_left[k] == 0 && --going != k) {
            swap(group, k, going);
        }
    }
    finished = group->lanes - going;
    if (finished > 0) {
        functions(group, finished)->finish(&group->lane[going], &group->item[going]);
        bb_wipe(&group->lane[going], finished * sizeof group->lane[0]);
        group->lanes = going;
    }
}

bool bb_group_advance(struct bb_group *group, uint64_t iterations)
{
    if (group->lanes == 0) {
        return true; /* all items have finished before */
    }
    for (unsigned k = 0; k < group->lanes; k++) {
        if (iterations > group->iterations_left[k]) {
            iterations = group->iterations_left[k];
        }
    }
    functions(group, group->lanes)->advance(group->lane, group->item, iterations);
    for (unsigned k = 0; k < group->lanes; k++) {
        group->iterations_left[k] -= iterations;
    }
    finish(group);
    return group->lanes == 0;
}

void bb_group_drop(struct bb_group *group, unsigned k)
{
    unsigned last = --group->lanes;

    if (k != last) {
        group->lane[k] = group->lane[last];
        group->item[k] = group->item[last];
        group->iterations_left[k] = group->iterations_left[last];
    }
    bb_wipe(&group->lane[last], sizeof group->lane[last]);
}
