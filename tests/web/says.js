// What the library says, in node and in a browser, to be compared with what tinyprop.py says of the same.

// Of the model in a file, in base64; then with other weights, and begun anew.
export function describe(tp, file) {
  const model = tp.load(Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0)));
  const numbers = Array.from({ length: model.stats().rates.length }, (_, i) => i);
  const said = {
    stats: Object.values(model.stats()),
    check: model.check(),
    summary: model.summary(),
    ranges: [model.inputRange, model.outputRange],
    settings: [model.lr, model.loss, model.classes],
    weights: numbers.map((i) => attempt(() => Object.values(model.weights(i)).map((part) => [...part]))),
    knows: probes(model).map((x) => attempt(() => model.knows(x))),
    again: base64(model.save(true)) === file,
    without: base64(model.save()),
  };
  const changes = [-1.3, 100, 4000].flatMap((factor) => numbers.map((i) => attempt(() => change(model, i, factor))));
  probes(model).forEach((x) => model.learn(x, model._mse ? Array(model._nOut).fill(1) : 1));
  const changed = base64(model.save(true));
  model.reset(5);
  return { ...said, changes, changed, anew: base64(model.save(true)) };
}

function attempt(action) {
  try {
    return action() ?? null;
  } catch (error) {
    return error.message;
  }
}

function change(model, i, factor) {
  const { weights, biases } = model.weights(i);
  model.setWeights(
    i,
    weights.map((w) => w * factor),
    biases.map((b) => b * factor),
  );
}

function probes(model) {
  return [0, 1, 5, 60].map((k) => Array.from({ length: model._nIn }, (_, i) => (k * (7 * i + 3)) % 256));
}

function base64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

export function windows(tp, [size, hop, axes, scale, readings]) {
  const window = new tp.Window(size, { hop, axes, scale });
  return readings.map((reading) => (window.push(reading) ? [...window.features] : null));
}

// The scores of new samples, and the file.
export function anomalies(tp, [n, settings, samples, unseen]) {
  let anomaly = new tp.Anomaly(n, settings);
  samples.forEach((x, i) => {
    anomaly.learn(x);
    if (i === 10) {
      anomaly = tp.Anomaly.load(anomaly.save());
    }
  });
  return [anomaly.seen, unseen.map((x) => attempt(() => anomaly.score(x))), base64(anomaly.save())];
}
