// Offsets of the fields that armv6m.S reads, asserted by portable.c.
#ifndef TINYPROP_OFFSETS_H
#define TINYPROP_OFFSETS_H

#define LIST_MEANS 0  // tp_nonzero_t; read in this order up to x_bytes
#define LIST_ROW_BYTES 4
#define LIST_END 8
#define LIST_DELTA 12
#define LIST_ROW_DELTA 16
#define LIST_X_BYTES 20
#define LIST_N_ROWS 24
#define LIST_X_JUMP 28
#define LIST_DELTA_JUMP 32
#define LIST_N_PADDING 36
#define LIST_DOT 40

#define USE_TOP 0  // tp_format_use_t
#define USE_N_SATURATED 4
#define USE_N_HIGH 8

#define UPDATE_LR_MANTISSA 0  // tp_update_t
#define UPDATE_SHIFT 4
#define UPDATE_MAX_WEIGHT 8
#define UPDATE_DITHER 12
#define UPDATE_N_CLAMPED 16
#define UPDATE_SELECTED 20
#define UPDATE_SELECTED_END 24
#define UPDATE_ROW_BYTES 28
#define UPDATE_N_IN 32
#define UPDATE_BOUNDED 36

#define STRIP_COLUMNS 4  // tp_strip_t
#define STRIP_PIXELS 8
#define STRIP_CHANNELS 12
#define STRIP_PAD 20
#define STRIP_X_KIND 32

#endif
