/* Avoid unneeded imports at the start of _native: they would take several times as long as the rest
 * of the start, at each cold start.
 *
 * Where Cython targets the Limited API, a module's start-up code imports
 *
 * - inspect, and with it ast, dis, tokenize ..., only to read seven constants that describe
 *   functions to debuggers: it gets a module with only these constants;
 * - collections.abc, and with it collections, operator, reprlib ..., for two classes of
 *   _collections_abc, which Python has loaded already: it gets _collections_abc.
 *
 * setup.py links with --wrap=PyImport_ImportModule, so this module's calls come here. */
#include <Python.h>
#include <string.h>

PyObject *__real_PyImport_ImportModule(const char *name);
PyObject *__wrap_PyImport_ImportModule(const char *name);

/* The flags of code objects, as the documentation of inspect lists them. */
static const struct {
    const char *name;
    long value;
} code_flags[] = {
    {"CO_OPTIMIZED", 0x1},         {"CO_NEWLOCALS", 0x2},  {"CO_VARARGS", 0x4},
    {"CO_VARKEYWORDS", 0x8},       {"CO_GENERATOR", 0x20}, {"CO_COROUTINE", 0x80},
    {"CO_ASYNC_GENERATOR", 0x200},
};

PyObject *__wrap_PyImport_ImportModule(const char *name)
{
    if (strcmp(name, "collections.abc") == 0) {
        return __real_PyImport_ImportModule("_collections_abc");
    }
    if (strcmp(name, "inspect") != 0) {
        return __real_PyImport_ImportModule(name);
    }
    PyObject *flags = PyModule_New("inspect");
    for (size_t i = 0; flags && i < sizeof code_flags / sizeof code_flags[0]; i++) {
        if (PyModule_AddIntConstant(flags, code_flags[i].name, code_flags[i].value) < 0) {
            Py_CLEAR(flags);
        }
    }
    return flags;
}
