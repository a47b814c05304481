/* Messages of servers and clients: see protocol.h. */
#include "protocol.h"

#include <string.h>

static const uint8_t version[4] = {'b', 'c', 'q', '1'};

enum { EVEN_IF_FULL = 1 }; /* the only flag */

enum bb_reply bb_parse_request(const uint8_t bytes[BB_HEADER_BYTES], struct bb_request *request)
{
    uint8_t operation = bytes[4];
    uint8_t flags = bytes[5];
    unsigned count = (unsigned)bytes[6] << 8 | bytes[7];

    if (memcmp(bytes, version, sizeof version) != 0) {
        return BB_REPLY_VERSION;
    }
    bool hash = operation == BB_OPERATION_HASH && count > 0 && count <= BB_MAX_REQUEST_ITEMS;
    bool stats = operation == BB_OPERATION_STATS && count == 0;
    if (!(hash || stats) || flags & ~EVEN_IF_FULL) {
        return BB_REPLY_BAD_REQUEST;
    }
    request->operation = (enum bb_operation)operation;
    request->even_if_full = flags & EVEN_IF_FULL;
    request->count = (uint16_t)count;
    return BB_REPLY_OK;
}

enum bb_record bb_parse_item(const uint8_t bytes[BB_REQUEST_ITEM_BYTES], unsigned max_cost,
                             struct bb_setting *setting, const uint8_t **password, size_t *length)
{
    *length = bytes[BB_SETTING_CHARS];
    *password = bytes + BB_SETTING_CHARS + 1;
    if (*length > BB_MAX_KEY_BYTES || bb_parse_setting(bytes, BB_SETTING_CHARS, setting) != BB_OK) {
        return BB_RECORD_BAD_ITEM;
    }
    return setting->cost > max_cost ? BB_RECORD_COST : BB_RECORD_HASH;
}

void bb_write_reply(uint8_t bytes[BB_HEADER_BYTES], enum bb_reply reply, unsigned max_cost,
                    uint16_t count)
{
    memcpy(bytes, version, sizeof version);
    bytes[4] = (uint8_t)reply;
    bytes[5] = (uint8_t)max_cost;
    bytes[6] = (uint8_t)(count >> 8);
    bytes[7] = (uint8_t)count;
}

char *bb_write_record(uint8_t bytes[BB_RECORD_BYTES], uint16_t item, enum bb_record record)
{
    memset(bytes, 0, BB_RECORD_BYTES);
    bytes[0] = (uint8_t)(item >> 8);
    bytes[1] = (uint8_t)item;
    bytes[2] = (uint8_t)record;
    return (char *)bytes + 3;
}

void bb_write_figure(uint8_t bytes[BB_FIGURE_BYTES], uint64_t figure)
{
    for (unsigned i = 0; i < BB_FIGURE_BYTES; i++) {
        bytes[i] = (uint8_t)(figure >> (8 * (BB_FIGURE_BYTES - 1 - i)));
    }
}
