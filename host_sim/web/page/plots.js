// What learning looks like: curves, and dots for weights.

const FADES = 6; // examples after which a weight that moved looks like the others

function colour(element, name) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

// points: lists of shares, one of each curve, or null; colours: names of CSS variables
export function drawCurves(canvas, points, colours) {
  const { width, height } = canvas.getBoundingClientRect();
  const density = devicePixelRatio;
  canvas.width = width * density;
  canvas.height = height * density;
  const pen = canvas.getContext("2d");
  pen.scale(density, density);
  const margin = 6;
  const left = 44; // for what the lines mean
  const y = (share) => margin + (1 - share) * (height - 2 * margin);
  pen.strokeStyle = colour(canvas, "--line");
  pen.fillStyle = colour(canvas, "--quiet");
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const share of [0, 0.5, 1]) {
    pen.fillText(`${100 * share} %`, left - 6, y(share));
    pen.beginPath();
    pen.moveTo(left, y(share));
    pen.lineTo(width, y(share));
    pen.stroke();
  }
  pen.lineWidth = 2;
  const step = (width - left) / Math.max(points.length - 1, 20);
  colours.forEach((name, k) => {
    pen.strokeStyle = colour(canvas, name);
    pen.beginPath();
    points.forEach((point, i) => point[k] !== null && pen.lineTo(left + i * step, y(point[k])));
    pen.stroke();
  });
}

// The weights of each layer as dots; those that moved lately are orange.
export class Heat {
  constructor(place) {
    this.place = place;
    this.ages = [];
  }

  // layers: [{units, values}]; moved: for each layer whether a weight moved just now, null: nothing did
  draw(layers, moved) {
    const sizes = layers.map(({ values }) => values.length).join();
    if (sizes !== this.sizes) {
      this.sizes = sizes;
      this.ages = layers.map(({ values }) => values.map(() => FADES));
      this.place.replaceChildren(...layers.map(() => document.createElement("canvas")));
    }
    layers.forEach((layer, k) => {
      this.ages[k] = this.ages[k].map((age, i) => (moved?.[k][i] ? 0 : Math.min(FADES, age + 1)));
      this.drawLayer(this.place.children[k], layer, this.ages[k]);
    });
  }

  drawLayer(canvas, { units, values }, ages) {
    const width = values.length / units;
    canvas.width = width;
    canvas.height = units;
    canvas.setAttribute("role", "img");
    const just = ages.filter((age) => age === 0).length;
    canvas.setAttribute("aria-label", `${just} of ${values.length} weights moved just now`);
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(width, units);
    const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 1);
    const hot = [251, 146, 60];
    values.forEach((value, i) => {
      const at = 4 * ((i % units) * width + Math.floor(i / units));
      const size = Math.abs(value) / most;
      const cold = value < 0 ? [96, 120, 200] : [130, 150, 160];
      const heat = 1 - ages[i] / FADES;
      for (let c = 0; c < 3; c++) {
        image.data[at + c] = cold[c] + (hot[c] - cold[c]) * heat;
      }
      image.data[at + 3] = 255 * Math.max(0.12 + 0.88 * size, heat);
    });
    pen.putImageData(image, 0, 0);
  }
}
