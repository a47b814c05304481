/* The variant table, its chooser, and a variant's properties. */
#include "internal.h"

extern const struct bb_kernel bb_kernel_x86_64_avx;
extern const struct bb_kernel bb_kernel_x86_64_bextr;
extern const struct bb_kernel bb_kernel_x86_64_bmi2;
extern const struct bb_kernel bb_kernel_aarch64;
extern const struct bb_kernel bb_kernel_portable;

/* Best first. */
static const struct bb_kernel *const kernels[] = {
#ifdef BB_HAVE_X86_64
    &bb_kernel_x86_64_avx, &bb_kernel_x86_64_bextr, &bb_kernel_x86_64_bmi2,
#endif
#ifdef BB_HAVE_AARCH64
    &bb_kernel_aarch64,
#endif
    &bb_kernel_portable,
};

const struct bb_kernel *const *bb_kernels(size_t *count)
{
    *count = sizeof kernels / sizeof kernels[0];
    return kernels;
}

const struct bb_kernel *bb_choose_kernel(void)
{
    const struct bb_kernel *const *kernel = kernels;
    while (!(*kernel)->supported() || !(*kernel)->preferred()) {
        kernel++; /* the portable variant ends the loop */
    }
    return *kernel;
}

const char *bb_kernel_name(const struct bb_kernel *kernel)
{
    return kernel->name;
}

bool bb_kernel_supported(const struct bb_kernel *kernel)
{
    return kernel->supported();
}

const uint32_t *bb_kernel_group_times(const struct bb_kernel *kernel)
{
    return kernel->group_times;
}

unsigned bb_kernel_max_lanes(const struct bb_kernel *kernel)
{
    return kernel->max_lanes;
}

unsigned bb_kernel_shared_lanes(const struct bb_kernel *kernel)
{
    return kernel->shared_lanes;
}
