/* Drive ext/kernel without Python: the self-test, then every line of standard input through every
 * supported variant and lane count.
 *
 * A line is a password in hexadecimal ("-" for the empty one) and a hash or setting; consecutive
 * lines of one cost share groups. Prints "variant lanes hash" for each. */
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
    }
    for (size_t i = 0; i < count; i++) {
        char text[BB_HASH_CHARS];
        bb_format_hash(&settings[i], items[i].digest, text);
        printf("%s %u %.60s\n", bb_kernel_name(kernel), lanes, text);
    }
}

int main(void)
{
    size_t kernel_count;
    const struct bb_kernel *const *kernels = bb_kernels(&kernel_count);
    size_t count = read_lines();

    for (size_t i = 0; i < kernel_count; i++) {
        if (!bb_kernel_supported(kernels[i])) {
            continue;
        }
        unsigned failed = bb_self_test(&group, kernels[i]);
        if (failed) {
            fprintf(stderr, "self-test: %s fails with %u lanes\n", bb_kernel_name(kernels[i]),
                    failed);
            return 1;
        }
        for (unsigned lanes = 1; lanes <= BB_MAX_LANES; lanes++) {
            compute(kernels[i], lanes, count);
        }
    }
    return 0;
}
