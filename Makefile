# The one entry point for people. Each target works from a fresh clone with Python 3.11 or newer,
# a C compiler and make, and repeats only what is out of date.
#
#   make invoke [MODE=parallel] [COUNT=20] [EVENT=file.json] [MEMORY=3538] [WORKER_COUNT=n] [CONCURRENCY=16]
#   make test   [ARGS="-k events"]
#   make layer  [ARGS="--arch all"]
#   make bulk   [ARGS="--rows 5000 --cost 6"]
#   make mutants [ARGS="bulk --sample 180"]
#   make fuzz   [MINUTES=6] [EXAMPLES=30] [REQUESTS=10000]
#   make lint | sanitize | sanitize-threads | valgrind | musl | macos | free-threaded
#   make servers | coverage | bench | wheel | containers | constants | clean
#
# PYTHON picks the interpreter, VENV its environment; WHEEL=file.whl installs that instead of
# building the working tree.

PYTHON ?= python3
VENV ?= .venv
CLANG ?= clang

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
KERNEL_C := $(wildcard ext/kernel/*.c)
ENGINE_C := $(wildcard ext/engine/*.c)
C_FILES := $(filter-out %/constants.c,$(KERNEL_C)) \
    $(wildcard ext/kernel/*.h ext/engine/*.[ch] ext/bcrypt_batch/*.c tests/*.[ch] tests/*/*.[ch] \
    tests/programs/*.cpp)
SOURCES := setup.py pyproject.toml $(KERNEL_C) $(wildcard ext/kernel/*.h ext/engine/*.[ch] \
    ext/bcrypt_batch/*.* \
    ext/bcrypt_batch/contrib/*.py ext/bcrypt_batch/tables/*.py ext/bcrypt_batch/tables/*/*.py)
TEMPLATES := template.yaml benchmarks/template.yaml statemachine/template.yaml
STRICT := -std=c11 -O2 -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -pedantic -Werror

# The sources and options of an extension for macOS, as in setup.py.
MACOS_C := $(filter-out %/server.c %/connections.c,$(ENGINE_C)) $(KERNEL_C)
MACOS = -std=c11 -O2 -DBB_NO_SERVER -Iext/kernel -Iext/engine \
    -DPy_LIMITED_API=$(shell sed -n 's/^LIMITED_API = "\(\w*\)".*/\1/p' setup.py) \
    -I$(shell $(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')
ZIG = ZIG_GLOBAL_CACHE_DIR=build/zig ZIG_LOCAL_CACHE_DIR=build/zig $(BIN)/python -m ziglang

.PHONY: invoke test bulk lint sanitize sanitize-threads valgrind musl macos free-threaded fuzz mutants \
    servers coverage bench wheel layer containers constants clean build-Layerarm64 build-Layerx8664
.DELETE_ON_ERROR:

invoke: $(VENV)/.built $(if $(CONCURRENCY),,$(BIN)/aws-lambda-rie)
	@$(BIN)/python -m emulator invoke $(if $(MEMORY),--memory $(MEMORY)) \
	    $(if $(EVENT),--event $(EVENT)) $(if $(MODE),--mode $(MODE)) $(if $(COUNT),--count $(COUNT)) \
	    $(if $(WORKER_COUNT),--worker-count $(WORKER_COUNT)) \
	    $(if $(CONCURRENCY),--concurrency $(CONCURRENCY))

# One process more than cores, because some tests wait. Adjacent tests stay together if possible, and
# share fixtures. CI=1 adds the tests that take seconds; `make containers` runs the tests of deployment.
test: $(VENV)/.built $(VENV)/.test $(BIN)/aws-lambda-rie
	$(BIN)/python -m pytest --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal \
	    -m "not deployed" $(ARGS)

lint: $(VENV)/.built $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd $(VENV) && bin/python -m mypy.stubtest bcrypt_batch._native
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)
	for file in $(KERNEL_C) $(ENGINE_C) $(wildcard tests/programs/*.c); do \
	    $(CC) $(STRICT) -fopenmp -Iext/kernel -c $$file -o /dev/null || exit 1; done
	mkdir -p build/macos
	$(BIN)/cython ext/bcrypt_batch/_native.pyx -o build/macos/_native.c
	for target in aarch64-macos.11.0 x86_64-macos.11.0; do \
	    $(ZIG) cc -target $$target $(MACOS) -Werror -c build/macos/_native.c \
	        -o build/macos/$$target.o && \
	    $(ZIG) cc -target $$target $(STRICT) -Iext/kernel -shared -Wl,-undefined,dynamic_lookup \
	        $(MACOS_C) build/macos/$$target.o -o build/macos/$$target.so && \
	    ! grep -q bb_server build/macos/$$target.so || exit 1; done
	$(BIN)/shellcheck .ci/debian .ci/free-threaded .ci/run .ci/test-wheel build_layer.sh publish_layer.sh \
	    tests/mutants/cc.sh
	$(BIN)/cfn-lint $(TEMPLATES)
	for template in $(TEMPLATES); do SAM_CLI_TELEMETRY=0 \
	    AWS_DEFAULT_REGION=us-east-1 $(BIN)/sam validate --lint -t $$template || exit 1; done

# $(call drive,FLAGS,COMMAND,NAMES): the engine without Python. Builds tests/NAME_driver.c with FLAGS
# and runs it with COMMAND, for each name. The kernel has no flags: the extension's is instrumented.
drive = mkdir -p build/$@ && rm -f build/$@/*.o && \
    (cd build/$@ && $(CC) -std=c11 -g -O1 -c $(abspath $(KERNEL_C))) && \
    for name in $(3); do \
        $(CC) -std=c11 -g -O1 -pthread $(1) -Iext/engine -Iext/kernel tests/$${name}_driver.c \
            build/$@/*.o -o build/$@/$$name && \
        $(2) build/$@/$$name > build/$@/$$name.txt || exit 1; done

# The extension built with AddressSanitizer and UndefinedBehaviorSanitizer, under the tests that
# drive it hardest. Not checked: leaks, because CPython itself keeps memory until it exits. Not run:
# tests that read all of a process's memory, of which the sanitizers reserve terabytes. If cffi is
# installed, PyCryptodome loads its libraries with RTLD_DEEPBIND, which the sanitizers refuse.
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
sanitize: $(VENV)/.built $(VENV)/.test
	$(call drive,$(SANITIZE),ASAN_OPTIONS=detect_leaks=0,batch pool queue server)
	CFLAGS="$(SANITIZE)" $(BIN)/python setup.py --quiet build --build-base build/sanitize
	LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
	    ASAN_OPTIONS=detect_leaks=0 PYCRYPTODOME_DISABLE_DEEPBIND=1 \
	    PYTHONPATH="$$(echo build/sanitize/lib.*)" \
	    $(BIN)/python -m pytest $(ARGS) tests/test_kernel.py tests/test_batch.py tests/test_single.py \
	    tests/test_batch_sequences.py tests/test_checker.py tests/test_checker_asyncio.py -k "not wiped"

# The same with ThreadSanitizer, which must load before everything else, and needs pool.c's stand-in for
# libgomp, since it doesn't see how libgomp waits. Only tests that fork or limit address space are left out.
sanitize-threads: $(VENV)/.built $(VENV)/.test
	$(call drive,-fsanitize=thread,,batch queue server)
	CFLAGS=-fsanitize=thread $(BIN)/python setup.py --quiet build --build-base build/tsan
	LD_PRELOAD="$$($(CC) -print-file-name=libtsan.so)" \
	    PYTHONPATH="$$(echo build/tsan/lib.*)" \
	    $(BIN)/python -m pytest $(ARGS) tests/test_batch_sequences.py tests/test_pools.py tests/test_interrupts.py \
	        tests/test_checker.py tests/test_checker_asyncio.py tests/test_checker_storm.py \
	        -k "not first_call and not refused and not stacks and not warning and not fork and not Forks and not wiped"

# The kernel and the engine with musl, Alpine's C library (Debian: musl-tools). musl-gcc has no OpenMP.
musl: $(VENV)/.built $(VENV)/.test
	for file in $(KERNEL_C) $(ENGINE_C); do \
	    musl-gcc $(STRICT) -Iext/kernel -c $$file -o /dev/null || exit 1; done
	CI=1 COMPILER=musl-gcc $(BIN)/python -m pytest $(ARGS) tests/test_kernel_alone.py \
	    tests/test_engine_alone.py tests/test_checker_queue.py tests/test_forks.py \
	    -k "musl or engine_alone or checker_queue or locks"

# The extension as for macOS, on this machine: without OpenMP, start_up.c and the server, and with
# macOS's calls made of Linux's. `make lint` compiles and links it for macOS itself. Left out: a test
# that refuses Linux's eventfd.
macos: $(VENV)/.built $(VENV)/.test
	rm -rf build/macos && mkdir -p build/macos
	cp -r ext/bcrypt_batch build/macos/bcrypt_batch
	$(BIN)/cython ext/bcrypt_batch/_native.pyx -o build/macos/_native.c
	$(CC) $(MACOS) -include tests/as_macos.h -shared -fPIC -fvisibility=hidden -pthread \
	    build/macos/_native.c $(MACOS_C) -o build/macos/bcrypt_batch/_native.abi3.so
	PYTHONPATH=build/macos $(BIN)/python -m pytest $(ARGS) tests/test_batch.py \
	    tests/test_batch_sequences.py tests/test_checker.py tests/test_checker_asyncio.py \
	    tests/test_forks.py tests/test_interrupts.py tests/test_pools.py tests/test_single.py \
	    -k "not too_little_memory"

# The extension on a free-threaded Python: FREE_THREADED names one, or .ci/free-threaded makes one.
free-threaded:
	.ci/free-threaded $(FREE_THREADED)

# libFuzzer on the kernel and the server, a third of MINUTES for each target (Debian: clang and
# libclang-rt-14-dev); then the tests on generated examples, with more examples, and a function that
# gets more requests. libFuzzer writes new inputs to build/fuzz/corpus, and crashes to build/fuzz. Coverage of
# the lanes is not counted: they have no branch that depends on the input.
MINUTES ?= 6
EXAMPLES ?= 30
REQUESTS ?= 10000
FUZZ_FLAGS := -g -O2 -std=c11 -D_GNU_SOURCE -Wno-macro-redefined -Iext/kernel -Iext/engine $(SANITIZE)
FUZZ_PLAIN := $(wildcard ext/kernel/lanes_*.c) ext/kernel/selftest.c ext/kernel/constants.c
PROPERTIES := $(patsubst %,tests/%.py,bulk/test_events emulator/test_load tables/test_json \
    tables/test_pairs tables/test_rows test_batch test_batch_sequences test_grouping test_libxcrypt \
    test_quoted test_request test_schema test_single)
fuzz: $(VENV)/.built $(VENV)/.test $(BIN)/aws-lambda-rie
	mkdir -p build/fuzz
	for file in $(abspath $(FUZZ_PLAIN)); do \
	    (cd build/fuzz && $(CLANG) $(FUZZ_FLAGS) -c $$file) || exit 1; done
	for file in $(abspath $(filter-out $(FUZZ_PLAIN),$(KERNEL_C))); do \
	    (cd build/fuzz && $(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c $$file) || exit 1; done
	for target in settings hashes requests; do \
	    mkdir -p build/fuzz/corpus/$$target; \
	    $(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer tests/fuzz/$$target.c build/fuzz/*.o -lcrypt \
	        -o build/fuzz/$$target && \
	    build/fuzz/$$target -max_total_time=$$(( $(MINUTES) * 20 )) -print_final_stats=1 -verbosity=0 \
	        -artifact_prefix=build/fuzz/ build/fuzz/corpus/$$target tests/fuzz/corpus/$$target || exit 1; \
	done
	EXAMPLES=$(EXAMPLES) REQUESTS=$(REQUESTS) \
	    $(BIN)/python -m pytest --numprocesses auto $(ARGS) $(PROPERTIES)

# Reads of uninitialized memory, which gcc's sanitizers don't find, and leaks: the kernel and the
# engine without Python, then a batch's calls in every order with Python. Python's own allocator would
# hide frees, and reports about Python count only if the extension is on their stack. Leaks are checked
# in the drivers of the kernel and the batches only: Python keeps memory until it exits. valgrind runs
# one thread at a time: without --fair-sched a caller that polls may keep the workers from their turn.
VALGRIND := valgrind --quiet --fair-sched=yes
valgrind: $(VENV)/.built $(VENV)/.test
	mkdir -p build/valgrind
	$(CC) -std=c11 -g -O1 -pthread -Iext/kernel tests/kernel_driver.c ext/kernel/*.c \
	    -o build/valgrind/kernel
	$(BIN)/python -c "from tests.kernels import *; print(driver_input(vectors()[:4]))" \
	    | $(VALGRIND) --error-exitcode=99 --leak-check=full build/valgrind/kernel \
	    > build/valgrind/kernel.txt
	$(call drive,,$(VALGRIND) --error-exitcode=99 --leak-check=full,batch)
	$(call drive,,$(VALGRIND) --error-exitcode=99,pool queue server)
	EXAMPLES=0.5 PYTHONMALLOC=malloc $(VALGRIND) --log-file=build/valgrind/python.txt \
	    $(BIN)/python -m pytest $(ARGS) tests/test_batch_sequences.py
	! grep --before-context 3 _native build/valgrind/python.txt

# Known defects, each applied to a copy of this tree, whose tests must fail. ARGS selects by name;
# tests/mutants/__init__.py has the format of their lists.
mutants: $(VENV)/.built $(VENV)/.test $(BIN)/aws-lambda-rie
	$(BIN)/python -m tests.mutants $(ARGS)

# Tests behind real servers, which take a minute to install: uWSGI comes as source.
servers: $(VENV)/.built $(VENV)/.test $(VENV)/.servers
	$(BIN)/python -m pytest $(ARGS) tests/test_servers.py tests/benchmarks/cpu/test_pages.py

# Which lines of C and Python the tests reach. Counting makes the kernel many times slower, so only the
# tests of the C count its lines. The extension's Cython is left out: only the generated C could be
# counted, which nobody reads. Processes that tests start are not counted.
UNCOUNTED := checker_storm pools forks interrupts kernel_alone servers shortage threads
coverage: $(VENV)/.built $(VENV)/.test $(VENV)/.coverage $(BIN)/aws-lambda-rie
	rm -rf build/coverage
	CFLAGS=--coverage LDFLAGS=--coverage \
	    $(BIN)/python setup.py --quiet build --build-base build/coverage
	PYTHONPATH="$$(echo build/coverage/lib.*)" $(BIN)/python -m pytest --quiet $(ARGS) \
	    tests/test_kernel.py tests/test_batch.py tests/test_single.py tests/test_pools.py \
	    tests/test_checker.py tests/test_checker_asyncio.py
	$(BIN)/gcovr --root . --filter ext/kernel --filter ext/engine build/coverage
	$(BIN)/python -m pytest --quiet --numprocesses auto --dist worksteal \
	    --cov --cov-config pyproject.toml --cov-report term-missing:skip-covered \
	    --ignore tests/deployment --ignore tests/emulator \
	    $(patsubst %,--ignore tests/test_%.py,$(UNCOUNTED)) $(ARGS)

bench: $(VENV)/.built $(VENV)/.benchmarks
	$(BIN)/python -m benchmarks peers --output build/bench $(ARGS)

# An sdist, and from it a wheel for this machine, in dist/: a file missing in the sdist fails here.
wheel: $(VENV)/.build
	rm -f dist/*.whl dist/*.tar.gz
	$(BIN)/python -m build --no-isolation .

# A Lambda layer in dist/, for this machine unless ARGS says otherwise; build_layer.sh --help.
layer: $(VENV)/.layer
	PATH="$(abspath $(BIN)):$$PATH" PYTHON=python ./build_layer.sh $(ARGS)

# All of the deployment to Lambda, mostly in containers: needs Docker. WHEELS is a folder of wheels that
# cibuildwheel made, for the tests that repack one.
containers: $(VENV)/.built $(VENV)/.test $(VENV)/.containers $(BIN)/aws-lambda-rie
	$(MAKE) VENV=$(VENV)-ministack $(VENV)-ministack/.ministack
	$(BIN)/python -m pytest $(ARGS) tests/deployment

# A made-up table through the state machine, in an emulator of AWS on this machine.
bulk: $(VENV)/.built $(VENV)/.bulk
	$(MAKE) VENV=$(VENV)-ministack $(VENV)-ministack/.ministack
	$(BIN)/python -m statemachine.local $(ARGS)

# What sam build runs, in its copy of this folder, where template.yaml says BuildMethod: makefile.
# With --container-env-var WHEEL=file.whl it takes that wheel instead of compiling.
build-Layerarm64 build-Layerx8664: ARCH = $(subst x8664,x86_64,$(@:build-Layer%=%))
build-Layerarm64 build-Layerx8664:
ifdef WHEEL
	./build_layer.sh --native --wheel "$(WHEEL)" --arch $(ARCH) --output build/sam
else
	$(MAKE) layer VENV=.venv-sam ARGS="--native --arch $(ARCH) --output build/sam"
endif
	python3 -m zipfile -e build/sam/layer-$(ARCH).zip "$(ARTIFACTS_DIR)"
	@[ $@ = build-Layerarm64 ] || echo "$$DEPLOY_X8664"

# The template's default is arm64, and sam deploy asks for parameters that sam build didn't get.
define DEPLOY_X8664
To deploy x86_64, give sam deploy the architectures that sam build was given:
    sam deploy --guided --parameter-overrides Architectures=x8664
or arm64,x8664 for both. samconfig.toml has a line that does it for every command. SAM's advice to
change the template is wrong.
endef
export DEPLOY_X8664

constants:
	$(PYTHON) ext/kernel/gen_constants.py > ext/kernel/constants.c

clean:
	rm -rf .aws-sam .venv* build dist wheelhouse ext/*.egg-info .*_cache .hypothesis

# The environment, in layers; a stamp file says when each was last brought up to date. With a copy of
# Python, because sam build copies this folder into a container, where a link to this machine's Python
# is broken; but a Python that looks for its library beside itself needs a link.

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; make PYTHON=... picks it")'
	$(PYTHON) -m venv --copies $(VENV) || $(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --upgrade "pip>=25.1"
	touch $@

$(VENV)/.%: pyproject.toml | $(VENV)/.made
	$(PIP) install --group $*
	touch $@

ifdef WHEEL
$(VENV)/.built: $(WHEEL) | $(VENV)/.emulator
	$(PIP) install --no-deps --force-reinstall $(WHEEL)
	touch $@
else
# Cython copies headers to build/ext, where the compiler would find headers deleted here; in
# build/lib.* setuptools would find deleted modules.
$(VENV)/.built: $(SOURCES) | $(VENV)/.build $(VENV)/.emulator
	rm -rf $(VENV)/wheel build/ext build/lib.*
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir $(VENV)/wheel .
	$(PIP) install --no-deps --force-reinstall $(VENV)/wheel/*.whl
	touch $@
endif

$(BIN)/aws-lambda-rie: pyproject.toml | $(VENV)/.emulator
	rm -f $@
	$(BIN)/python -m emulator fetch
	touch $@
