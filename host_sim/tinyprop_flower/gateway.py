"""A gateway: what is between Flower and the boards. It answers their questions, of which
tinyprop_fleet.py has the list, over serial ports and over a broker of MQTT.
"""

import base64
import binascii
import logging
import struct
import threading

import serial
from tinyprop_fleet import _DONE, _GIVE, _HEAD, _HERE, _TAKE, _crc

LOG = logging.getLogger(__name__)
HEAD = struct.Struct(_HEAD)
OVER, YES, NO = b"", b"\1", b"\0"
BAUD = 115200  # of boards behind a chip that makes a UART of USB; others have no such speed
LONGEST = 4096  # of a line that may be a message, which has about 220 characters


class Round:
    """A round, as boards see it: each asks for the file, and sends what it has changed in it."""

    def __init__(self, file, turn, steps):
        self.file, self.turn, self.steps = file, turn, steps
        self.heard = set()  # names of boards that have asked anything
        self.changed = {}  # the file of each board that is sending
        self.updates = {}  # {name: (file, samples)} of those that have sent it
        self.news = threading.Condition()
        self.over = False  # no more updates are taken

    def answer(self, name, question):
        """The answer to a board; None: what came is no question."""
        try:
            kind, turn, number = HEAD.unpack_from(question)
        except struct.error:
            return None
        data = question[HEAD.size :]
        with self.news:
            self.heard.add(name)
            if kind == _HERE:
                says = self.offer(name)
            elif turn != self.turn or (kind != _DONE if name in self.updates else self.over):
                says = OVER
            elif kind == _GIVE:
                self.changed[name] = bytearray(self.file)
                says = self.file[number : number + int.from_bytes(data, "little")]
            elif kind == _TAKE:
                says = self.take(name, number, data)
            elif kind == _DONE:
                says = self.done(name, number, data)
            else:
                return None
        return question[: HEAD.size] + says

    def offer(self, name):
        if self.over or name in self.updates:
            return OVER
        return struct.pack("<III", self.turn, self.steps, len(self.file))

    def take(self, name, offset, data):
        file = self.changed.get(name)
        if file is None:  # it received the file from a gateway that was here before
            file = self.changed[name] = bytearray(self.file)
        if offset + len(data) > len(file) - 4:
            return OVER
        file[offset : offset + len(data)] = data
        return YES

    def done(self, name, samples, data):
        if name in self.updates:
            return YES
        file = self.changed.pop(name, bytearray(self.file))
        if _crc(file[:-4]) != data:
            return NO
        file[-4:] = data
        self.updates[name] = bytes(file), samples
        self.news.notify_all()
        return YES

    def wait(self, boards, seconds):
        """{name: (file, samples)}, once so many boards have sent theirs, or time is up."""
        with self.news:
            self.news.wait_for(lambda: len(self.updates) >= boards, seconds)
            self.over = True
            return dict(self.updates)


# ---- lines. trouble: why no update may come over one, or None; name: of its board, if it has one


class SerialPort:
    """Answers the board at a serial port as long as the gateway runs; if it is unplugged, when it
    is back."""

    def __init__(self, port, answer):
        self.port, self.answer, self.stopped = port, answer, threading.Event()
        self.name, self.trouble = port.rpartition("/")[2], None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopped.is_set():
            try:
                with serial.Serial(self.port, BAUD, timeout=0.2, write_timeout=1) as line:
                    self.trouble = f"{self.port}: it is open, but no update came"
                    self.serve(line)
            except OSError as e:
                self.trouble = f"{self.port}: {e}"
            self.stopped.wait(0.5)

    def serve(self, line):
        line.write(b"\n")  # ends what another gateway may have begun
        text = b""
        while not self.stopped.is_set():
            text += line.read_until(b"\n", LONGEST)
            if not text.endswith(b"\n"):
                text = text[-LONGEST:]
                continue
            message = decoded(text)
            if message is None and b"Error" in text:
                self.trouble = (
                    f"{self.port}: the board says {text.decode(errors='replace').strip()}"
                )
            says, text = message and self.answer(self.name, message), b""
            if says:
                line.write(encoded(says))

    def stop(self):
        self.stopped.set()
        self.thread.join()


def decoded(text):
    """The message in a line, None if it is none."""
    try:
        message = base64.b64decode(text.strip()[1:], validate=True) if text[:1] == b"~" else b""
    except binascii.Error:
        return None
    return message[:-4] if message[-4:] == _crc(message[:-4]) else None


def encoded(message):
    return b"~" + base64.b64encode(message + _crc(message)) + b"\n"


class Broker:
    """Answers all boards at a broker of MQTT, given as HOST or HOST:PORT.

    user, password: if the broker asks for them. tls: the file of certificates that tell that it is
    the one, if it is to be reached by TLS.
    """

    name = None

    def __init__(self, address, answer, user="", password="", tls=""):
        import paho.mqtt.client as mqtt

        self.address, self.answer = address, answer
        self.trouble = f"broker {address}: no answer"
        host, _, port = address.partition(":")
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.on_connect = self.connected
        self.client.on_message = self.hear
        if user:
            self.client.username_pw_set(user, password)
        if tls:
            self.client.tls_set(tls)
        self.client.connect_async(host, int(port or (8883 if tls else 1883)))
        self.client.loop_start()

    def connected(self, client, data, flags, reason, properties):
        self.trouble = f"broker {self.address}: {reason}" if reason.is_failure else None
        client.subscribe("tinyprop/+/ask")

    def hear(self, client, _, message):
        name = message.topic.split("/")[1]
        says = self.answer(name, message.payload)
        if says:
            client.publish(f"tinyprop/{name}/answer", says)

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()


def serve(file, turn, steps, ports, broker, boards, seconds, **login):
    """Lets boards have a round. Returns {name: (file, samples)} of those that sent theirs.

    ports: names of serial ports. broker: its address, or ""; login: user, password, tls, as of
    Broker. boards: how many there are; when all have sent theirs, or after so many seconds, it is
    over.
    """
    this = Round(file, turn, steps)
    lines = [SerialPort(port, this.answer) for port in ports]
    if broker:
        lines.append(Broker(broker, this.answer, **login))
    try:
        updates = this.wait(boards, seconds)
        if len(updates) < boards:
            silent = [line for line in lines if line.name not in updates]
            troubles = [line.trouble for line in silent if line.trouble]
            names = this.heard - {*updates, *(line.name for line in lines)}
            troubles += [f"{name}: it has asked, but no update came" for name in sorted(names)]
            n = f"round {turn}: {len(updates)} of {boards} boards have sent an update"
            LOG.warning("%s", "; ".join([n, *troubles]))
        return updates
    finally:
        for line in lines:
            line.stop()
