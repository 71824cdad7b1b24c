# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by
# `python -m host_sim digests` with numpy; every other backend and board must agree.
AFTER_1000 = {
    ("mlp", "Full"): "0c9ce82f060eacbf6d5d52eca391eecdaef0e01d15914da832fabba43d2ced04",
    ("mlp", "TopK"): "7478bee3a01c973b8bbd8cf198f925bed13ae3aed31977f169ccaf8576016c3b",
    ("mlp", "TinyProp"): "d8ae84b4aeb866fcb34fe8b0fbbc570f36556a45d305f377ebbb7d3f5db32284",
    ("mlp", "TinyPropV2"): "6934e8f50a61bf9708321c8ff6042df7a2b59642b1851e51c1a6d7ce9bdfc268",
    ("mlp", "Diffused"): "e6d827b42b0da557f486bee1f6746d44c533fe77c55d7f6fdc555f50e3d8fdab",
    ("cnn", "Full"): "1d782b60a3aec45f6c7656cde05ea02850c1f6b65b247a52a3011a1a7f38a943",
    ("cnn", "TopK"): "2b4766e44b07423fae12891aa3629b818c3d5b20a8628d975069ff3579f32dc8",
    ("cnn", "TinyProp"): "a853e2d2f18de83a8d05c07812161e98c5fa1978b278876bb66ec3deb910d054",
    ("cnn", "TinyPropV2"): "629343b703334e8236ece3226ad314dd0ac93155c4ebf5f98188786b51c31e10",
    ("cnn", "Diffused"): "9d8f65ce024cc4e036ca5ff7f6a6f427310f843dcf0dd80f41b9ccabc5e9e9b1",
    ("series", "Full"): "9fa5258c37a320a8cdcd1fcb3209736f4e3c992c3cf3a4cdc5fc4ea99fe068aa",
    ("series", "TopK"): "0b895a2495c80c4dcd06408ae31c29630a9236abf9e81f13328337760c5fe263",
    ("series", "TinyProp"): "2e6acd1152f9bfe679ca5747622561775833e76fcc0c97664de9e3b73222fdc0",
    ("series", "TinyPropV2"): "546ad0f63d41a76928c13e52339a10d12294fb3dd779438dba00e5d991c9fcbb",
    ("series", "Diffused"): "358f5f83163aa2cf7eadf9dba693393bdd5297c318d32814be8057a509e278bd",
    ("autoencoder", "Full"): "e26b08ecfddf864b372ea1281c487d56b24d2df074a8f39853e03796bf08313f",
    ("autoencoder", "TopK"): "448c912a3f23cc37285d7729827120499414295f109b2e6c6693ee4ca4c502aa",
    ("autoencoder", "TinyProp"): "4d7a500185328fbd15fd0061de1d4158b7c94faa0668e88b4d00b4223939d0e9",
    ("autoencoder", "TinyPropV2"): "b2ee38fb6ff95a9e4a19aa1ede0b0d3f87220c7f4c53b8bb8b4e814c197e5b66",
    ("autoencoder", "Diffused"): "144568cccd75159efc92949f97797bf25bed36bfa7ac8b21045ff36b25bd5e49",
}
# The same of the small models of test_shapes.py.
SHAPES = {
    "dense, no zeros": "86723cd00d5a7667b8ee587b1c17bc447098f464f21ce99410e61c0b7b42ff34",
    "dense, half zeros": "30edf75b8e75621aaa21118fd6fde3dc76525af8ac859ff095e8bc01f8da26ec",
    "dense, most zeros": "9058c00428d996be63680aafc9446d9ca95b6f433078a93248c876244ac1f487",
    "dense, with headroom": "4583db89195a638cda48f887460c189d257c7cd2c3e35d6d1d750f05471d45b0",
    "depthwise": "3c83ee0cf7f09af47993c6043d93d937c0577fd854d659d44c7093f5e92269f8",
    "convolutions": "25776c2f62c61445ff9be0c88670ee7bb94adac84bd1e352257d7ad454c0547f",
    "convolutions, half zeros": "183128482a381cc6d3b23c04875112ad347df1baf8f28dd8860d66c6fafe0569",
}
# The same of the small models of test_long_rows.py.
ROWS = {
    "long rows": "eae601b6b1caf4e28ae4d5a8b3cb349d491554144411f9b5fbe303797723632d",
    "long rows above a relu": "8dab929e7722794aaf07f50f8c6332b62380ff45ec167a478209a0d85f3d7762",
}
