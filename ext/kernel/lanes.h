/* The interleaved computation, written once for any number of LANES. Each variant defines its
 * primitives:
 *
 *     halves                  the left and the right half of one lane's block
 *     state                   the addresses of a lane's subkeys and S-boxes
 *
 *     state find_state(const struct bb_lane *lanes, unsigned k)
 *     void enter(state at, unsigned k, halves *x)
 *     void round_right(state at, unsigned k, unsigned round, halves *x)
 *     void round_left(state at, unsigned k, unsigned round, halves *x)
 *     void leave(state at, unsigned k, halves *x)
 *     void mix_pair(unsigned k, halves *x, const uint32_t *words)
 *     void store_pair(unsigned k, uint32_t *words, const halves *x)
 *
 * enter, rounds 1 to 16 (right, left, right ...) and leave are one Blowfish encryption; a variant
 * chooses in which of them a subkey is mixed in. The lane k and the round are constants once the
 * loops are unrolled, so a variant may make them part of an address, or compute some lanes with
 * other instructions than the rest.
 *
 * Blowfish's round has four table look-ups that depend on the round before, so one password leaves
 * most of the core idle. Here every statement is repeated for each lane before the next begins; the
 * lanes do not depend on each other, and the CPU overlaps them. EACH_LANE is unrolled so that the
 * halves of all lanes live in registers. variant.h includes this file once for each lane count
 * LANES, which this file undefines at its end.
 */
#if FIRST_LANES <= LANES && LANES <= LAST_LANES

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)") /* honoured at -Oz, too */
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define EACH_LANE(k) UNROLL for (unsigned k = 0; k < LANES; k++)
#define EACH_ROUND_PAIR(i) UNROLL for (unsigned i = 1; i < 17; i += 2)

/* One Blowfish encryption in each lane. */
static ALWAYS_INLINE void FUNCTION(encipher)(const state *at, halves *x)
{
    EACH_LANE(k) enter(at[k], k, &x[k]);
    EACH_ROUND_PAIR(round) {
        EACH_LANE(k) round_right(at[k], k, round, &x[k]);
        EACH_LANE(k) round_left(at[k], k, round + 1, &x[k]);
    }
    EACH_LANE(k) leave(at[k], k, &x[k]);
}

/* Replace the whole state with the chained encryption of zeros; with `salted`, of the salt. */
static ALWAYS_INLINE void FUNCTION(reschedule)(struct bb_lane *lanes, struct bb_item *const *items,
                                               bool salted)
{
    state at[LANES];
    halves x[LANES] = {0};

    EACH_LANE(k) at[k] = find_state(lanes, k);
    for (unsigned i = 0; i < BB_LANE_WORDS; i += 2) {
        if (salted) {
            EACH_LANE(k) mix_pair(k, &x[k], &items[k]->salt[i & 2]);
        }
        FUNCTION(encipher)(at, x);
        EACH_LANE(k) store_pair(k, &lanes[k].words[i], &x[k]);
    }
}

static inline void FUNCTION(mix_key)(struct bb_lane *lanes, struct bb_item *const *items)
{
    for (unsigned i = 0; i < BB_KEY_WORDS; i++) {
        EACH_LANE(k) lanes[k].words[i] ^= items[k]->key[i];
    }
}

static inline void FUNCTION(mix_salt)(struct bb_lane *lanes, struct bb_item *const *items)
{
    for (unsigned i = 0; i < BB_KEY_WORDS; i++) {
        EACH_LANE(k) lanes[k].words[i] ^= items[k]->salt[i % BB_SALT_WORDS];
    }
}

static void FUNCTION(start)(struct bb_lane *lanes, struct bb_item *const *items)
{
    EACH_LANE(k) lanes[k] = bb_initial_lane;
    FUNCTION(mix_key)(lanes, items);
    FUNCTION(reschedule)(lanes, items, true);
}

static void FUNCTION(advance)(struct bb_lane *lanes, struct bb_item *const *items,
                              uint64_t iterations)
{
    /* One call site for both halves of an iteration, or the compiler would emit the unrolled
     * rounds twice and the instruction cache would have to hold both. */
    for (uint64_t i = 0; i < 2 * iterations; i++) {
        if (i % 2 == 0) {
            FUNCTION(mix_key)(lanes, items);
        } else {
            FUNCTION(mix_salt)(lanes, items);
        }
        FUNCTION(reschedule)(lanes, items, false);
    }
}

static void FUNCTION(finish)(const struct bb_lane *lanes, struct bb_item *const *items)
{
    static const uint32_t magic[BB_DIGEST_WORDS] = {
        /* "OrpheanBeholderScryDoubt" */
        0x4f727068, 0x65616e42, 0x65686f6c, 0x64657253, 0x63727944, 0x6f756274,
    };

    state at[LANES];

    EACH_LANE(k) at[k] = find_state(lanes, k);
    for (unsigned i = 0; i < BB_DIGEST_WORDS; i += 2) {
        halves x[LANES] = {0};
        EACH_LANE(k) mix_pair(k, &x[k], &magic[i]);
        for (unsigned times = 0; times < 64; times++) {
            FUNCTION(encipher)(at, x);
        }
        EACH_LANE(k) store_pair(k, &items[k]->digest[i], &x[k]);
    }
}

#undef UNROLL
#undef EACH_LANE
#undef EACH_ROUND_PAIR

#endif
#undef LANES
