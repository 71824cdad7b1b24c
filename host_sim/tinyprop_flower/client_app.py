"""The app of a SuperNode that is a gateway to boards. Its --node-config says which:

ports="/dev/ttyACM0,/dev/ttyACM1"   serial ports, with a board each
broker="192.168.0.10:1883"          of MQTT
user="gateway" password="..."       if the broker asks for them
tls="ca.pem"                        the file of certificates by which it is known, if it has TLS
boards=5                            how many there are in all; without it, as many as ports
seconds=60                          that a round takes at most
"""

from flwr.clientapp import ClientApp

from .gateway import serve
from .strategy import answer, question

SECONDS = 60

app = ClientApp()


@app.train()
def train(message, context):
    config = context.node_config
    ports = [port for port in str(config.get("ports", "")).split(",") if port]
    boards = int(config.get("boards", len(ports)))
    if boards < 1:
        raise ValueError(
            "the gateway has no boards; give its SuperNode a --node-config like "
            """'ports="/dev/ttyACM0"' or 'broker="192.168.0.10:1883" boards=5'"""
        )
    broker, seconds = str(config.get("broker", "")), float(config.get("seconds", SECONDS))
    login = {name: str(config[name]) for name in ("user", "password", "tls") if name in config}
    updates = serve(*question(message), ports, broker, boards, seconds, **login)
    return answer(message, updates)
