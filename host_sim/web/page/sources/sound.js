// A sound becomes the loudness of its bands, now and a little before.

const BANDS = 16;
const MOMENTS = 3;
const EVERY = 120; // milliseconds
const LOWEST = 100; // hertz
const HIGHEST = 6000;

export const sound = {
  id: "sound",
  title: "Sound",
  hint: "Whistle, clap or hum, and hold a button of step 2 while you do. Teach it silence, too.",
  live: true,
  shape: [BANDS * MOMENTS],
  range: [0, 255],
  times: 1,
  start,
};

const WHAT_TO_DO = {
  NotAllowedError:
    "The browser did not let the page hear you. Press the sign beside its address, allow the microphone, and press Sound again.",
  NotFoundError: "There is no microphone. Plug one in, and press Sound again.",
  NotReadableError: "The microphone is busy. Close what else uses it, and press Sound again.",
};

async function start(stage, onSample) {
  const stream = await listen();
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024, smoothingTimeConstant: 0.3 });
  context.createMediaStreamSource(stream).connect(analyser);
  const levels = new Uint8Array(analyser.frequencyBinCount);
  const bars = Array.from({ length: BANDS }, () => document.createElement("i"));
  const picture = document.createElement("div");
  picture.className = "bars";
  picture.append(...bars);
  stage.replaceChildren(picture);
  let moments = [];
  const timer = setInterval(() => {
    analyser.getByteFrequencyData(levels);
    const bands = bandsOf(levels, context.sampleRate / analyser.fftSize);
    bars.forEach((bar, i) => (bar.style.height = `${(100 * bands[i]) / 255}%`));
    moments = [bands, ...moments].slice(0, MOMENTS);
    if (moments.length === MOMENTS) {
      onSample(moments.flat());
    }
  }, EVERY);
  return {
    stop() {
      clearInterval(timer);
      stream.getTracks().forEach((track) => track.stop());
      context.close();
    },
    clear: () => {},
  };
}

async function listen() {
  if (!navigator.mediaDevices) {
    throw new Error(
      "Browsers let pages hear you only at an address that begins with https, or on this computer itself.",
    );
  }
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: plain });
  } catch (error) {
    throw new Error(WHAT_TO_DO[error.name] ?? `The microphone cannot be used: ${error.message}`);
  }
}

// Mean levels of bands that are each as much higher than the one below.
export function bandsOf(levels, hertz) {
  return Array.from({ length: BANDS }, (_, i) => {
    const [from, to] = [i, i + 1].map((k) => Math.round((LOWEST * (HIGHEST / LOWEST) ** (k / BANDS)) / hertz));
    const band = levels.slice(from, Math.max(to, from + 1));
    return Math.round(band.reduce((a, b) => a + b, 0) / band.length);
  });
}
