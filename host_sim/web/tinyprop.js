// A neural network that learns where it runs.
//
//     import * as tp from "./tinyprop.js";
//
//     const m = new tp.Model(3, [tp.Dense(16, { activation: "relu" }), tp.Dense(4)], { inputRange: [-2, 2] });
//     m.learn(x, 2);       // one step: x is what was measured, 2 is what it means
//     m.predict(x);        // what the model makes of it
//
// It is tinyprop.py once more, with its names in JavaScript's spelling, and gives the same bits as boards and PCs do.

export {
  Adaptive,
  AvgPool1D,
  AvgPool2D,
  Conv1D,
  Conv2D,
  Dense,
  DepthwiseConv2D,
  Diffused,
  Full,
  GlobalAvgPool1D,
  GlobalAvgPool2D,
  MaxPool1D,
  MaxPool2D,
  TinyProp,
  TinyPropV2,
  TopK,
} from "./layers.js";
export { Model, load } from "./model.js";
export { Anomaly, Window } from "./sensor.js";
