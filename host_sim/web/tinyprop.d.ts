// Types of tinyprop.js. What the names do is in model.js, layers.js and sensor.js.

type Activation = "linear" | "relu" | "sigmoid" | "tanh";
type Size = number | [height: number, width: number];
type Range = [lo: number, hi: number];
type TypedArray =
  Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array;
type Values = TypedArray | number[];
type Nested = TypedArray | (number | Nested)[];
type Sample = Nested | number; // a number, where a sample is one
type Samples = Nested | number;

export interface Layer {
  readonly spec: Uint8Array;
}

export interface Policy {
  readonly text: string;
}

interface OfWeights {
  activation?: Activation;
  trainable?: boolean;
}

interface OfConvolution extends OfWeights {
  strides?: Size;
  padding?: "valid" | "same";
}

export function Dense(units: number, settings?: OfWeights): Layer;
export function Conv2D(filters: number, kernelSize: Size, settings?: OfConvolution): Layer;
export function Conv1D(filters: number, kernelSize: number, settings?: OfConvolution & { strides?: number }): Layer;
export function DepthwiseConv2D(kernelSize: Size, settings?: OfConvolution): Layer;
export function MaxPool2D(poolSize?: Size): Layer;
export function MaxPool1D(poolSize?: number): Layer;
export function AvgPool2D(poolSize?: Size): Layer;
export function AvgPool1D(poolSize?: number): Layer;
export function GlobalAvgPool2D(): Layer;
export function GlobalAvgPool1D(): Layer;

export function Full(): Policy;
export function TopK(settings?: { ratio?: number }): Policy;
export function TinyProp(settings?: { sMin?: number; sMax?: number; zeta?: number }): Policy;
export function TinyPropV2(settings?: { sMin?: number; sMax?: number; zeta?: number; skip?: number }): Policy;
export function Diffused(settings?: { ratio?: number; skip?: number }): Policy;
export function Adaptive(settings?: { ratio?: number; least?: number; skip?: number }): Policy;

export interface Settings {
  loss?: "crossentropy" | "mse";
  lr?: number | null;
  policy?: Policy | null;
  inputRange?: Range | Range[] | null;
  outputRange?: Range | Range[] | null;
  replay?: number;
  seed?: number;
  classes?: string[] | null;
}

export interface Stats {
  steps: number;
  skipped: number;
  replayed: number;
  accuracy: number | null; // null with loss: "mse"
  error: number | number[] | null; // null with loss: "mse" before the first sample
  backwardShare: number;
  backwardShareNonzero: number;
  outside: number;
  saturated: number;
  dead: number[];
  rates: (number | null)[];
}

export class Model {
  constructor(inputShape: number | number[], layers: Layer[], settings?: Settings);
  learn(x: Sample, y: number | string | boolean | Values): boolean;
  learnMany(x: Samples, y: Samples | (number | string)[]): number;
  evaluate(x: Samples, y: Samples | (number | string)[]): number;
  predict(x: Sample): number | string | number[]; // a class, or with loss: "mse" one output or a list
  predictProba(x: Sample): number[];
  knows(x: Sample): boolean;
  get lr(): number | null;
  set lr(value: number | null);
  get inputRange(): Range | Range[] | null;
  set inputRange(value: null);
  get outputRange(): Range | Range[] | null;
  set outputRange(value: null);
  readonly classes: (string | null)[];
  readonly loss: number;
  stats(): Stats;
  check(): string[];
  reset(seed?: number): void;
  weights(i: number): { weights: Float32Array; biases: Float32Array };
  setWeights(i: number, weights: Nested, biases: Values): void;
  summary(): string;
  save(replay?: boolean): Uint8Array;
  toString(): string;
}

// Of tinyprop_sensor.py: docs/api.md.
export class Window {
  constructor(size: number, settings?: { hop?: number | null; axes?: number; scale?: number | null });
  readonly names: string[];
  readonly features: Int32Array;
  push(reading: number | number[] | TypedArray): boolean;
  clear(): void;
}

export class Anomaly {
  constructor(n: number, settings?: { hidden?: number[] | null; inputRange?: Range | Range[] | null; seed?: number });
  readonly model: Model;
  readonly seen: number;
  learn(x: Sample): void;
  score(x: Sample): number;
  save(): Uint8Array;
  static load(bytes: Uint8Array | ArrayBuffer): Anomaly;
}

export function load(bytes: Uint8Array | ArrayBuffer): Model;
