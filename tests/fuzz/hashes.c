/* libFuzzer: up to 11 passwords of cost 4 through a variant and a number of lanes, which the input
 * picks, and each hash beside libxcrypt's. They start together, or come and go. */
#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "target.h"

enum { COST = 4, MAX_PASSWORD = 80 };

/* The input, and zeros after its end. */
struct input {
    const uint8_t *next;
    size_t left;
};

static unsigned take(struct input *input)
{
    return input->left ? (input->left--, *input->next++) : 0;
}

static unsigned long hashes;

static void say_how_many(void)
{
    printf("%lu hashes, each as libxcrypt's\n", hashes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return atexit(say_how_many);
}

static const struct bb_kernel *pick_kernel(unsigned number)
{
    size_t count;
    const struct bb_kernel *const *kernels = bb_kernels(&count);
    const struct bb_kernel *kernel = kernels[number % count];
    return bb_kernel_supported(kernel) ? kernel : kernels[count - 1];
}

struct password {
    char text[MAX_PASSWORD + 1];
    char hash[BB_HASH_CHARS]; /* libxcrypt's */
    struct bb_setting setting;
};

/* Take a password, which ends at a NUL for libxcrypt, and a salt; have libxcrypt hash it. Of $2a$
 * its hashes are others than OpenBSD's where a byte has the highest bit. */
static void take_password(struct input *input, struct password *password)
{
    static struct crypt_data data;
    char setting[BB_SETTING_CHARS + 1] = "";
    size_t length;
    bool eight_bit = false;

    password->setting.cost = COST;
    password->setting.version = "bxya"[take(input) % 4];
    for (size_t i = 0; i < BB_SALT_BYTES; i++) {
        password->setting.salt[i] = (uint8_t)take(input);
    }
    length = take(input) % (MAX_PASSWORD + 1);
    for (size_t i = 0; i < length; i++) {
        unsigned byte = take(input);
        password->text[i] = (char)(byte ? byte : 1);
        eight_bit |= byte > 127;
    }
    password->text[length] = 0;
    if (eight_bit && password->setting.version == 'a') {
        password->setting.version = 'b';
    }
    bb_format_setting(&password->setting, setting);
    const char *hash = crypt_rn(password->text, setting, &data, sizeof data);
    require(hash && strlen(hash) == BB_HASH_CHARS);
    memcpy(password->hash, hash, BB_HASH_CHARS);
}

static void come_and_go(struct bb_group *group, struct bb_item *const *items, unsigned count,
                        struct input *input)
{
    unsigned next = 0;
    bool done = false;

    while (next < count || !done) {
        unsigned step = take(input);
        unsigned coming = step % 4 + (group->lanes == 0); /* somebody has to */
        coming = coming < count - next ? coming : count - next;
        if (coming > 0) {
            bb_group_join(group, items + next, coming, COST);
            next += coming;
        }
        done = bb_group_advance(group, 1 + step / 4 % 32);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bb_group group;
    static struct password passwords[BB_MAX_LANES];
    struct bb_item items[BB_MAX_LANES], *members[BB_MAX_LANES];
    struct input input = {data, size};

    const struct bb_kernel *kernel = pick_kernel(take(&input));
    unsigned how = take(&input);
    unsigned lanes = 1 + how % bb_kernel_max_lanes(kernel);
    for (unsigned k = 0; k < lanes; k++) {
        struct password *password = &passwords[k];
        struct bb_setting parsed;
        take_password(&input, password);
        require(bb_parse_hash((uint8_t *)password->hash, BB_HASH_CHARS, &parsed) == BB_OK);
        require(memcmp(&parsed, &password->setting, sizeof parsed) == 0);
        bb_load_item(&items[k], (uint8_t *)password->text, strlen(password->text), &parsed);
        members[k] = &items[k];
    }

    if (how & 0x80) {
        bb_group_start(&group, kernel, members, lanes, COST);
        while (!bb_group_advance(&group, 1 + how / 8 % 16)) {
        }
    } else {
        bb_group_open(&group, kernel);
        come_and_go(&group, members, lanes, &input);
    }

    for (unsigned k = 0; k < lanes; k++) {
        char text[BB_HASH_CHARS];
        bb_format_hash(&passwords[k].setting, items[k].digest, text);
        require(bb_equal(text, passwords[k].hash, sizeof text));
        text[BB_SETTING_CHARS] ^= 1;
        require(!bb_equal(text, passwords[k].hash, sizeof text));
    }
    hashes += lanes;
    return 0;
}
