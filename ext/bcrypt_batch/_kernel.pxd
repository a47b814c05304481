"""The declarations of kernel.h that _native.pyx uses."""

from libc.stdint cimport uint8_t, uint32_t

cdef extern from "kernel.h" nogil:
    enum:
        BB_MAX_LANES
        BB_MIN_COST
        BB_MAX_COST
        BB_MAX_KEY_BYTES
        BB_SALT_BYTES
        BB_SETTING_CHARS
        BB_HASH_CHARS
        BB_LANE_WORDS

    ctypedef enum bb_status "enum bb_status":
        BB_OK
        BB_BAD_LENGTH
        BB_BAD_PREFIX
        BB_BAD_COST
        BB_BAD_SALT
        BB_BAD_DIGEST

    ctypedef struct bb_kernel "const struct bb_kernel":
        pass

    ctypedef struct bb_setting "struct bb_setting":
        char version
        uint8_t cost
        uint8_t salt[16]

    ctypedef struct bb_group "struct bb_group":
        pass

    bb_status bb_parse_setting(const uint8_t *text, size_t length, bb_setting *setting)
    bb_status bb_parse_hash(const uint8_t *text, size_t length, bb_setting *setting)
    void bb_format_setting(const bb_setting *setting, char *text)

    bb_kernel *const *bb_kernels(size_t *count)
    bb_kernel *bb_choose_kernel()
    const char *bb_kernel_name(bb_kernel *kernel)
    bint bb_kernel_supported(bb_kernel *kernel)
    unsigned bb_kernel_max_lanes(bb_kernel *kernel)
    const uint32_t *bb_kernel_group_times(bb_kernel *kernel)
    unsigned bb_kernel_shared_lanes(bb_kernel *kernel)

    unsigned bb_self_test(bb_group *scratch, bb_kernel *kernel)
    bint bb_equal(const void *a, const void *b, size_t length)
