#include "tinyprop.h"

int tp_version(void) {
    return TP_VERSION;
}
