/* The interleaved computation, written once over LANES and one primitive:
 *
 *     uint32_t feistel(const struct bb_lane *lane, uint32_t half)
 *
 * Blowfish's round is four dependent table look-ups, so one password leaves most of the core
 * idle. Here every statement is repeated for each lane before the next begins; the lanes do not
 * depend on each other, and the CPU overlaps them. EACH_LANE is unrolled so that the halves of
 * all lanes live in registers. Included by variant.h, once per lane count.
 */

#define EACH_LANE(k) _Pragma("GCC unroll 8") for (unsigned k = 0; k < LANES; k++)
#define EACH_ROUND_PAIR(i) _Pragma("GCC unroll 8") for (unsigned i = 1; i < 17; i += 2)

/* One Blowfish encryption in each lane. */
static ALWAYS_INLINE void FUNCTION(encipher)(const struct bb_lane *lane, uint32_t *left,
                                             uint32_t *right)
{
    EACH_LANE(k) left[k] ^= lane[k].words[0];
    EACH_ROUND_PAIR(round) {
        EACH_LANE(k) right[k] ^= lane[k].words[round] ^ feistel(&lane[k], left[k]);
        EACH_LANE(k) left[k] ^= lane[k].words[round + 1] ^ feistel(&lane[k], right[k]);
    }
    EACH_LANE(k) {
        uint32_t swapped = right[k] ^ lane[k].words[17];
        right[k] = left[k];
        left[k] = swapped;
    }
}

/* Replace the whole state with the chained encryption of zeros; with `salted`, of the salt. */
static ALWAYS_INLINE void FUNCTION(reschedule)(struct bb_group *group, bool salted)
{
    struct bb_lane *lane = group->lane;
    uint32_t left[LANES] = {0};
    uint32_t right[LANES] = {0};

    for (unsigned i = 0; i < BB_LANE_WORDS; i += 2) {
        if (salted) {
            EACH_LANE(k) left[k] ^= group->item[k]->salt[i & 2];
            EACH_LANE(k) right[k] ^= group->item[k]->salt[(i & 2) + 1];
        }
        FUNCTION(encipher)(lane, left, right);
        EACH_LANE(k) store_pair(&lane[k].words[i], left[k], right[k]);
    }
}

static inline void FUNCTION(mix_key)(struct bb_group *group)
{
    for (unsigned i = 0; i < BB_KEY_WORDS; i++) {
        EACH_LANE(k) group->lane[k].words[i] ^= group->item[k]->key[i];
    }
}

static inline void FUNCTION(mix_salt)(struct bb_group *group)
{
    for (unsigned i = 0; i < BB_KEY_WORDS; i++) {
        EACH_LANE(k) group->lane[k].words[i] ^= group->item[k]->salt[i % BB_SALT_WORDS];
    }
}

static void FUNCTION(start)(struct bb_group *group)
{
    EACH_LANE(k) group->lane[k] = bb_initial_lane;
    FUNCTION(mix_key)(group);
    FUNCTION(reschedule)(group, true);
}

static void FUNCTION(advance)(struct bb_group *group, uint64_t iterations)
{
    /* One call site for both halves of an iteration, or the compiler would emit the unrolled
     * rounds twice and the instruction cache would have to hold both. */
    for (uint64_t i = 0; i < 2 * iterations; i++) {
        if (i % 2 == 0) {
            FUNCTION(mix_key)(group);
        } else {
            FUNCTION(mix_salt)(group);
        }
        FUNCTION(reschedule)(group, false);
    }
}

static void FUNCTION(finish)(struct bb_group *group)
{
    static const uint32_t magic[BB_DIGEST_WORDS] = {
        /* "OrpheanBeholderScryDoubt" */
        0x4f727068, 0x65616e42, 0x65686f6c, 0x64657253, 0x63727944, 0x6f756274,
    };

    for (unsigned i = 0; i < BB_DIGEST_WORDS; i += 2) {
        uint32_t left[LANES];
        uint32_t right[LANES];
        EACH_LANE(k) left[k] = magic[i];
        EACH_LANE(k) right[k] = magic[i + 1];
        for (unsigned times = 0; times < 64; times++) {
            FUNCTION(encipher)(group->lane, left, right);
        }
        EACH_LANE(k) group->item[k]->digest[i] = left[k];
        EACH_LANE(k) group->item[k]->digest[i + 1] = right[k];
    }
}

#undef EACH_LANE
#undef EACH_ROUND_PAIR
