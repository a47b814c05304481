/* What a server and its clients say to each other, byte by byte; docs/protocol.md has the same for
 * clients in any language. Nothing here reads or writes a socket.
 *
 * A client sends one request on a connection: a header, and then the items, each of a fixed size.
 * The server answers with a header, and then a record for each item, in the order in which they are
 * finished. Numbers of several bytes are big-endian.
 */
#ifndef BCRYPT_BATCH_PROTOCOL_H
#define BCRYPT_BATCH_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel.h"

enum {
    BB_HEADER_BYTES = 8,
    BB_REQUEST_ITEM_BYTES = BB_SETTING_CHARS + 1 + BB_MAX_KEY_BYTES,
    BB_RECORD_BYTES = 2 + 1 + BB_HASH_CHARS,
    BB_FIGURE_BYTES = 8,
    BB_MAX_REQUEST_ITEMS = 1024,
};

/* What a request asks for. */
enum bb_operation { BB_OPERATION_HASH = 1, BB_OPERATION_STATS = 2 };

/* Of a whole request, in the header of its answer. After any but BB_REPLY_OK nothing follows. */
enum bb_reply {
    BB_REPLY_OK,
    BB_REPLY_BAD_REQUEST, /* unknown operation or flag, no items, or too many */
    BB_REPLY_VERSION,     /* not this version's first four bytes */
    BB_REPLY_FULL,        /* too many connections of this client, or items of all clients */
    BB_REPLY_NOT_ALLOWED, /* the client's user may not use this server */
};

/* Of an item, in its record. Only BB_RECORD_HASH has a hash; otherwise there are zeros. */
enum bb_record {
    BB_RECORD_HASH,
    BB_RECORD_FULL,      /* too many calls wait */
    BB_RECORD_BAD_ITEM,  /* no setting, or a length above 72 */
    BB_RECORD_COST,      /* the setting's cost is above the header's highest */
    BB_RECORD_CLOSED,    /* the server ends at once */
    BB_RECORD_NO_MEMORY, /* in the server */
};

struct bb_request {
    enum bb_operation operation;
    bool even_if_full; /* its items wait, instead of being refused, if too many calls wait */
    uint16_t count;    /* of items */
};

/* Parse the header of a request. `request` is valid only after BB_REPLY_OK. */
enum bb_reply bb_parse_request(const uint8_t bytes[BB_HEADER_BYTES], struct bb_request *request);

/* Parse an item: BB_RECORD_HASH if its hash may be computed. The password is in the item. */
enum bb_record bb_parse_item(const uint8_t bytes[BB_REQUEST_ITEM_BYTES], unsigned max_cost,
                             struct bb_setting *setting, const uint8_t **password, size_t *length);

/* Write the header of an answer, with the number of records or figures that follow. */
void bb_write_reply(uint8_t bytes[BB_HEADER_BYTES], enum bb_reply reply, unsigned max_cost,
                    uint16_t count);

/* Write a record; its hash, if it has one, is to be written to the address returned. */
char *bb_write_record(uint8_t bytes[BB_RECORD_BYTES], uint16_t item, enum bb_record record);

void bb_write_figure(uint8_t bytes[BB_FIGURE_BYTES], uint64_t figure);

#endif
