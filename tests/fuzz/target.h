/* What each target shares: libFuzzer's declarations, and a check that ends the run. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool what)
{
    if (!what) {
        abort();
    }
}
