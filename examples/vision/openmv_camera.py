"""Frames of an OpenMV board. Its firmware has the module `sensor`; newer ones call it `csi`."""

import sensor

sensor.reset()
sensor.set_pixformat(sensor.RGB565)  # grey: sensor.GRAYSCALE
sensor.set_framesize(sensor.B64X64)
sensor.skip_frames(time=2000)  # until it has got used to the light


def capture(frame):
    """Fills frame, 64 x 64 of red, green and blue. (Of a grey picture get_pixel is one number.)"""
    picture = sensor.snapshot()
    at = 0
    for y in range(64):
        for x in range(64):
            frame[at], frame[at + 1], frame[at + 2] = picture.get_pixel(x, y)
            at += 3
    return True
