"""What can be connected: how a table says it (rows), and what it looks like (draw)."""

from dataclasses import dataclass

from .wiring_picture import BLACK, GOLD, PITCH, RED

APART = 48  # from one button or light to the next
RAIL = 236  # how far out a wire to GND goes down beside them
SIGNALS = "#0b8793", "#b5179e", "#8d5524"
# A button, and the light of what it teaches, have the same colour.
THINGS = "#e08600", "#2b9348", "#1d6fd1", "#7b3fb5"
LEG = "#9a9a9a"
BROWN, ORANGE, RING_OF_GOLD = "#6b3e1d", "#e8590c", "#b8860b"
OHM_330 = ORANGE, ORANGE, BROWN, RING_OF_GOLD
KOHM_10 = BROWN, BLACK, ORANGE, RING_OF_GOLD


@dataclass(frozen=True)
class Board:
    """Seen from above, its USB socket at the top: the names of its pads from there down."""

    name: str
    left: tuple
    right: tuple
    numbers: bool = True  # whether its pads have numbers: down the left side, and up the right
    camera: bool = False

    def find(self, pad):
        """(side, row) of a pad: its name, and where several have that its number, as in GND 38."""
        name, _, number = pad.partition(" ")
        for side in "left", "right":
            for row, its_name in enumerate(getattr(self, side)):
                if name == its_name and number in ("", str(self.number(side, row))):
                    return side, row
        raise ValueError(f"{self.name} has no pad {pad}")

    def number(self, side, row):
        return row + 1 if side == "left" else len(self.left) + len(self.right) - row

    def says(self, pad):
        """A pad as texts name it: GP4 (6)."""
        name = pad.partition(" ")[0]
        return f"{name} ({self.number(*self.find(pad))})" if self.numbers else name


@dataclass(frozen=True)
class Module:
    """A small board. pins: what is printed at its pins, the topmost first, and the pads that they
    are connected to; the last one is drawn just beside its pad."""

    name: str
    kind: str
    pins: dict

    def rows(self, board):
        for pin, pad in self.pins.items():
            yield f"{self.name}: {pin}", board.says(pad)

    def draw(self, picture):
        side, bottom = picture.find(list(self.pins.values())[-1])
        top = bottom - PITCH * (len(self.pins) - 1)
        side.rect(120, top - 58, 180, bottom - top + 76, "#23478a", 'rx="8"')
        side.label(210, top - 42, self.name, "middle", colour="white", weight="bold")
        side.label(210, top - 25, self.kind, "middle", size=12, colour="#c9d6f0")
        side.rect(222, (top + bottom) / 2 - 17, 34, 34, BLACK, 'rx="3"')
        signals = iter(SIGNALS)
        for i, (pin, pad) in enumerate(self.pins.items()):
            y = top + PITCH * i
            colour = {"3V3": RED, "GND": BLACK}.get(pad.split()[0]) or next(signals)
            side.lead(pad, colour, 134, y)
            side.circle(134, y, 6, GOLD)
            side.label(146, y, pin, colour="white", weight="bold")


def column(picture, pads, ground, drop=0):
    """(side, y) of each button or light, one below the other in the order of their pads. Beside
    them it draws a wire to GND, from so much below the topmost one on."""
    side, ground_y = picture.find(ground)
    in_order = sorted(pads, key=lambda pad: picture.find(pad)[1])
    top = max(picture.find(in_order[0])[1], side.bottom + 56)
    bottom = max(top + APART * len(pads) - 6, ground_y)
    side.lead(ground, BLACK, RAIL, bottom)
    side.line([(RAIL, bottom), (RAIL, top + drop)], BLACK)
    return [(side, top + APART * in_order.index(pad)) for pad in pads]


@dataclass(frozen=True)
class Buttons:
    """Each between a pad and GND."""

    pads: tuple
    ground: str

    def rows(self, board):
        for i, pad in enumerate(self.pads, 1):
            yield f"button {i}", f"{board.says(pad)} and {board.says(self.ground)}"

    def draw(self, picture):
        places = column(picture, self.pads, self.ground, drop=20)
        for i, (pad, (side, y)) in enumerate(zip(self.pads, places, strict=True)):
            # Of its four legs two that lie across from each other.
            side.lead(pad, THINGS[i], 146, y)
            for leg in y, y + 20:
                side.line([(150, leg), (200, leg)], LEG)
            side.line([(204, y + 20), (RAIL, y + 20)], BLACK)
            side.rect(157, y - 8, 36, 36, "#4a4e54", 'rx="4"')
            side.circle(175, y + 10, 12, THINGS[i])
            side.label(175, y + 10, str(i + 1), "middle", colour="white", weight="bold")
            side.label(RAIL + 12, y + 10, f"button {i + 1}")


@dataclass(frozen=True)
class Lights:
    """LEDs, each with a resistor, between a pad and GND."""

    pads: tuple
    ground: str

    def rows(self, board):
        for i, pad in enumerate(self.pads, 1):
            wires = f"{board.says(pad)} to the longer leg, and {board.says(self.ground)}"
            yield f"{self._name(i)}, with 330 ohm", wires

    def draw(self, picture):
        places = column(picture, self.pads, self.ground)
        for i, (pad, (side, y)) in enumerate(zip(self.pads, places, strict=True)):
            side.lead(pad, THINGS[i], 104, y)
            side.line([(104, y), (134, y), (134, y - 20)], LEG, 3)  # the longer leg
            side.line([(146, y - 20), (146, y), (170, y)], LEG, 3)
            side.dome(140, y - 18, THINGS[i])
            resistor(side, 190, y, OHM_330, "330 Ω")
            side.line([(214, y), (RAIL, y)], BLACK)
            side.label(RAIL + 12, y, self._name(i + 1))
        side, y = max(places, key=lambda place: place[1])
        side.label(106, y + 14, "longer leg", "middle", size=11)

    def _name(self, i):
        return f"LED {i}" if len(self.pads) > 1 else "LED"


@dataclass(frozen=True)
class LightSensors:
    """Photoresistors, each between 3V3 and a pad, from which 10 kohm lead to GND."""

    pads: tuple
    grounds: tuple

    def rows(self, board):
        for i, (pad, ground) in enumerate(zip(self.pads, self.grounds, strict=True), 1):
            yield f"light sensor {i}", f"{board.says('3V3')} and {board.says(pad)}"
            yield f"10 kohm at light sensor {i}", f"{board.says(pad)} and {board.says(ground)}"

    def draw(self, picture):
        """Wires in the order of their pads, so that none cross: a resistor stands between that of
        its sensor and one to GND, which is the next one, up or down."""
        in_order = sorted({*self.pads, *self.grounds}, key=lambda pad: picture.find(pad)[1])
        middle = len(in_order) // 2
        side, middle_y = picture.find(in_order[middle])
        ys = {pad: middle_y + 60 * (i - middle) for i, pad in enumerate(in_order)}
        for pad in in_order:
            colour = BLACK if pad in self.grounds else THINGS[self.pads.index(pad)]
            side.lead(pad, colour, 140, ys[pad])
        for i, (pad, ground) in enumerate(zip(self.pads, self.grounds, strict=True)):
            y = ys[pad]
            resistor(side, 140, (y + ys[ground]) / 2, KOHM_10, "10 kΩ", upright=True)
            side.line([(140, y), (RAIL, y)], LEG, 3)
            side.circle(196, y, 16, "#f3e3c3", f'stroke="{LEG}" stroke-width="2"')
            zigzag = [(186 + 4 * k, y + (8 if k % 2 else -8)) for k in range(6)]
            side.line(zigzag, ORANGE, 2)
            side.label(RAIL + 12, y, f"light sensor {i + 1}")
        top = min(ys.values()) - 36
        side.lead("3V3", RED, RAIL, top)
        side.line([(RAIL, top), (RAIL, max(ys[pad] for pad in self.pads))], RED)


def resistor(side, out, y, rings, ohms, upright=False):
    """out, y: its middle."""
    if upright:
        side.line([(out, y - 30), (out, y + 30)], LEG, 3)
        side.rect(out - 7, y - 17, 14, 34, "#e3c9a0", 'rx="5"')
        side.label(out + 12, y, ohms, size=11)
    else:
        side.line([(out - 24, y), (out + 24, y)], LEG, 3)
        side.rect(out - 17, y - 7, 34, 14, "#e3c9a0", 'rx="5"')
        side.label(out, y - 15, ohms, "middle", size=11)
    for ring, at in zip(rings, (-12, -6, 0, 9), strict=True):
        if upright:
            side.rect(out - 7, y + at, 14, 3, ring)
        else:
            side.rect(out + at, y - 7, 3, 14, ring)
