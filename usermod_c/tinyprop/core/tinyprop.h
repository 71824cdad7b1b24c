// The C core of tinyprop: C99, integers only, no state.
#ifndef TINYPROP_H
#define TINYPROP_H

#define TP_VERSION 1

int tp_version(void);

#endif
