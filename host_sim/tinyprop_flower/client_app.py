"""The app of a SuperNode that is a gateway to boards. Its --node-config says which:

ports="/dev/ttyACM0,/dev/ttyACM1"   serial ports, with a board each
broker="192.168.0.10:1883"          of MQTT
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
    updates = serve(
        *question(message),
        ports,
        str(config.get("broker", "")),
        int(config.get("boards", len(ports))),
        float(config.get("seconds", SECONDS)),
    )
    return answer(message, updates)
