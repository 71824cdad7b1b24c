"""A memory of some of what a model was shown, as many samples of each class, to learn from again.

Where what is to be learned changes, it forgets less of what comes no more; and a rare class is not
overlooked (docs/method.md):

    memory = Memory(30)
    ...
    m.learn(x, y)
    memory.add(x, y)
    m.learn(*memory.any())
"""

from random import randrange


class Memory:
    """size: how many samples. It needs the RAM of so many copies of x."""

    def __init__(self, size):
        self.size = size
        self.x, self.y = [], []
        self.seen = {}  # of each class: how many were added
        self.held = {}  # of each class: how many are still here

    def add(self, x, y):
        """x: an array, bytes or a list; y: its class. Takes the place of another if need be."""
        self.seen[y] = self.seen.get(y, 0) + 1
        place = len(self.y) if len(self.y) < self.size else self.place(y)
        if place is None:
            return
        if place == len(self.y):
            self.x.append(None)
            self.y.append(y)
        else:
            self.held[self.y[place]] -= 1
        self.held[y] = self.held.get(y, 0) + 1
        self.x[place], self.y[place] = x[:], y

    def place(self, y):
        """That of one of the class that has most; or of one of its own, so that of a class each
        sample ever added is here with the same probability."""
        most = max(self.held, key=self.held.get)
        if self.held.get(y, 0) < self.held[most]:
            y, n = most, randrange(self.held[most])
        else:
            n = randrange(self.seen[y])
        for place, other in enumerate(self.y):
            n -= other == y
            if n < 0:
                return place
        return None

    def any(self):
        """A sample, (x, y)."""
        place = randrange(len(self.y))
        return self.x[place], self.y[place]
