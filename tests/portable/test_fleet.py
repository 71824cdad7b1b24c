# tinyprop_fleet: rounds of one board with a gateway that may be gone at any time.
import binascii
import io
import struct
import sys
from array import array

import model_format as fmt
import tinyprop as tp
from data import Random
from testkit import raises, saved


class Clock:
    """What MicroPython's time has; CPython has less of it, an emulated Cortex-M0 none."""

    now = 0

    def ticks_ms(self):
        self.now += 1
        return self.now

    def ticks_diff(self, a, b):
        return a - b

    def sleep_ms(self, milliseconds):
        self.now += milliseconds


try:
    import time  # noqa: F401
except ImportError:
    sys.modules["time"] = Clock()
tp.fleet.time = Clock()

HEAD = "<BII"
HERE, GIVE, TAKE, DONE = range(4)
STEPS = 20


class Bytes:
    """What save() can write to."""

    def __init__(self):
        self.written = bytearray()

    def write(self, data):
        self.written += data
        return len(data)


def file_of(model):
    file = Bytes()
    model.save(file)
    return file.written


class Gateway:
    """A gateway and its line. cut: the number of the answer from which on none comes."""

    piece, steps = 100, STEPS

    def __init__(self, file, cut=None):
        self.file, self.cut = file, cut
        self.turn, self.asked, self.update, self.samples = 1, 0, None, 0
        self.changed = bytearray(file)
        self.sent = 0

    def ask(self, question):
        if self.asked == self.cut:
            return None
        self.asked += 1
        kind, turn, number = struct.unpack_from(HEAD, question)
        return question[:9] + self.answer(kind, turn, number, question[9:])

    def answer(self, kind, turn, number, data):
        if kind == HERE:
            return struct.pack("<III", self.turn, self.steps, len(self.file))
        if turn != self.turn:
            return b""
        if kind == GIVE:
            return self.file[number : number + struct.unpack("<H", data)[0]]
        if kind == TAKE:
            self.sent += len(data)
            self.changed[number : number + len(data)] = data
            return b"\1"
        crc = struct.pack("<I", binascii.crc32(self.changed[:-4]))
        if data != crc:
            self.changed = bytearray(self.file)
            return b"\0"
        self.changed[-4:] = crc
        self.update, self.samples = self.changed, number
        return b"\1"


def model(input_range=(-1, 1), **settings):
    layers = [tp.Dense(6, activation="relu"), tp.Dense(3)]
    return tp.Model(5, layers, input_range=input_range, **settings)


def samples(n):
    random = Random(1)
    x = [array("f", [random.below(1000) / 500 - 1 for _ in range(5)]) for _ in range(n)]
    return x, [i % 3 for i in range(n)]


def member(m, gateway):
    return tp.fleet.Member(m, gateway, every=0)


def test_a_round():
    x, y = samples(11)
    fleet, m = model(seed=2), model()
    gateway = Gateway(file_of(fleet))
    board = member(m, gateway)
    assert board.step(x, y) and board.round == 1
    tp.fleet.learn(fleet, x, y, 1, STEPS)
    assert gateway.update == file_of(fleet)
    assert file_of(m) == file_of(fleet)
    assert gateway.samples == 11
    assert 0 < gateway.sent < len(gateway.file)


def test_each_round_goes_on_where_the_last_one_ended():
    class Seen:
        _n_in, _n_out = 1, 1

        def __init__(self):
            self.x = []

        def learn(self, x, y):
            assert x == y
            self.x.append(x[0] if hasattr(x, "__len__") else x)

    for n in (1, 2, 3, 8, 13, 60):
        for values in (list(range(n)), array("h", range(n))):
            seen = Seen()
            for turn in range(1, 4):
                tp.fleet.learn(seen, values, values, turn, n)
            assert sorted(seen.x) == [i // 3 for i in range(3 * n)], n
            assert seen.x[:n] == seen.x[n : 2 * n]
            parts = Seen()
            for turn in range(1, 5):
                tp.fleet.learn(parts, values, values, turn, 5)
            assert parts.x == [seen.x[i % (3 * n)] for i in range(20)], n


def test_all_that_learn_many_takes():
    x, y = [[i % 7, i % 5, 0.5] for i in range(12)], [(i % 3, 0.5) for i in range(12)]
    flat_x, flat_y = [v for row in x for v in row], [v for row in y for v in row]
    settings = {"loss": "mse", "input_range": (0, 9), "output_range": (0, 9)}
    files = set()
    for form in (x, flat_x, array("f", flat_x)), (y, flat_y, tuple(flat_y), array("f", flat_y)):
        for values in form:
            m = tp.Model(3, [tp.Dense(2)], **settings)
            pair = (values, y) if len(form) == 3 else (x, values)
            assert member(m, Gateway(file_of(m))).step(*pair)
            files.add(bytes(file_of(m)))
    assert len(files) == 1


def test_targets_in_one_buffer():
    layers = [tp.Dense(4, activation="relu"), tp.Dense(2)]
    settings = {"loss": "mse", "input_range": (0, 9), "output_range": (0, 9)}
    one, two = tp.Model(3, layers, **settings), tp.Model(3, layers, **settings)
    x, y = array("f", [i % 7 for i in range(36)]), array("f", [i % 5 for i in range(24)])
    tp.fleet.learn(one, x, y, 2, 9)
    rows = [x[3 * i : 3 * i + 3] for i in range(12)], [y[2 * i : 2 * i + 2] for i in range(12)]
    tp.fleet.learn(two, rows[0], rows[1], 2, 9)
    assert saved(one) == saved(two)


def test_a_cut_at_any_place_leaves_the_old_model_or_the_new_one():
    x, y = samples(9)
    fleet = model(seed=2)
    file, old = file_of(fleet), file_of(model())
    tp.fleet.learn(fleet, x, y, 1, STEPS)
    new, cut, seen = file_of(fleet), 0, set()
    while True:
        m, gateway = model(), Gateway(file, cut)
        board = member(m, gateway)
        done = board.step(x, y)
        now = file_of(m)
        assert now in (old, new), cut
        seen.add(now == new)
        if done:
            break
        assert board.round == 0
        gateway.cut = None
        assert board.step(x, y), cut
        assert gateway.update == new == file_of(m)
        cut += 1
    assert cut > 10 and seen == {False, True}


def test_a_damaged_transfer_leaves_the_old_model():
    x, y = samples(9)
    m, gateway = model(), Gateway(file_of(model(seed=2)))
    old = file_of(m)
    gateway.file[200] ^= 1
    assert not member(m, gateway).step(x, y)
    assert file_of(m) == old


def test_what_the_gateway_did_not_get_is_sent_again():
    class Forgetful(Gateway):
        forgets = 1

        def answer(self, kind, turn, number, data):
            if kind == TAKE and self.forgets:
                self.forgets -= 1
                return b"\1"
            return Gateway.answer(self, kind, turn, number, data)

    x, y = samples(9)
    m, gateway = model(), Forgetful(file_of(model(seed=2)))
    assert member(m, gateway).step(x, y)
    assert gateway.update == file_of(m)
    gateway = Forgetful(file_of(model(seed=2)))
    gateway.forgets = 10000
    assert not member(m, gateway).step(x, y)


def test_another_model_is_refused():
    x, y = samples(9)
    bigger = tp.Model(5, [tp.Dense(7, activation="relu"), tp.Dense(3)], input_range=(-1, 1))
    for other in bigger, model(lr=0.01):
        assert_refused(model(), other, x, y)


def assert_refused(m, fleet, x, y, says="other layers, settings or names of classes: copy"):
    old = file_of(m)
    error = raises(ValueError, member(m, Gateway(file_of(fleet))).step, x, y)
    assert says in str(error), error
    assert file_of(m) == old


def test_other_given_ranges_are_refused():
    x, y = samples(9)
    says = "has (%s) in its %s, and this one (%s): copy its model.tp"
    five = [(-1, 1)] * 5
    for mine, others, its in ((-1, 1), (0, 100), "0, 100"), (five, five[1:] + [(0, 9)], "0, 9"):
        assert_refused(model(mine), model(others), x, y, says % (its, "input_range", "-1, 1"))

    def numbers(input_range, output_range):
        settings = {"loss": "mse", "input_range": input_range, "output_range": output_range}
        return tp.Model(5, [tp.Dense(3)], **settings)

    y = [[k, k, k] for k in y]
    three = [(0, 2), (0, 3), (0, 4)]
    for inputs in None, (-1, 1):
        for mine, others, its in ((0, 2), (0, 3), "0, 3"), (three, three[::-1], "0, 4"):
            m, fleet = numbers(inputs, mine), numbers(inputs, others)
            assert_refused(m, fleet, x, y, says % (its, "output_range", "0, 2"))
            assert member(m, Gateway(file_of(numbers(inputs, mine)))).step(x, y)


NAMES = "down", "still", "up"


def test_names_that_the_fleet_gave_stay_as_they_are():
    x, y = samples(11)
    fleet, m = model(seed=2, classes=NAMES), model(classes=NAMES)
    gateway = Gateway(file_of(fleet))
    assert member(m, gateway).step(x, [NAMES[k] for k in y])
    tp.fleet.learn(fleet, x, y, 1, STEPS)
    assert gateway.update == file_of(fleet) == file_of(m)
    assert tp.load(io.BytesIO(gateway.update)).classes == list(NAMES)
    spare = model(classes=NAMES[:2])
    assert member(spare, Gateway(file_of(model(classes=NAMES[:2])))).step(x, y)


def test_names_that_a_board_gave_are_refused():
    x, y = samples(11)
    named = [NAMES[k] for k in y]
    m = model()
    m.learn_many(x, named[::-1])
    for fleet in model(), model(classes=NAMES):
        assert_refused(m, fleet, x, y)
    assert_refused(model(), model(classes=NAMES), x, y)
    two = model(classes=NAMES[:2])
    assert_refused(two, two, x, named, "class 'up' of y has no output in the fleet's model")
    assert_refused(model(), model(), x, named, "make model.tp with classes=[..]")


def test_samples_that_cannot_be_learned_are_refused_before_the_fleets_model_is_taken():
    x, y = samples(9)
    m, fleet = model(), model(seed=2)
    m.learn_many(x, y)
    bad = x[:8] + [array("f", [0, 0, float("nan"), 0, 0])]
    assert_refused(m, fleet, bad, y, "x[2] is nan")
    assert_refused(m, fleet, x[:8] + [x[0][:4]], y, "x has 4 values, expected 5")
    assert_refused(m, fleet, bytes(46), y, "x has 46 values, expected a multiple of 5")
    for labels in y[:8] + [3], array("b", y[:8] + [-1]):
        assert_refused(m, fleet, x, labels, "expected a class number, 0 to 2")
    for labels in y[:8], array("b", y[:8]):
        assert_refused(m, fleet, x, labels, "y has 8 values, expected 9")
    assert m.loss > 0


def test_with_few_samples_it_stays_apart():
    x, y = samples(9)
    gateway = Gateway(file_of(model()))
    board = member(model(), gateway)
    assert not board.step(x[:7], y[:7])
    assert gateway.asked == 0
    assert board.step(x[:8], y[:8])


def test_an_offer_that_is_cut_is_none():
    class Cut(Gateway):
        def answer(self, kind, turn, number, data):
            return Gateway.answer(self, kind, turn, number, data)[:11]

    x, y = samples(9)
    gateway = Cut(file_of(model()))
    assert not member(model(), gateway).step(x, y)
    assert gateway.asked == 1


def test_in_a_round_of_few_steps_it_sends_nothing():
    x, y = samples(9)
    m, gateway = model(), Gateway(file_of(model(seed=2)))
    old, gateway.steps = file_of(m), 7
    assert not member(m, gateway).step(x, y)
    assert gateway.asked == 1 and file_of(m) == old
    gateway.steps = 8
    assert member(m, gateway).step(x, y)


def test_it_does_not_ask_too_often():
    x, y = samples(9)
    gateway = Gateway(file_of(model()), cut=0)
    board = tp.fleet.Member(model(), gateway, every=100000)
    gateway.cut = None
    assert board.step(x, y)
    asked = gateway.asked
    assert not board.step(x, y)
    assert gateway.asked == asked


def test_it_asks_though_few_samples_came_for_so_long_that_ticks_went_round():
    class Ring(Clock):
        def ticks_diff(self, a, b):
            return ((a - b + (1 << 29)) & (1 << 30) - 1) - (1 << 29)

    x, y = samples(9)
    clock, tp.fleet.time = tp.fleet.time, Ring()
    try:
        gateway = Gateway(file_of(model()), cut=0)
        board = tp.fleet.Member(model(), gateway)
        assert not board.step(x, y)
        gateway.cut = None
        for days in 5, 9:
            tp.fleet.time.now = days * 86400000
            assert board.step(x[:days], y[:days]) == (days == 9)
    finally:
        tp.fleet.time = clock


def test_without_a_gateway_it_waits_once_and_then_returns_at_once():
    x, y = samples(9)
    nobody = Gateway(file_of(model()), cut=0)
    client = Client(nobody, 0)
    for line, patience in (tp.fleet.MQTT(client, "kitchen"), 2000), (serial(nobody), 1000):
        line._patience = patience
        board = tp.fleet.Member(model(), line, every=2000)
        for _ in range(3):
            began = tp.fleet.time.now
            assert not board.step(x, y)
            assert patience <= tp.fleet.time.now - began < patience + 100, line
            began = tp.fleet.time.now
            assert not board.step(x, y)
            assert tp.fleet.time.now - began < 10, line
            tp.fleet.time.now += 2000


def test_what_it_remembers_stays_with_it():
    x, y = samples(9)
    m, fleet = model(replay=9), model(replay=9, seed=2)
    m.learn_many(x, y)
    memory = len(file_of(m)) - 4
    remembered = bytes(m._image[memory : len(saved(m))])
    gateway = Gateway(file_of(fleet))
    assert any(remembered)
    board = member(m, gateway)
    received = board._receive(1, len(gateway.file))
    m._image[m._state + fmt.MODEL_STATE_REPLAY_FRAC] += 1
    of_memory = (fmt.MODEL_STATE_REPLAY_FRAC, "<h"), (fmt.MODEL_STATE_RANDOM, "<I")
    before = [m._number(letter, at) for at, letter in of_memory]
    board._adopt(received)
    assert bytes(m._image[memory : len(saved(m))]) == remembered
    assert before == [m._number(letter, at) for at, letter in of_memory]
    assert bytes(m.weights(0)[0]) == bytes(fleet.weights(0)[0])
    assert board.step(x, y)
    assert len(gateway.update) == len(gateway.file)
    assert len(gateway.file) < len(saved(m))


def after_adopting(m, fleet):
    """(the model that m becomes in a fleet, the same opened anew from all that a file holds)"""
    board = member(m, Gateway(file_of(fleet)))
    board._adopt(board._receive(1, len(file_of(fleet))))
    file = Bytes()
    m.save(file, replay=True)
    return m, tp.load(io.BytesIO(file.written))


def test_the_fleets_weights_do_not_pass_their_bound():
    fleet, m = model(lr=0.02, policy=tp.Full()), model(lr=0.02, policy=tp.Full())
    x = array("f", [1] * 5)
    for i in range(65):  # the core now knows how far from their bound its weights are
        m.learn(x, i % 3)
        fleet.learn(x, i % 3)
    fleet.set_weights(1, [1.9999] * 18, [0] * 3)
    for one in after_adopting(m, fleet):
        one.learn(x, 0)
        assert min(one.weights(1)[0]) > 1.5


def test_what_it_knows_is_what_the_fleets_model_knows():
    x, y = samples(24)
    near, farther = [[array("f", [part * v for v in row]) for row in x] for part in (0.3, 0.7)]
    m, fleet = model(replay=9), model(replay=9, seed=2)
    m.learn_many(near, y)
    fleet.learn_many(near, y)
    m.knows(x[0])  # now it has found out how near is near
    m, loaded = after_adopting(m, fleet)
    assert [m.knows(one) for one in farther] == [loaded.knows(one) for one in farther]


def test_members_and_lines_are_shown():
    m, line = model(), tp.fleet.MQTT(Client(None, 0), "kitchen")
    board = tp.fleet.Member(m, line, "model.tp")
    shown = "Member(%r, MQTT(.., 'kitchen', patience=2000), file='model.tp', every=2000; round 0)"
    assert repr(board) == shown % m, board
    line = serial(Gateway(file_of(m)))
    line._port = None
    assert repr(line) == "Serial(None, patience=1000)"


def with_crc(message):
    return bytes(message) + struct.pack("<I", binascii.crc32(message))


class Port:
    """A serial line whose other end answers, of a program that prints what is no whole line."""

    def __init__(self, gateway):
        self.gateway, self.input = gateway, bytearray(b"noise\n~???\n")

    def write(self, text):
        assert text[-1:] == b"\n" and len(text) <= 260
        for line in (b"21.5 ~ " + text).split(b"\n"):
            if line[:1] == b"~":
                message = binascii.a2b_base64(line[1:])
                assert message == with_crc(message[:-4])
                answer = self.gateway.ask(message[:-4])
                if answer:
                    damaged = bytearray(with_crc(answer))
                    damaged[-5] ^= 1
                    for sent in with_crc(struct.pack(HEAD, 9, 9, 9)), damaged, with_crc(answer):
                        self.input += b"~" + binascii.b2a_base64(sent)
        return len(text)

    def read(self, n):
        byte = bytes(self.input[:n])
        self.input = self.input[n:]
        return byte

    def poll(self, milliseconds):
        if not self.input:
            tp.fleet.time.now += milliseconds
        return bool(self.input)


def serial(gateway):
    port = Port(gateway)
    line = object.__new__(tp.fleet.Serial)
    line._port = line._in = line._out = line._poll = port
    line._patience = 1000
    return line


def test_over_a_serial_line():
    x, y = samples(9)
    fleet, m = model(seed=2), model()
    gateway = Gateway(file_of(fleet))
    assert member(m, serial(gateway)).step(x, y)
    tp.fleet.learn(fleet, x, y, 1, STEPS)
    assert gateway.update == file_of(fleet)
    assert not member(m, serial(Gateway(gateway.file, cut=5))).step(x, y)


class Client:
    """What umqtt.simple has, with a broker and a gateway that the connection is lost to once."""

    def __init__(self, gateway, lost_at, error=OSError):
        self.gateway, self.lost_at, self.error = gateway, lost_at, error
        self.messages, self.connected, self.connections = [], False, 0

    def set_callback(self, function):
        self.callback = function

    def connect(self):
        self.connected = True
        self.connections += 1

    def subscribe(self, topic):
        assert topic == b"tinyprop/kitchen/answer"

    def publish(self, topic, message):
        assert topic == b"tinyprop/kitchen/ask"
        self.lost_at -= 1
        if not self.lost_at:
            self.connected = False
        if not self.connected:
            raise self.error(-1)
        self.messages.append(self.gateway.ask(message))

    def check_msg(self):
        if self.messages:
            self.callback(b"tinyprop/kitchen/answer", self.messages.pop(0))


class MQTTException(Exception):
    pass


def test_over_mqtt_with_a_connection_that_is_lost():
    x, y = samples(9)
    # What umqtt raises depends on what a broker sends before it closes, or refuses, if anything.
    for error in OSError, IndexError, AssertionError, MQTTException:
        fleet, m = model(seed=2), model()
        gateway = Gateway(file_of(fleet))
        client = Client(gateway, 7, error)
        line = tp.fleet.MQTT(client, "kitchen")
        assert member(m, line).step(x, y)
        assert client.connections == 2
        tp.fleet.learn(fleet, x, y, 1, STEPS)
        assert gateway.update == file_of(fleet)


def test_a_broker_that_closes_is_asked_again_later():
    class Closed(Client):
        def connect(self):
            if self.error:
                raise self.error
            Client.connect(self)

    x, y = samples(9)
    client = Closed(Gateway(file_of(model())), 0, IndexError)
    board = member(model(), tp.fleet.MQTT(client, "kitchen"))
    for _ in range(2):
        assert not board.step(x, y)
    client.error = None
    assert board.step(x, y)


def test_a_name_that_is_no_level_of_a_topic_is_refused():
    for name in "a/b", "+", "kitchen#", "":
        error = raises(ValueError, tp.fleet.MQTT, Client(None, 0), name)
        assert "name is %r, expected" % name in str(error)


def test_ctrl_c_and_a_client_that_is_none_show_themselves():
    x, y = samples(9)
    for error in KeyboardInterrupt, AttributeError:
        client = Client(Gateway(file_of(model())), 7, error)
        raises(error, member(model(), tp.fleet.MQTT(client, "kitchen")).step, x, y)
