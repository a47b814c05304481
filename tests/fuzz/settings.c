/* libFuzzer: the parser of settings and hashes beside a grammar that is written in another way, and
 * what it takes beside what is written of it again. */
#include <regex.h>
#include <string.h>

#include "kernel.h"
#include "target.h"

/* 22 characters hold 16 bytes and 4 bits that are zero, 31 hold 23 bytes and 2 that anything may
 * set. */
#define SETTING "^\\$2[abxy]\\$(0[4-9]|[12][0-9]|3[01])\\$[./A-Za-z0-9]{21}[.Oeu]"
static regex_t setting_grammar, hash_grammar;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return regcomp(&setting_grammar, SETTING "$", REG_EXTENDED | REG_NOSUB) ||
           regcomp(&hash_grammar, SETTING "[./A-Za-z0-9]{31}$", REG_EXTENDED | REG_NOSUB);
}

static bool follows(const regex_t *grammar, const uint8_t *data, size_t size)
{
    char text[BB_HASH_CHARS + 1];

    if (size > BB_HASH_CHARS || memchr(data, 0, size) || memchr(data, '\n', size)) {
        return false;
    }
    memcpy(text, data, size);
    text[size] = 0;
    return regexec(grammar, text, 0, NULL, 0) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nothing[1];
    struct bb_setting setting;
    char text[BB_SETTING_CHARS];

    data = data ? data : nothing;
    bool is_hash = bb_parse_hash(data, size, &setting) == BB_OK;
    bool is_setting = bb_parse_setting(data, size, &setting) == BB_OK;
    require(is_hash == follows(&hash_grammar, data, size));
    require(is_setting == follows(&setting_grammar, data, size));
    if (is_hash || is_setting) {
        require(bb_parse_setting(data, BB_SETTING_CHARS, &setting) == BB_OK);
        bb_format_setting(&setting, text);
        require(memcmp(text, data, sizeof text) == 0);
    }
    return 0;
}
