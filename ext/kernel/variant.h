/* Compile lanes.h for FIRST_LANES to LAST_LANES lanes, by default 1 to 8. A lanes_<variant>.c
 * defines its primitives, includes this, and fills its bb_kernel with LANE_FUNCTIONS. If some lane
 * counts are faster with other primitives, another file compiles those. */

#ifndef FIRST_LANES
#define FIRST_LANES 1
#endif
#ifndef LAST_LANES
#define LAST_LANES 8
#endif

#define PASTE_(name, lanes) name##_##lanes
#define PASTE(name, lanes) PASTE_(name, lanes)
#define FUNCTION(name) PASTE(name, LANES)

#define LANES 1
#include "lanes.h"
#define LANES 2
#include "lanes.h"
#define LANES 3
#include "lanes.h"
#define LANES 4
#include "lanes.h"
#define LANES 5
#include "lanes.h"
#define LANES 6
#include "lanes.h"
#define LANES 7
#include "lanes.h"
#define LANES 8
#include "lanes.h"
#define LANES 9
#include "lanes.h"
#define LANES 10
#include "lanes.h"
#define LANES 11
#include "lanes.h"

#define FUNCTIONS_OF(lanes) {start_##lanes, advance_##lanes, finish_##lanes}
#define FUNCTIONS_AT(lanes) &(const struct bb_lane_functions)FUNCTIONS_OF(lanes)
#define FUNCTIONS_OF_4_TO_8                                                                        \
    FUNCTIONS_AT(4), FUNCTIONS_AT(5), FUNCTIONS_AT(6), FUNCTIONS_AT(7), FUNCTIONS_AT(8)
#define LANE_FUNCTIONS {FUNCTIONS_AT(1), FUNCTIONS_AT(2), FUNCTIONS_AT(3), FUNCTIONS_OF_4_TO_8}
