/* The state of lanes.h for a variant whose addresses all begin at the first lane. */

typedef const struct bb_lane *state; /* of all lanes: k tells them apart */

static ALWAYS_INLINE state find_state(const struct bb_lane *lanes, unsigned k)
{
    (void)k;
    return lanes;
}
