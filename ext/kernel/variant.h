/* Compile lanes.h for 1 to BB_MAX_LANES lanes. A lanes_<variant>.c defines its primitives,
 * includes this, and fills its bb_kernel with LANE_FUNCTIONS. Where few lanes are faster with other
 * primitives, FEW_LANES leaves only them or only the others: 1 to 3, or 4 and more. */

#define PASTE_(name, lanes) name##_##lanes
#define PASTE(name, lanes) PASTE_(name, lanes)
#define FUNCTION(name) PASTE(name, LANES)

#if !defined FEW_LANES || FEW_LANES
#define LANES 1
#include "lanes.h"
#undef LANES
#define LANES 2
#include "lanes.h"
#undef LANES
#define LANES 3
#include "lanes.h"
#undef LANES
#endif
#if !defined FEW_LANES || !FEW_LANES
#define LANES 4
#include "lanes.h"
#undef LANES
#define LANES 5
#include "lanes.h"
#undef LANES
#define LANES 6
#include "lanes.h"
#undef LANES
#define LANES 7
#include "lanes.h"
#undef LANES
#define LANES 8
#include "lanes.h"
#undef LANES
#endif

#define FUNCTIONS_OF(lanes) {start_##lanes, advance_##lanes, finish_##lanes}
#define FUNCTIONS_AT(lanes) &(const struct bb_lane_functions)FUNCTIONS_OF(lanes)
#define FUNCTIONS_OF_MANY                                                                          \
    FUNCTIONS_AT(4), FUNCTIONS_AT(5), FUNCTIONS_AT(6), FUNCTIONS_AT(7), FUNCTIONS_AT(8)
#define LANE_FUNCTIONS {FUNCTIONS_AT(1), FUNCTIONS_AT(2), FUNCTIONS_AT(3), FUNCTIONS_OF_MANY}
