# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: auto_pickle=False, autotestdict=False, binding=False, freethreading_compatible=True
"""The boundary between Python and C: converts, checks, and turns codes into exceptions.

ext/engine and ext/kernel compute. Everything is checked while the thread is attached to Python
(with the GIL, unless Python is free-threaded). Code under `nogil` makes no Python object, raises
nothing and calls no Python. Signal handlers, progress and other Python code run only between the
caller's waits (bb_batch_advance), so after any exception the batch can be ended and read.

With binding=False functions are built-in functions. Python-like function objects would take a tenth
of the import's time.
"""

# No list comprehension creates values here: if the list can't grow, Cython 3.3 drops the last value
# twice (ListComp_AppendAndDecref, then the error path), which corrupts Python's memory.

cimport cython
from cpython.bytes cimport (
    PyBytes_AsString, PyBytes_Check, PyBytes_FromStringAndSize, PyBytes_Size,
)
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport ENOMEM, errno
from libc.stdint cimport INT64_MAX, UINT32_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from bcrypt_batch._engine cimport *
from bcrypt_batch._kernel cimport *

cdef extern from "<stdlib.h>" nogil:
    void *aligned_alloc(size_t alignment, size_t size)

MAX_LANES = BB_MAX_LANES
MIN_COST = BB_MIN_COST
MAX_COST = BB_MAX_COST
MAX_KEY_BYTES = BB_MAX_KEY_BYTES
SALT_BYTES = BB_SALT_BYTES
LANE_BYTES = 4 * BB_LANE_WORDS

cdef enum:
    # How often the caller looks at the clock and at signals while it prepares a batch: about every
    # half a millisecond.
    ITEMS_PER_LOOK = 2048
    MAX_SLICE_NS = 1_000_000_000
    # How long a single item is computed between checks for signals.
    LOOK_AT_SIGNALS_NS = 50_000_000
    # How many exceptions in a row hand_over handles before it raises the last without a result.
    MAX_EXCEPTIONS = 100


cdef str describe(bb_status status):
    """Say what is wrong with a setting or hash, without quoting it."""
    if status == BB_BAD_LENGTH:
        return "it is not 60 bytes long"
    if status == BB_BAD_PREFIX:
        return "its prefix is none of $2a$, $2b$, $2x$ and $2y$"
    if status == BB_BAD_COST:
        return "its cost is not two digits from 04 to 31 followed by $"
    if status == BB_BAD_SALT:
        return ("its salt has a character outside ./A-Za-z0-9 or a last character that no 16-byte "
                "salt has")
    return "its digest has a character outside ./A-Za-z0-9"


cdef char *text_of(bytes made) except NULL:
    """Return the buffer of a new bytes object, which no other code has seen, to write a hash into.

    The hash is written in place: a copy would stay on the stack, or in vector registers that the
    dynamic linker may save on the stack.
    """
    return PyBytes_AsString(made)


cdef int parse(bytes text, bb_setting *setting) except -1:
    """Parse a setting, or raise a ValueError that does not quote it."""
    cdef bb_status status = bb_parse_setting(text, len(text), setting)
    if status != BB_OK:
        raise ValueError(describe(status))
    return 0


_trusted = set()  # the names of the variants that have passed their self-test


cdef bb_kernel *named_kernel(str name) except NULL:
    cdef size_t count, i
    cdef bb_kernel *const *kernels = bb_kernels(&count)
    for i in range(count):
        if bb_kernel_name(kernels[i]).decode() == name and bb_kernel_supported(kernels[i]):
            return kernels[i]
    raise ValueError(f"kernel must be one that this CPU supports, not {name!r}")


cdef bb_kernel *find_kernel(str name) except NULL:
    """Find a variant to compute with; it must pass its self-test before its first use."""
    cdef bb_kernel *kernel = named_kernel(name)
    if name not in _trusted:
        check_kernel(kernel)
        _trusted.add(name)
    return kernel


cdef int check_kernel(bb_kernel *kernel) except -1:
    # Not on the stack: the package may be imported in a thread whose stack has only 32 KB.
    cdef bb_group *scratch = <bb_group *>aligned_alloc(64, sizeof(bb_group))
    cdef unsigned lanes
    if not scratch:
        raise MemoryError("no memory for the self-test")
    lanes = bb_self_test(scratch, kernel)
    free(scratch)
    if lanes:
        raise ImportError(f"bcrypt_batch's kernel {bb_kernel_name(kernel).decode()} computes wrong "
                          f"hashes with {lanes} lanes on this machine; please report it")
    return 0


def kernel_names():
    """Return the names of all compiled variants, and of the supported variants, best first."""
    cdef size_t count, i
    cdef bb_kernel *const *kernels = bb_kernels(&count)
    cdef list names = [], supported = []
    for i in range(count):
        names.append(bb_kernel_name(kernels[i]).decode())
        if bb_kernel_supported(kernels[i]):
            supported.append(names[i])
    return names, supported


_chosen = bb_kernel_name(bb_choose_kernel()).decode()  # once: it takes microseconds


def chosen_kernel():
    """Return the name of the variant that is chosen for this CPU."""
    return _chosen


def max_lanes(str kernel):
    """Return the most items that a group of a variant can have: MAX_LANES or fewer."""
    return bb_kernel_max_lanes(named_kernel(kernel))


def group_times(str kernel):
    """Return a variant's relative times for groups of 1 to `max_lanes` items."""
    cdef bb_kernel *found = find_kernel(kernel)
    cdef const uint32_t *times = bb_kernel_group_times(found)
    cdef unsigned i
    cdef list proportions = []
    for i in range(bb_kernel_max_lanes(found)):
        proportions.append(times[i])
    return proportions


def shared_lanes(str kernel):
    """Return the fastest number of a variant's lanes if two threads share a core."""
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


def hash_cost(bytes text not None):
    """Return the cost of a well-formed 60-byte hash, or 0 for anything else."""
    cdef bb_setting setting
    if bb_parse_hash(text, len(text), &setting) != BB_OK:
        return 0
    return setting.cost


def equal(bytes a not None, bytes b not None):
    """Compare in a time that depends on the lengths only."""
    return len(a) == len(b) and bb_equal(<const char *>a, <const char *>b, len(a))


def prepare_pools(int priority, size_t stack_bytes):
    """Call bb_pool_prepare of pool.h, which has the arguments; must be called once."""
    if not bb_pool_prepare(priority, stack_bytes):
        raise MemoryError("no memory to register for forks")


def start_pool(unsigned workers):
    """Make a shared pool of up to `workers` threads, 2 or more; return how many, or 1 if none."""
    cdef unsigned size
    with nogil:
        size = bb_pool_start_shared(workers)
    return size


def stop_pool():
    """End the shared pool, or let it end with the batch that uses it."""
    with nogil:
        bb_pool_stop_shared()


def thread_refusal():
    """Return the errno with which the system last refused a thread; 0 if it never did."""
    return bb_pool_refusal()


def forget_locals(error not None):
    """Clear the frames of this package that an exception has passed through.

    Error reporters send local variables, and in this package these are passwords and hashes. The
    frame of a running function can't be cleared: the function must delete its variables.
    """
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        traceback = traceback.tb_next
        if str(frame.f_globals.get("__name__")).partition(".")[0] == "bcrypt_batch":
            try:
                frame.clear()
            except RuntimeError:
                pass  # it still runs


def hand_over(error not None, make_result):
    """Raise an exception with `make_result()` as its `batch_result`, if there is a result to make.

    If another exception comes meanwhile, as from a second Ctrl-C, the later exception gets the
    result and is raised instead. An exception whose type refuses attributes is raised without the
    result. Frames are cleared by `forget_locals`.
    """
    for _ in range(MAX_EXCEPTIONS if make_result is not None else 0):
        try:
            result = make_result()
            try:
                error.batch_result = result
            except Exception:
                pass
            break
        except MemoryError:
            break
        except BaseException as later:
            error = later
    forget_locals(error)
    raise error


@cython.final
cdef class Batch:
    """The items of one call, with their keys, in C memory that is wiped when the batch goes.

    Use: `add_passwords` or `add_hashes` once, `plan` once, `run` once, then `hashes` or `matches`,
    and `unprocessed`. After an exception in any of them, finished items can still be read.

    Attributes:
        refused: Why an item has no value, by index: (code, message).
        costs: How many items there are of each cost.
        lanes: The most items that are computed together.
        workers: How many threads are planned; at most one for each group.
    """

    cdef bb_batch *batch
    cdef size_t total     # items of the input
    cdef size_t seen      # items of the input that were looked at
    cdef list expected    # the hashes to check against, here so that no frame keeps them
    cdef readonly dict refused
    cdef object refusal   # the type of values that stand for items refused before
    cdef object is_missing
    cdef bint started

    def __cinit__(self, size_t total, deadline_ns=None, refusal=(), is_missing=None):
        """Make a batch of `total` items.

        `deadline_ns` is on the clock of `time.monotonic_ns`. Values of the type `refusal` stand
        for items that were refused before; they have a `code` and a `message`. `is_missing` tests
        whether a value that is neither bytes nor None stands for a missing one.
        """
        if total >= UINT32_MAX:
            raise MemoryError(f"a batch has at most {UINT32_MAX - 1} items")
        self.refused = {}
        self.refusal = refusal
        self.is_missing = is_missing
        self.batch = bb_batch_make(total, INT64_MAX if deadline_ns is None else deadline_ns)
        if not self.batch:
            raise MemoryError(f"no memory for a batch of {total} items")
        self.total = total

    def __dealloc__(self):
        if self.batch:
            bb_batch_free(self.batch)

    def add_passwords(self, list passwords not None, *, bytes prefix not None, unsigned cost,
                      bytes salts not None, bint truncate):
        """Add passwords to hash, with 16 bytes of `salts` for each.

        Raises TypeError for a password that is not bytes, a missing value or a refusal.
        """
        cdef const char *salt = salts
        cdef bb_setting setting
        self.begin_adding(passwords)
        if (len(salts) != BB_SALT_BYTES * self.total or len(prefix) != 2
                or not BB_MIN_COST <= cost <= BB_MAX_COST):
            raise ValueError("16 bytes of salt are needed for each password, a prefix of 2 bytes, "
                             "and a cost from 4 to 31")
        while self.seen < self.total and not self.must_end_adding():
            password = passwords[self.seen]
            if self.takes("passwords", password, "password") and self.fits(password, truncate):
                setting.version = (<const char *>prefix)[1]
                setting.cost = <uint8_t>cost
                memcpy(setting.salt, salt + BB_SALT_BYTES * self.seen, BB_SALT_BYTES)
                self.add(password, &setting)
            self.seen += 1
        self.take_refusals(passwords)

    def add_hashes(self, list passwords not None, list hashes not None, *, unsigned max_cost,
                   bint truncate):
        """Add passwords to check against hashes. Raises as `add_passwords`."""
        cdef bb_setting setting
        cdef bb_status status
        self.begin_adding(passwords)
        if len(hashes) != <Py_ssize_t>self.total:
            raise ValueError(f"{self.total} hashes are needed, not {len(hashes)}")
        self.expected = hashes
        while self.seen < self.total and not self.must_end_adding():
            password = passwords[self.seen]
            hashed = hashes[self.seen]
            # `&` looks at both: a wrong type is an error even if the other value is missing.
            if (self.takes("passwords", password, "password")
                    & self.takes("hashes", hashed, "hash")):
                status = bb_parse_hash(<const uint8_t *>PyBytes_AsString(hashed),
                                       PyBytes_Size(hashed), &setting)
                if status != BB_OK:
                    self.refused[self.seen] = (
                        "invalid_hash", f"not a bcrypt hash: {describe(status)}")
                elif setting.cost > max_cost:
                    self.refused[self.seen] = (
                        "cost_too_high",
                        f"the hash has cost {setting.cost}; at most {max_cost} is allowed")
                elif self.fits(password, truncate):
                    self.add(password, &setting)
            self.seen += 1
        self.take_refusals(passwords)
        self.take_refusals(hashes)

    cdef int begin_adding(self, list passwords) except -1:
        if self.seen or self.workers or len(passwords) != <Py_ssize_t>self.total:
            raise ValueError(f"a batch takes its {self.total} items once")
        return 0

    cdef bint must_end_adding(self) except -1:
        """Let signal handlers run now and then; return whether the deadline has passed."""
        if self.seen % ITEMS_PER_LOOK:
            return False
        PyErr_CheckSignals()
        return bb_batch_is_late(self.batch)

    cdef bint takes(self, str argument, value, str what) except -1:
        """Return whether a value is bytes; refuse the item of a missing value, raise TypeError for
        any other value."""
        if PyBytes_Check(value):
            return True
        if isinstance(value, self.refusal):
            self.refuse_as(self.seen, value)
            return False
        if value is None or (self.is_missing is not None and self.is_missing(value)):
            self.refused.setdefault(self.seen, (f"missing_{what}", f"there is no {what}"))
            return False
        raise TypeError(f"{argument}[{self.seen}] must be bytes, not {type(value).__name__}")

    cdef int refuse_as(self, size_t item, refusal) except -1:
        self.refused.setdefault(item, (refusal.code, refusal.message))
        return 0

    cdef int take_refusals(self, list values) except -1:
        """Note refusals among the items after the deadline too: they need no computation."""
        cdef size_t item
        for item in range(self.seen, self.total):
            if isinstance(values[item], self.refusal):
                self.refuse_as(item, values[item])
        return 0

    cdef bint fits(self, password, bint truncate) except -1:
        if PyBytes_Size(password) <= BB_MAX_KEY_BYTES or truncate:
            return True
        self.refused[self.seen] = (
            "password_too_long",
            f"the password is longer than {BB_MAX_KEY_BYTES} bytes; truncate=True cuts it")
        return False

    cdef int add(self, password, bb_setting *setting) except -1:
        bb_batch_add(self.batch, <uint32_t>self.seen, <const uint8_t *>PyBytes_AsString(password),
                     PyBytes_Size(password), setting)
        return 0

    @property
    def costs(self):
        cdef unsigned cost
        cdef size_t count
        cdef dict costs = {}
        for cost in range(BB_MAX_COST + 1):
            count = bb_batch_count_of_cost(self.batch, cost)
            if count:
                costs[cost] = count
        return costs

    @property
    def lanes(self):
        return bb_batch_lanes(self.batch)

    @property
    def workers(self):
        return bb_batch_workers(self.batch)

    def plan(self, list cuts not None, *, str kernel not None, size_t workers):
        """Take the groups to compute, in the order of computation.

        A cut is (cost, items of a group, number of such groups).
        """
        cdef bb_kernel *found = find_kernel(kernel)
        cdef tuple given = tuple(cuts)
        cdef size_t i = 0
        cdef bb_cut *taken
        if workers < 1:
            raise ValueError("a batch is planned for 1 worker or more")
        taken = <bb_cut *>calloc(len(given) + 1, sizeof(bb_cut))
        if not taken:
            raise MemoryError(f"no memory for {len(given)} kinds of groups")
        try:
            for cost, lanes, count in given:
                taken[i] = bb_cut(cost, lanes, count)
                i += 1
            self.take_plan(taken, i, found, workers)
        finally:
            free(taken)

    cdef int take_plan(self, const bb_cut *cuts, size_t count, bb_kernel *kernel,
                       size_t workers) except -1:
        cdef bb_plan plan = bb_batch_plan(self.batch, cuts, count, kernel, workers)
        if plan == BB_PLAN_AGAIN:
            raise ValueError("a batch is planned once")
        if plan == BB_PLAN_BAD_GROUP:
            raise ValueError(f"a group is 1 to {bb_kernel_max_lanes(kernel)} items of one cost")
        if plan == BB_PLAN_TOO_MANY:
            raise ValueError("groups have more items of a cost than the batch")
        if plan == BB_PLAN_ITEMS_LEFT:
            raise ValueError("each item must be in a group")
        if plan == BB_PLAN_NO_MEMORY:
            raise MemoryError(f"no memory for {workers} workers and their groups")
        return 0

    def run(self, tick not None, *, int64_t slice_ns):
        """Compute all groups; return how many threads computed: fewer if the system refused some.

        The calling thread computes if one worker is planned, and waits if there are more. It calls
        `tick` every `slice_ns`. An exception from `tick`, or from a signal handler, stops the
        workers within about a millisecond, and propagates when they have left the batch.
        """
        if not self.workers or self.started or not 0 <= slice_ns <= MAX_SLICE_NS:
            raise ValueError("a batch is run once, after it is planned, with slice_ns from 0 to "
                             f"{MAX_SLICE_NS}")
        return self.compute(tick, slice_ns)

    cdef unsigned compute(self, tick, int64_t slice_ns) except 0:
        cdef bint over = False
        self.started = True
        try:
            while not over:
                with nogil:
                    over = bb_batch_advance(self.batch, slice_ns)
                if not over:
                    PyErr_CheckSignals()
                    if tick is not None:
                        tick()
        except:
            with nogil:
                bb_batch_abort(self.batch)
            raise
        return bb_batch_threads(self.batch)

    def stop(self):
        """Make all workers leave within about a millisecond."""
        bb_batch_stop(self.batch)

    @property
    def items_done(self):
        """How many items are finished; may be read while workers run."""
        return bb_batch_items_done(self.batch)

    @property
    def thread_ids(self):
        """Native ids of the threads that finished items."""
        cdef size_t worker
        cdef list found = []
        for worker in range(bb_batch_workers(self.batch)):
            thread_id = bb_batch_thread_id(self.batch, worker)
            if thread_id:
                found.append(thread_id)
        return found

    def hashes(self):
        """Return each item's 60-byte hash, None if it is not done."""
        cdef size_t item
        cdef list values = [None] * self.total
        for item in range(bb_batch_count(self.batch)):
            if bb_batch_is_done(self.batch, item):
                hashed = PyBytes_FromStringAndSize(NULL, BB_HASH_CHARS)
                bb_batch_format(self.batch, item, text_of(hashed))
                values[bb_batch_index(self.batch, item)] = hashed
        return values

    def matches(self):
        """Return whether each item's hash is the expected hash, None if the item is not done.

        Comparing takes the same time, no matter where the hashes differ.
        """
        cdef size_t item, index
        cdef list values = [None] * self.total
        if self.expected is None and bb_batch_count(self.batch):
            raise ValueError("matches comes after add_hashes")
        for item in range(bb_batch_count(self.batch)):
            if bb_batch_is_done(self.batch, item):
                index = bb_batch_index(self.batch, item)
                values[index] = bool(bb_batch_matches(
                    self.batch, item, PyBytes_AsString(self.expected[index])))
        return values

    def unprocessed(self):
        """Return the indices of the items that are neither done nor refused, ascending."""
        cdef size_t item
        cdef list found = []
        for item in range(bb_batch_count(self.batch)):
            if not bb_batch_is_done(self.batch, item):
                found.append(bb_batch_index(self.batch, item))
        for item in range(self.seen, self.total):
            if item not in self.refused:
                found.append(item)
        return found


def hash_one(bytes password not None, bytes setting not None):
    """Return the hash of a password under a 29-byte setting, computed in the calling thread."""
    cdef Batch batch = Batch(1)
    cdef bb_setting parsed
    cdef bb_cut cut
    parse(setting, &parsed)
    batch.add(password, &parsed)
    cut = bb_cut(parsed.cost, 1, 1)
    batch.take_plan(&cut, 1, bb_choose_kernel(), 1)
    batch.compute(None, LOOK_AT_SIGNALS_NS)
    return batch.hashes()[0]


include "_queue.pxi"
include "_server.pxi"


find_kernel(chosen_kernel())  # test the chosen variant before any call uses it
