// The models of tests/portable/test_digest.py in JavaScript, and the SHA-256 of what each has learned after 1,000 steps. It
// runs in node and in a browser; what the digests should be is in tests/portable/digests.py.

// Of tests/portable/data.py.
class Random {
  constructor(seed) {
    this.state = ((seed * 2654435761) % 0x3fffffff) + 1;
  }

  below(n) {
    let v = this.state;
    v ^= v << 13;
    v ^= v >>> 17;
    v ^= v << 5;
    this.state = v >>> 0;
    return (this.state >>> 8) % n;
  }
}

class Blobs {
  constructor(nValues, nClasses, noise = 60, nEach = 8) {
    this.random = new Random(1);
    const below = (n) => this.random.below(n);
    this.samples = Array.from({ length: nClasses }, () => {
      const pattern = Array.from({ length: nValues }, () => below(3) && 1 + below(255 - noise));
      return Array.from({ length: nEach }, () => Uint8Array.from(pattern, (v) => v && v + below(noise)));
    });
  }

  next() {
    const label = this.random.below(this.samples.length);
    const some = this.samples[label];
    return { label, x: some[this.random.below(some.length)] };
  }
}

const MODELS = {
  mlp(tp, policy) {
    const layers = [tp.Dense(12, { activation: "relu" }), tp.Dense(8, { activation: "sigmoid" }), tp.Dense(4)];
    return new tp.Model(16, layers, { policy, lr: 0.05, inputRange: [0, 255] });
  },
  cnn(tp, policy) {
    const layers = [
      tp.Conv2D(4, 3, { padding: "same", activation: "relu" }),
      tp.MaxPool2D(2),
      tp.DepthwiseConv2D(3, { padding: "same", activation: "relu" }),
      tp.Conv2D(5, 2, { strides: 2, activation: "tanh" }),
      tp.AvgPool2D([1, 2]),
      tp.Dense(6, { activation: "relu", trainable: false }),
      tp.Dense(3),
    ];
    return new tp.Model([8, 8, 1], layers, { policy, inputRange: [0, 255] });
  },
  series(tp, policy) {
    const layers = [
      tp.Conv1D(4, 3, { padding: "same", activation: "relu" }),
      tp.Conv1D(6, 3, { strides: 2, activation: "relu" }),
      tp.GlobalAvgPool2D(),
      tp.Dense(3),
    ];
    return new tp.Model([12, 2], layers, { policy, lr: 0.05 });
  },
  autoencoder(tp, policy) {
    const layers = [
      tp.Dense(6, { activation: "relu" }),
      tp.Dense(3),
      tp.Dense(6, { activation: "tanh" }),
      tp.Dense(12),
    ];
    return new tp.Model(12, layers, { loss: "mse", policy, lr: 0.1, outputRange: [0, 255] });
  },
  "layers alone"(tp, policy) {
    return new tp.Model(16, [tp.Dense(12, { activation: "relu" }), tp.Dense(4)], { policy });
  },
  numbers(tp, policy) {
    return new tp.Model(6, [tp.Dense(8, { activation: "relu" }), tp.Dense(6)], { loss: "mse", policy });
  },
};
const POLICIES = ["Full", "TopK", "TinyProp", "TinyPropV2", "Diffused", "Adaptive"];
const HEAD = 5; // bytes of magic and version, which digests leave out
const NUMBERS = { autoencoder: 12, numbers: 6 };
const CLASSES = { mlp: [16, 4], cnn: [64, 3], series: [24, 3], "layers alone": [16, 4] };

export async function sha256(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function digest(tp, name, policy) {
  const model = MODELS[name](tp, tp[policy]());
  const blobs = name in NUMBERS ? new Blobs(NUMBERS[name], 1) : new Blobs(...CLASSES[name]);
  for (let step = 0; step < 1000; step++) {
    const { label, x } = blobs.next();
    model.learn(x, name in NUMBERS ? x : label);
  }
  return sha256(model.save(true).slice(HEAD, -4));
}

// {"mlp Full": digest, ...}, of tp = the module tinyprop.js.
export async function digests(tp) {
  const all = {};
  for (const name of Object.keys(MODELS)) {
    for (const policy of POLICIES) {
      all[`${name} ${policy}`] = await digest(tp, name, policy);
    }
  }
  return all;
}
