/* The primitives of lanes.h for a variant that keeps a lane's halves in one 64-bit register and
 * mixes in the subkeys by pairs, every second round. To be included after `state` and
 *
 *     const uint32_t *find_subkeys(state at, unsigned k)
 *
 * and before the rounds; round_left mixes in its own subkey and the next round_right's.
 */

typedef uint64_t halves; /* left in bits 0 to 31, right in bits 32 to 63: as in memory */

static ALWAYS_INLINE uint64_t load_pair(const uint32_t *words)
{
    uint64_t pair;
    memcpy(&pair, words, sizeof pair);
    return pair;
}

static ALWAYS_INLINE void mix_pair(unsigned k, halves *x, const uint32_t *words)
{
    (void)k;
    *x ^= load_pair(words);
}

static ALWAYS_INLINE void store_pair(unsigned k, uint32_t *words, const halves *x)
{
    (void)k;
    memcpy(words, x, sizeof *x);
}

static ALWAYS_INLINE void enter(state at, unsigned k, halves *x)
{
    *x ^= load_pair(find_subkeys(at, k));
}

static ALWAYS_INLINE void leave(state at, unsigned k, halves *x)
{
    (void)at, (void)k;
    *x = *x << 32 | *x >> 32;
}
