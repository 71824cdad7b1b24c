// What newer versions of MicroPython ask of the core; the true file comes with Espressif's compiler.
#define XCHAL_HAVE_WINDOWED 1
