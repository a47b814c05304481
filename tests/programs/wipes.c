/* Wiping: every requested byte and no other; all lanes of items that finish together, and a dropped
 * lane. Ends with 0, or with the line that failed.
 */
#include "internal.h"

#define CHECK(holds)                                                                               \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            return __LINE__;                                                                       \
        }                                                                                          \
    } while (0)

static struct bb_group group;
static struct bb_item item[BB_MAX_LANES];

static void start(unsigned lanes)
{
    struct bb_setting setting = {.version = 'b', .cost = 4, .salt = {1}};
    struct bb_item *items[BB_MAX_LANES];

    for (unsigned k = 0; k < lanes; k++) {
        bb_load_item(&item[k], (const uint8_t *)"pw", 2, &setting);
        items[k] = &item[k];
    }
    bb_group_start(&group, bb_choose_kernel(), items, lanes, setting.cost);
}

static bool is_zero(const void *memory, size_t length)
{
    const uint8_t *bytes = memory;

    while (length > 0 && bytes[length - 1] == 0) {
        length--;
    }
    return length == 0;
}

int main(void)
{
    uint8_t memory[66];

    for (size_t length = 0; length <= 64; length++) {
        memset(memory, 0xff, sizeof memory);
        bb_wipe(memory + 1, length);
        CHECK(memory[0] == 0xff && memory[length + 1] == 0xff);
        CHECK(is_zero(memory + 1, length));
    }
    for (unsigned lanes = 1; lanes <= bb_kernel_max_lanes(bb_choose_kernel()); lanes++) {
        start(lanes);
        CHECK(!is_zero(&group.lane[lanes - 1], sizeof group.lane[0]));
        CHECK(bb_group_advance(&group, UINT64_MAX));
        CHECK(is_zero(group.lane, sizeof group.lane));

        start(lanes);
        bb_group_drop(&group, 0);
        CHECK(is_zero(&group.lane[lanes - 1], sizeof group.lane[0]));
        while (!bb_group_advance(&group, 5)) {
        }
        CHECK(is_zero(group.lane, sizeof group.lane));
    }
    return 0;
}
