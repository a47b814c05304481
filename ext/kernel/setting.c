/* Settings and hashes as text ($2b$cc$, then bcrypt's own radix 64), and the key's expansion. */
#include "internal.h"

static const char alphabet[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* The value of one character of the alphabet, or -1. */
static int radix64_value(uint8_t character)
{
    const char *place = character ? strchr(alphabet, character) : NULL;
    return place ? (int)(place - alphabet) : -1;
}

/* Decode `length` bytes from the (8 * length + 5) / 6 characters that hold them. False if a
 * character is not in the alphabet or the last one has bits that no byte uses. */
static bool radix64_decode(const uint8_t *text, uint8_t *bytes, size_t length)
{
    uint32_t bits = 0;
    unsigned held = 0;

    for (size_t i = 0; i < length;) {
        int value = radix64_value(*text++);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes[i++] = (uint8_t)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    return bits == 0;
}

static void radix64_encode(const uint8_t *bytes, size_t length, char *text)
{
    uint32_t bits = 0;
    unsigned held = 0;

    for (size_t i = 0; i < length; i++) {
        bits = bits << 8 | bytes[i];
        held += 8;
        while (held >= 6) {
            held -= 6;
            *text++ = alphabet[bits >> held & 0x3f];
        }
    }
    if (held > 0) {
        *text = alphabet[bits << (6 - held) & 0x3f];
    }
}

/* The fields of a setting of the right length. */
static enum bb_status parse_fields(const uint8_t *text, struct bb_setting *setting)
{
    if (text[0] != '$' || text[1] != '2' || text[2] == 0 || !strchr("abxy", text[2]) ||
        text[3] != '$') {
        return BB_BAD_PREFIX;
    }
    unsigned tens = text[4] - (unsigned)'0';
    unsigned ones = text[5] - (unsigned)'0';
    unsigned cost = 10 * tens + ones;
    if (tens > 9 || ones > 9 || text[6] != '$' || cost < BB_MIN_COST || cost > BB_MAX_COST) {
        return BB_BAD_COST;
    }
    if (!radix64_decode(text + 7, setting->salt, BB_SALT_BYTES)) {
        return BB_BAD_SALT;
    }
    setting->version = (char)text[2];
    setting->cost = (uint8_t)cost;
    return BB_OK;
}

enum bb_status bb_parse_setting(const uint8_t *text, size_t length, struct bb_setting *setting)
{
    return length == BB_SETTING_CHARS ? parse_fields(text, setting) : BB_BAD_LENGTH;
}

enum bb_status bb_parse_hash(const uint8_t *text, size_t length, struct bb_setting *setting)
{
    if (length != BB_HASH_CHARS) {
        return BB_BAD_LENGTH;
    }
    for (size_t i = BB_SETTING_CHARS; i < BB_HASH_CHARS; i++) {
        if (radix64_value(text[i]) < 0) {
            return BB_BAD_DIGEST;
        }
    }
    return parse_fields(text, setting);
}

void bb_format_setting(const struct bb_setting *setting, char text[BB_SETTING_CHARS])
{
    memcpy(text, "$2?$cc$", 7);
    text[2] = setting->version;
    text[4] = (char)('0' + setting->cost / 10);
    text[5] = (char)('0' + setting->cost % 10);
    radix64_encode(setting->salt, BB_SALT_BYTES, text + 7);
}

void bb_format_hash(const struct bb_setting *setting, const uint32_t digest[BB_DIGEST_WORDS],
                    char text[BB_HASH_CHARS])
{
    uint8_t bytes[4 * BB_DIGEST_WORDS];

    for (size_t i = 0; i < BB_DIGEST_WORDS; i++) {
        store_be32(bytes + 4 * i, digest[i]);
    }
    bb_format_setting(setting, text);
    /* The last byte is not part of a hash: OpenBSD's original left it out. */
    radix64_encode(bytes, sizeof bytes - 1, text + BB_SETTING_CHARS);
    bb_wipe(bytes, sizeof bytes);
}

void bb_load_item(struct bb_item *item, const uint8_t *password, size_t length,
                  const struct bb_setting *setting)
{
    /* $2x$ marks hashes made by crypt_blowfish before 1.1 (CVE-2011-2483), which took the key's
     * bytes as signed: a byte of 0x80 or more overwrites the bits of the bytes before it. */
    const bool sign_extended = setting->version == 'x';
    size_t next = 0;

    for (size_t i = 0; i < BB_KEY_WORDS; i++) {
        uint32_t word = 0;
        for (int j = 0; j < 4; j++) {
            uint8_t byte = next < length ? password[next] : 0;
            uint32_t bits = sign_extended ? (uint32_t)(int32_t)(int8_t)byte : byte;
            word = word << 8 | bits;
            next = next < length ? next + 1 : 0;
        }
        item->key[i] = word;
    }
    for (size_t i = 0; i < BB_SALT_WORDS; i++) {
        item->salt[i] = load_be32(setting->salt + 4 * i);
    }
}
