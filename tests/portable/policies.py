# Every policy of the API, by its name.
import tinyprop as tp

POLICIES = {
    "Full": tp.Full,
    "TopK": tp.TopK,
    "TinyProp": tp.TinyProp,
    "TinyPropV2": tp.TinyPropV2,
    "Diffused": tp.Diffused,
    "Adaptive": tp.Adaptive,
}
