// A place to draw on.

export const WIDTH = 280; // and height, in the units of its points

// Calls onSample with what sampleOf makes of the strokes so far, null: there are none. onlyOne: a new stroke wipes the last.
// Returns stop(), clear() and put(strokes), which draws for a person.
export function strokesOf(stage, sampleOf, onSample, onlyOne = false) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2 * WIDTH;
  canvas.className = "paper";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "A place to draw on");
  stage.replaceChildren(canvas);
  const pen = canvas.getContext("2d");
  pen.scale(2, 2);
  let strokes = [];
  let pointer = null; // that draws; another finger does not

  function show() {
    pen.clearRect(0, 0, WIDTH, WIDTH);
    Object.assign(pen, { lineWidth: 9, lineCap: "round", lineJoin: "round" });
    pen.strokeStyle = getComputedStyle(canvas).color;
    for (const stroke of strokes) {
      pen.beginPath();
      stroke.forEach(([x, y]) => pen.lineTo(x, y));
      pen.lineTo(...stroke.at(-1));
      pen.stroke();
    }
    onSample(strokes.length ? sampleOf(strokes) : null);
  }

  function pointOf(event) {
    const { left, top, width } = canvas.getBoundingClientRect();
    return [((event.clientX - left) * WIDTH) / width, ((event.clientY - top) * WIDTH) / width];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null) {
      return;
    }
    canvas.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    strokes = onlyOne ? [] : strokes;
    strokes.push([pointOf(event)]);
    show();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId === pointer) {
      strokes.at(-1).push(pointOf(event));
      show();
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      if (event.pointerId === pointer) {
        pointer = null;
      }
    });
  }

  function put(all) {
    strokes = all;
    show();
  }
  return { stop: () => canvas.remove(), clear: () => put([]), put };
}
