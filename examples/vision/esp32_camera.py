"""Frames of an ESP32's camera, by the module `camera` of
https://github.com/cnadler86/micropython-camera-API, which is in that project's firmware."""

from camera import Camera, FrameSize, PixelFormat

SIZE = 96  # pixels of its pictures, high and wide

# Firmware for just your board knows the pins of its camera; else name them here.
_camera = Camera(frame_size=FrameSize.R96X96, pixel_format=PixelFormat.RGB565)


def capture(frame):
    """Fills frame, 64 x 64 of red, green and blue, with every third pixel left out of the picture
    in both directions. (For grey: PixelFormat.GRAYSCALE, and one byte a pixel.)"""
    picture = _camera.capture()
    at = 0
    for y in range(64):
        row = 2 * SIZE * (y * 3 // 2)
        for x in range(64):
            pixel = row + 2 * (x * 3 // 2)
            high, low = picture[pixel], picture[pixel + 1]  # rrrrrggg gggbbbbb
            frame[at] = high & 0xF8
            frame[at + 1] = (high << 5 | low >> 3) & 0xFC
            frame[at + 2] = low << 3 & 0xF8
            at += 3
    return True
