"""A board from above with wires to what lies beside it, as SVG.

A place beside the board is (out, y): how far out from the pads of that side, and down. So a part
looks alike on both sides.
"""

from xml.sax.saxutils import escape

PITCH = 22  # from pad to pad
TOP = 96  # y of the topmost pads
PADS = {"left": 350, "right": 550}  # x of the pads
WIDTH = 900
AROUND = 36, 36  # how far out, and y, of a wire that goes around the board
TURNS, BETWEEN_TURNS = 36, 11  # how far out wires turn

RED, BLACK, GOLD = "#d62828", "#222222", "#e3b341"
UNUSED = "#7fb896"


def rect(x, y, width, height, fill, more=""):
    return f'<rect x="{x:g}" y="{y:g}" width="{width}" height="{height}" fill="{fill}" {more}/>'


def circle(x, y, r, fill, more=""):
    return f'<circle cx="{x:g}" cy="{y:g}" r="{r}" fill="{fill}" {more}/>'


def line(points, colour, width=4):
    points = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def label(x, y, text, anchor, size=13, colour=BLACK, weight="normal"):
    """y: of its middle."""
    return (
        f'<text x="{x:g}" y="{y + 0.35 * size:g}" font-size="{size}" fill="{colour}"'
        f' text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
    )


class Picture:
    """Parts are drawn one by one by what Side offers; text() is the whole."""

    def __init__(self, board):
        self.board = board
        self.sides = {name: Side(self, name) for name in PADS}
        self.parts = []
        self.used = set()  # (side, row) of pads

    def find(self, pad):
        """(side, y) of a pad, which is now in use."""
        side, row = self.board.find(pad)
        self.used.add((side, row))
        return self.sides[side], TOP + PITCH * row

    def text(self):
        ends = TOP + PITCH * len(self.board.left), *(side.bottom for side in self.sides.values())
        height = max(ends) + 24
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}"'
            f' width="{WIDTH}" height="{height:g}" font-family="Helvetica, Arial, sans-serif"'
            ' stroke-linejoin="round" stroke-linecap="round">',
            rect(0, 0, WIDTH, f"{height:g}", "white", 'rx="12"'),
            *self._board(),
            *(wire for side in self.sides.values() for wire in side.wires()),
            *self.parts,
            "</svg>",
        ]
        return "\n".join(lines).replace(" />", "/>") + "\n"

    def _board(self):
        left, right = PADS["left"] - 14, PADS["right"] + 14
        x, height = (left + right) / 2, PITCH * len(self.board.left)
        yield rect(left, TOP - 18, right - left, height + 14, "#0f6b3a", 'rx="8"')
        yield rect(x - 28, TOP - 36, 56, 38, "#c9ccd1", 'rx="3"')
        yield label(x, TOP - 17, "USB", "middle", size=12)
        y = TOP + height / 2
        yield rect(x - 22, y - 66, 44, 44, BLACK, 'rx="3"')
        if self.board.camera:
            yield circle(x, y - 44, 18, "#5b6675")
            yield circle(x, y - 44, 9, "#9fc3e8")
        for i, word in enumerate(self.board.name.split()):
            yield label(x, y + 15 * (i - 0.2), word, "middle", size=12, colour="white")
        for side in self.sides.values():
            yield from side.pads()


class Side:
    def __init__(self, picture, name):
        self.picture, self.name = picture, name
        self.outwards = -1 if name == "left" else 1
        self.bottom = 0  # of what has been drawn
        self._wires = []  # (y of its pad, y of its end, places after its turn, colour)

    def lead(self, pad, colour, out, y):
        """A wire from a pad to a place on this side."""
        side, pad_y = self.picture.find(pad)
        if side is self:
            side._wires.append((pad_y, y, [(out, y)], colour))
        else:
            turn, over = AROUND
            across = PADS["left"] - PADS["right"]
            places = [(across - turn, over), (across - turn, y), (across - out, y)]
            side._wires.append((pad_y, over, places, colour))

    def wires(self):
        """Those that go up turn the further out the lower they begin, and those that go down the
        further the higher, so that no two cross."""
        level = [wire for wire in self._wires if wire[1] == wire[0]]
        up = sorted(wire for wire in self._wires if wire[1] < wire[0])
        down = sorted((wire for wire in self._wires if wire[1] > wire[0]), reverse=True)
        for group in level, up, down:
            for i, (pad_y, y, places, colour) in enumerate(group):
                turn = TURNS + BETWEEN_TURNS * i
                points = [(0, pad_y), (turn, pad_y), (turn, y), *places]
                yield line([(self._x(out), y) for out, y in points], colour)

    def pads(self):
        board = self.picture.board
        for row, name in enumerate(getattr(board, self.name)):
            y, used = TOP + PITCH * row, (self.name, row) in self.picture.used
            yield circle(self._x(0), y, 7, GOLD if used else UNUSED)
            if board.numbers:
                number = str(board.number(self.name, row))
                colour = "white" if used else UNUSED
                yield label(self._x(-19), y, number, "middle", size=10, colour=colour)
            if used:
                x = self._x(-31 if board.numbers else -14)
                anchor = "start" if self.outwards < 0 else "end"
                yield label(x, y, name, anchor, colour="white", weight="bold")

    def _x(self, out):
        return PADS[self.name] + self.outwards * out

    def line(self, places, colour, width=4):
        self.picture.parts.append(line([(self._x(out), y) for out, y in places], colour, width))
        self._reach(max(y for _, y in places))

    def rect(self, out, y, width, height, fill, more=""):
        """out: of its edge that is nearer to the board."""
        x = min(self._x(out), self._x(out + width))
        self.picture.parts.append(rect(x, y, width, height, fill, more))
        self._reach(y + height)

    def circle(self, out, y, r, fill, more=""):
        self.picture.parts.append(circle(self._x(out), y, r, fill, more))

    def dome(self, out, y, fill):
        """A light from the side. y: of its foot."""
        x = self._x(out)
        self.picture.parts.append(
            f'<path d="M{x - 11:g} {y:g}v-9a11 11 0 0 1 22 0v9z" fill="{fill}"/>'
        )

    def label(self, out, y, text, anchor=None, **how):
        """From there outwards, or with an anchor of SVG."""
        anchor = anchor or ("end" if self.outwards < 0 else "start")
        self.picture.parts.append(label(self._x(out), y, text, anchor, **how))

    def _reach(self, y):
        self.bottom = max(self.bottom, y)
