"""python -m host_sim page: takes docs/page.png, the page of make web when it has just learned."""

import argparse
import io
import threading

from PIL import Image
from playwright.sync_api import sync_playwright

from .. import ROOT, add_to_path

COLOURS = 96  # enough for a page


def main(arguments):
    argparse.ArgumentParser(prog="python -m host_sim page", description=__doc__).parse_args(
        arguments
    )
    add_to_path("boards")
    from tinyprop_cli import serve

    with serve.server() as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever).start()
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        page = browser.new_page(
            viewport={"width": 1180, "height": 760}, reduced_motion="reduce", color_scheme="light"
        )
        page.goto(serve.address(server))
        page.get_by_role("button", name="Teach it three shapes").click()
        draw_triangle(page)
        taken = page.screenshot()
        browser.close()
        server.shutdown()
    picture = Image.open(io.BytesIO(taken)).convert("RGB").quantize(COLOURS)
    picture.save(ROOT / "docs/page.png", optimize=True)
    print("wrote docs/page.png")


def draw_triangle(page):
    box = page.locator(".paper").bounding_box()
    corners = (0.5, 0.2), (0.8, 0.75), (0.2, 0.75), (0.5, 0.2)
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=10)
    page.mouse.up()
