# A member of a fleet in MicroPython, on a Pico and on a PC: test_fleet.py writes NUMBER, FILE and
# line() above this. It says when it learns, so that the test knows what it cuts off.
import time
from array import array

import tinyprop as tp


def samples(number):
    x = [array("B", [(7 * i * i + 3 * j + 5 * number) % 17 for j in range(64)]) for i in range(24)]
    return x, [(3 * i + number) % 10 for i in range(24)]


def learn(model, x, y, turn, steps):
    print("learns", turn)
    time.sleep_ms(PAUSE)
    learn_of_fleet(model, x, y, turn, steps)


learn_of_fleet, tp.fleet.learn = tp.fleet.learn, learn
model = tp.load(FILE)
member = tp.fleet.Member(model, line(), FILE, every=200)
x, y = samples(NUMBER)
while True:
    if member.step(x, y):
        print("sent", member.round)
