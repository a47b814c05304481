/* Compile lanes.h for 1 to BB_MAX_LANES lanes. A lanes_<variant>.c defines its primitives,
 * includes this, and fills its bb_kernel with LANE_FUNCTIONS. */

#define PASTE_(name, lanes) name##_##lanes
#define PASTE(name, lanes) PASTE_(name, lanes)
#define FUNCTION(name) PASTE(name, LANES)

#define LANES 1
#include "lanes.h"
#undef LANES
#define LANES 2
#include "lanes.h"
#undef LANES
#define LANES 3
#include "lanes.h"
#undef LANES
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

#define FUNCTIONS_OF(lanes) {start_##lanes, advance_##lanes, finish_##lanes}
#define LANE_FUNCTIONS                                                                             \
    {                                                                                              \
        FUNCTIONS_OF(1), FUNCTIONS_OF(2), FUNCTIONS_OF(3), FUNCTIONS_OF(4),                        \
        FUNCTIONS_OF(5), FUNCTIONS_OF(6), FUNCTIONS_OF(7), FUNCTIONS_OF(8),                        \
    }
