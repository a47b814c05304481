/* Compare texts of a hash's length that are equal, or differ at one place or at all: valgrind
 * counts the instructions of each comparison. */
#include <string.h>

#include "kernel.h"

static const size_t places[] = {0, 1, BB_SETTING_CHARS, BB_HASH_CHARS - 1};

int main(void)
{
    char left[BB_HASH_CHARS];
    char right[BB_HASH_CHARS];
    unsigned equal = 0;

    memset(left, 'a', sizeof left);
    memcpy(right, left, sizeof left);
    equal += bb_equal(left, right, sizeof left);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        right[places[i]] = 'b';
        equal += bb_equal(left, right, sizeof left);
        right[places[i]] = 'a';
    }
    memset(right, 'b', sizeof right);
    equal += bb_equal(left, right, sizeof left);
    return equal != 1;
}
