/* The messages between a server and its clients, byte by byte; docs/protocol.md describes them for
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

/* The outcome of a whole request, in the header of its answer. Records follow BB_REPLY_OK only. */
enum bb_reply {
    BB_REPLY_OK,
    BB_REPLY_BAD_REQUEST, /* unknown operation or flag, no items, or too many */
    BB_REPLY_VERSION,     /* the first four bytes are not this version's */
    BB_REPLY_FULL,        /* too many connections of this client, or items of all clients */
    BB_REPLY_NOT_ALLOWED, /* the client's user may not use this server */
};

/* The outcome of an item, in its record. Only BB_RECORD_HASH has a hash; otherwise it is zeros. */
enum bb_record {
    BB_RECORD_HASH,
    BB_RECORD_FULL,      /* too many calls wait */
    BB_RECORD_BAD_ITEM,  /* a malformed setting, or a length above 72 */
    BB_RECORD_COST,      /* the setting's cost is above the header's highest */
    BB_RECORD_CLOSED,    /* the server ends at once */
    BB_RECORD_NO_MEMORY, /* the server has no memory for the call */
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

/* Write a record; return the address where the caller writes the hash, if there is one. */
char *bb_write_record(uint8_t bytes[BB_RECORD_BYTES], uint16_t item, enum bb_record record);

void bb_write_figure(uint8_t bytes[BB_FIGURE_BYTES], uint64_t figure);

#endif
