/* The primitives of lanes.h for a variant that keeps a lane's halves in two registers and mixes in
 * one subkey a round. To be included after defining
 *
 *     uint32_t half_round(const struct bb_lane *lanes, unsigned k, unsigned round,
 *                         uint32_t half, uint32_t other)
 *
 * which returns other ^ subkey[round] ^ F(half) of lane k.
 */

#include "one_base.h"

typedef struct {
    uint32_t left, right;
} halves;

static ALWAYS_INLINE void mix_pair(unsigned k, halves *x, const uint32_t *words)
{
    (void)k;
    x->left ^= words[0];
    x->right ^= words[1];
}

static ALWAYS_INLINE void store_pair(unsigned k, uint32_t *words, const halves *x)
{
    (void)k;
    words[0] = x->left;
    words[1] = x->right;
}

static ALWAYS_INLINE void enter(state lanes, unsigned k, halves *x)
{
    x->left ^= lanes[k].words[0];
}

static ALWAYS_INLINE void round_right(state lanes, unsigned k, unsigned round, halves *x)
{
    x->right = half_round(lanes, k, round, x->left, x->right);
}

static ALWAYS_INLINE void round_left(state lanes, unsigned k, unsigned round, halves *x)
{
    x->left = half_round(lanes, k, round, x->right, x->left);
}

static ALWAYS_INLINE void leave(state lanes, unsigned k, halves *x)
{
    *x = (halves){x->right ^ lanes[k].words[17], x->left};
}
