# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: auto_pickle=False, autotestdict=False
"""The boundary between Python and ext/kernel: bytes in, groups computed without the GIL, bytes out.

Everything is checked while the GIL is held. Without it nothing allocates, raises or calls Python:
a group ends by being finished, by `Batch.stop`, or by the clock, and each worker notes in its own
slot what it did. This is the only file that uses OpenMP.
"""

cimport cython
from cython.parallel cimport prange, threadid
from libc.stdint cimport INT64_MAX, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from bcrypt_batch._kernel cimport (
    BB_BAD_COST, BB_BAD_LENGTH, BB_BAD_PREFIX, BB_BAD_SALT, BB_HASH_CHARS, BB_LANE_WORDS,
    BB_MAX_COST, BB_MAX_KEY_BYTES, BB_MAX_LANES, BB_MIN_COST, BB_OK, BB_SALT_BYTES,
    BB_SETTING_CHARS, bb_choose_kernel, bb_equal, bb_format_hash, bb_format_setting, bb_group,
    bb_group_advance, bb_group_start, bb_item, bb_kernel, bb_kernel_group_time, bb_kernel_name,
    bb_kernel_shared_lanes, bb_kernel_supported, bb_kernels, bb_load_item, bb_parse_hash,
    bb_parse_setting, bb_self_test, bb_setting, bb_status, bb_wipe,
)

cdef extern from "Python.h" nogil:
    unsigned long PyThread_get_thread_native_id()

cdef extern from "<stdlib.h>" nogil:
    void *aligned_alloc(size_t alignment, size_t size)

cdef extern from "<time.h>" nogil:
    pass  # has clock_gettime, for which posix.time includes only sys/time.h

# Cython has no atomics for C; these macros of C11 work on the types they name.
cdef extern from "<stdatomic.h>" nogil:
    ctypedef bint atomic_bool
    ctypedef size_t atomic_size_t
    bint atomic_load_bool "atomic_load"(atomic_bool *place)
    void atomic_store_bool "atomic_store"(atomic_bool *place, bint value)
    size_t atomic_load_size "atomic_load"(atomic_size_t *place)
    void atomic_add_size "atomic_fetch_add"(atomic_size_t *place, size_t amount)

MAX_LANES = BB_MAX_LANES
MIN_COST = BB_MIN_COST
MAX_COST = BB_MAX_COST
MAX_KEY_BYTES = BB_MAX_KEY_BYTES
SALT_BYTES = BB_SALT_BYTES
LANE_BYTES = 4 * BB_LANE_WORDS

# How often a worker looks at the clock and at the stop flag: about every millisecond, whatever the
# cost, since one iteration takes some 60 us; a look takes some 30 ns.
cdef enum:
    ITERATIONS_PER_LOOK = 16

# What one worker uses: 34 KB, on cache lines that no other worker writes to.
cdef struct Slot:
    bb_group group
    atomic_size_t items_done
    unsigned long thread_id
    bint busy

cdef struct Group:
    size_t first
    unsigned lanes
    unsigned cost


cdef int64_t monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec


cdef refuse(bb_status status):
    """Raise a ValueError that says what is wrong with a setting, without quoting it."""
    if status == BB_BAD_LENGTH:
        raise ValueError("it is not 60 bytes long")
    if status == BB_BAD_PREFIX:
        raise ValueError("its prefix is none of $2a$, $2b$, $2x$ and $2y$")
    if status == BB_BAD_COST:
        raise ValueError("its cost is not two digits from 04 to 31 followed by $")
    if status == BB_BAD_SALT:
        raise ValueError("its salt has a character outside ./A-Za-z0-9 or ends in one that no "
                         "16-byte salt ends in")
    raise ValueError("its digest has a character outside ./A-Za-z0-9")


_trusted = set()  # the names of the variants that have passed their self-test


cdef bb_kernel *find_kernel(str name) except NULL:
    """Find a variant to compute with: none does before it has passed its self-test."""
    cdef size_t count, i
    cdef bb_kernel *const *kernels = bb_kernels(&count)
    for i in range(count):
        if bb_kernel_name(kernels[i]).decode() == name and bb_kernel_supported(kernels[i]):
            if name not in _trusted:
                check_kernel(kernels[i])
                _trusted.add(name)
            return kernels[i]
    raise ValueError(f"kernel must be one that this CPU supports, not {name!r}")


cdef int check_kernel(bb_kernel *kernel) except -1:
    cdef bb_group scratch
    cdef unsigned lanes = bb_self_test(&scratch, kernel)
    if lanes:
        raise ImportError(f"bcrypt_batch's kernel {bb_kernel_name(kernel).decode()} computes wrong "
                          f"hashes with {lanes} lanes on this machine; please report it")


def kernel_names():
    """Return the names of the variants compiled in, best first, and of those this CPU can run."""
    cdef size_t count, i
    cdef bb_kernel *const *kernels = bb_kernels(&count)
    names = [bb_kernel_name(kernels[i]).decode() for i in range(count)]
    return names, [name for i, name in enumerate(names) if bb_kernel_supported(kernels[i])]


def chosen_kernel():
    """Return the name of the variant that this CPU gets."""
    return bb_kernel_name(bb_choose_kernel()).decode()


def group_times(str kernel):
    """Return how long a variant takes for a group of 1, 2 ... MAX_LANES items, in proportion."""
    cdef bb_kernel *found = find_kernel(kernel)
    cdef unsigned lanes
    return [bb_kernel_group_time(found, lanes) for lanes in range(1, BB_MAX_LANES + 1)]


def shared_lanes(str kernel):
    """Return the most lanes worth having where two threads share a core."""
    return bb_kernel_shared_lanes(find_kernel(kernel))


def make_setting(bytes prefix not None, unsigned cost, bytes salt not None):
    """Return the 29-byte setting of a prefix such as b"2b", a cost and 16 bytes of salt."""
    cdef bb_setting setting
    cdef char text[29]
    if len(prefix) != 2 or not BB_MIN_COST <= cost <= BB_MAX_COST or len(salt) != BB_SALT_BYTES:
        raise ValueError("a setting has a prefix of 2 bytes, a cost from 4 to 31 and 16 bytes of "
                         "salt")
    setting.version = (<const char *>prefix)[1]
    setting.cost = <uint8_t>cost
    memcpy(setting.salt, <const char *>salt, BB_SALT_BYTES)
    bb_format_setting(&setting, text)
    return text[:BB_SETTING_CHARS]


def is_setting(bytes text not None):
    """Whether this is a well-formed 29-byte setting."""
    cdef bb_setting setting
    return bb_parse_setting(text, len(text), &setting) == BB_OK


def equal(bytes a not None, bytes b not None):
    """Compare in a time that depends on the lengths only."""
    return len(a) == len(b) and bb_equal(<const char *>a, <const char *>b, len(a))


def parse_hash(bytes hashed not None):
    """Return the cost of a well-formed hash; raise ValueError for any other."""
    cdef bb_setting setting
    cdef bb_status status = bb_parse_hash(hashed, len(hashed), &setting)
    if status != BB_OK:
        refuse(status)
    return setting.cost


def start_pool(int workers):
    """Make the calling thread's OpenMP pool: `workers` threads, itself among them.

    libgomp keeps a pool for each thread that runs parallel regions, for as long as that thread
    asks for the same number of threads. It ends the process if it can't create them.
    """
    cdef int i
    if workers < 1:
        raise ValueError(f"workers must be 1 or more, not {workers}")
    for i in prange(workers, num_threads=workers, schedule="static", chunksize=1, nogil=True):
        pass


@cython.final
cdef class Batch:
    """Items with their keys, in C memory that is wiped when the batch goes.

    Use: `add` each item, `plan` once, then either `run_for` until it is True (in the calling
    thread), or `run` (in as many threads as planned; `stop` may be called from another), then
    `is_done`, `hash` and `matches` for each item.
    """

    cdef bb_item *items
    cdef bb_setting *settings
    cdef uint8_t *done
    cdef size_t capacity, count
    cdef bb_item **order
    cdef Group *groups
    cdef Py_ssize_t group_count
    cdef Slot *slots
    cdef int workers
    cdef bb_kernel *kernel
    cdef int64_t deadline_ns
    cdef atomic_bool stopped
    cdef Py_ssize_t next_group

    def __cinit__(self, size_t capacity):
        self.items = <bb_item *>calloc(capacity + 1, sizeof(bb_item))
        self.settings = <bb_setting *>calloc(capacity + 1, sizeof(bb_setting))
        self.done = <uint8_t *>calloc(capacity + 1, 1)
        self.order = <bb_item **>calloc(capacity + 1, sizeof(bb_item *))
        self.groups = <Group *>calloc(capacity + 1, sizeof(Group))
        if not (self.items and self.settings and self.done and self.order and self.groups):
            raise MemoryError(f"no memory for a batch of {capacity} items")
        self.capacity = capacity

    def __dealloc__(self):
        if self.items:
            bb_wipe(self.items, (self.capacity + 1) * sizeof(bb_item))
        if self.slots:
            bb_wipe(self.slots, <size_t>self.workers * sizeof(Slot))
        free(self.items)
        free(self.settings)
        free(self.done)
        free(self.order)
        free(self.groups)
        free(self.slots)

    def add(self, bytes password not None, bytes setting not None):
        """Add an item under a 29-byte setting or a 60-byte hash; return its cost."""
        cdef size_t length = len(setting)
        cdef bb_setting *place = &self.settings[self.count]
        cdef bb_status status
        if self.count == self.capacity or self.slots:
            raise ValueError(f"the batch was made for {self.capacity} items, or is planned already")
        if length == BB_SETTING_CHARS:
            status = bb_parse_setting(setting, length, place)
        else:
            status = bb_parse_hash(setting, length, place)
        if status != BB_OK:
            refuse(status)
        bb_load_item(&self.items[self.count], password, len(password), place)
        self.count += 1
        return place.cost

    def plan(self, list groups not None, *, str kernel, int workers, deadline_ns=None):
        """Take the groups to compute, each a list of 1 to MAX_LANES items of one cost.

        `deadline_ns` is on the clock of `time.monotonic_ns`.
        """
        cdef size_t item, first = 0
        cdef Group *group
        if self.slots or workers < 1:
            raise ValueError("a batch is planned once, for 1 worker or more")
        if sorted(item for group_items in groups for item in group_items) != list(range(self.count)):
            raise ValueError("each item must be in exactly one group")
        for i, group_items in enumerate(groups):
            costs = {self.settings[<size_t>item].cost for item in group_items}
            if len(costs) != 1 or len(group_items) > BB_MAX_LANES:
                raise ValueError(f"a group is 1 to {MAX_LANES} items of one cost")
            group = &self.groups[<Py_ssize_t>i]
            group.first = first
            group.lanes = len(group_items)
            group.cost = costs.pop()
            for item in group_items:
                self.order[first] = &self.items[item]
                first += 1
        self.group_count = len(groups)
        self.kernel = find_kernel(kernel)
        self.deadline_ns = INT64_MAX if deadline_ns is None else deadline_ns
        self.slots = <Slot *>aligned_alloc(64, <size_t>workers * sizeof(Slot))
        if not self.slots:
            raise MemoryError(f"no memory for {workers} workers")
        memset(self.slots, 0, <size_t>workers * sizeof(Slot))
        self.workers = workers  # not before: items_done and thread_ids look at so many slots

    cdef bint ended(self, int64_t until_ns) noexcept nogil:
        return atomic_load_bool(&self.stopped) or monotonic_ns() >= until_ns

    cdef bint compute(self, Slot *slot, Py_ssize_t index, int64_t until_ns) noexcept nogil:
        """Compute a group, or go on with it; False if stopped or out of time before its end."""
        cdef Group *group = &self.groups[index]
        cdef size_t i
        # Also keeps a worker that has left a group unfinished from taking another in its slot.
        if self.ended(self.deadline_ns):
            return False
        if not slot.busy:
            bb_group_start(&slot.group, self.kernel, &self.order[group.first], group.lanes,
                           group.cost)
            slot.busy = True
        while not bb_group_advance(&slot.group, ITERATIONS_PER_LOOK):
            if self.ended(until_ns):
                return False
        slot.busy = False
        slot.thread_id = PyThread_get_thread_native_id()
        for i in range(group.first, group.first + group.lanes):
            self.done[self.order[i] - self.items] = True
        atomic_add_size(&slot.items_done, group.lanes)
        return True

    def run(self):
        """Compute all groups in `workers` threads; return when done, stopped or out of time."""
        cdef Py_ssize_t i
        if not self.slots:
            raise ValueError("the batch is not planned")
        for i in prange(self.group_count, num_threads=self.workers, schedule="dynamic",
                        chunksize=1, nogil=True):
            self.compute(&self.slots[threadid()], i, self.deadline_ns)

    def run_for(self, int64_t slice_ns):
        """Compute in the calling thread for about `slice_ns`; True when nothing is left to do."""
        cdef int64_t until_ns
        if not self.slots:
            raise ValueError("the batch is not planned")
        with nogil:
            until_ns = min(monotonic_ns() + slice_ns, self.deadline_ns)
            while self.next_group < self.group_count:
                if not self.compute(self.slots, self.next_group, until_ns):
                    break
                self.next_group += 1
        return self.next_group == self.group_count or self.ended(self.deadline_ns)

    def stop(self):
        """Make all workers leave within about a millisecond."""
        atomic_store_bool(&self.stopped, True)

    @property
    def items_done(self):
        """How many items are finished; may be read while workers run."""
        cdef int i
        cdef size_t total = 0
        for i in range(self.workers):
            total += atomic_load_size(&self.slots[i].items_done)
        return total

    @property
    def thread_ids(self):
        """Native ids of the threads that finished items."""
        cdef int i
        return [self.slots[i].thread_id for i in range(self.workers)
                if atomic_load_size(&self.slots[i].items_done)]

    def is_done(self, size_t item):
        """Whether an item's digest has been computed."""
        if item >= self.count:
            raise IndexError(f"item {item} of {self.count}")
        return bool(self.done[item])

    def hash(self, size_t item):
        """Return a finished item's hash: 60 bytes."""
        cdef char text[60]
        if not self.is_done(item):
            raise ValueError(f"item {item} is not done")
        bb_format_hash(&self.settings[item], self.items[item].digest, text)
        return text[:BB_HASH_CHARS]

    def matches(self, size_t item, bytes hashed not None):
        """Compare a finished item's hash with another, in a time that tells nothing of either."""
        cdef char text[60]
        if not self.is_done(item):
            raise ValueError(f"item {item} is not done")
        bb_format_hash(&self.settings[item], self.items[item].digest, text)
        matched = len(hashed) == BB_HASH_CHARS and bb_equal(text, <const char *>hashed,
                                                            BB_HASH_CHARS)
        bb_wipe(text, BB_HASH_CHARS)
        return matched


find_kernel(chosen_kernel())  # before anyone relies on it
