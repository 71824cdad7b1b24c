# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by
# `python -m host_sim digests`, by numpy; every other backend and board must agree.
AFTER_1000 = {
    ("mlp", "Full"): "fd61df92eef87d9cbc97a3bbeff4e796d57e5732777c013c466335a92fdfff6f",
    ("mlp", "TopK"): "ca0d63369d450319ba05578d1e450c9c02a2a00a289a4efc7d762193344ed739",
    ("mlp", "TinyProp"): "41fe319c75e4b480f188beb9065e0308290442d02fe56c23ab3fe9c60c73b3f7",
    ("mlp", "TinyPropV2"): "1b7fa8c06b7bf40c53e2559a0f4cfd936f2a7d0627e65c9cfb4975b785f5e3c4",
    ("mlp", "Diffused"): "962898fe7d3fe446bd3423e3bb309d0fffea8b419e754191c00c6ec7ad6a5b08",
    ("cnn", "Full"): "c307489f89d343e9741490890c7d0b4487126333e2dc3efcceb84ddcad85f862",
    ("cnn", "TopK"): "c399ce4ababa1cd179d926b4223ee02a236dcddb89eb425b294626cbe66b52da",
    ("cnn", "TinyProp"): "a328952afa9a0d76586753bf5a4c53e25a3e5ccb713878eee73667d3f7b0d2d4",
    ("cnn", "TinyPropV2"): "201b7a0b8e2fd4fbfee37dd4e92d3491ca12f593affcc7b8461420a7ef7794b3",
    ("cnn", "Diffused"): "0d501d4c3decd388e33fe5e1d0acdb99fd826c92fc9fc0086cd2d26cbb0d330b",
    ("series", "Full"): "35155b69526625dad09083a1958590dd1fd2426bf2559c277f21ae21247bae7d",
    ("series", "TopK"): "ee777750aa694dab94a0d3e06e132109ff42c132a924379cf0d70b20d0cc2ba4",
    ("series", "TinyProp"): "17af8f8b44f788ad45363bc1a95a34914b6bf2b14b20768f77d4db9bc2cc0e3f",
    ("series", "TinyPropV2"): "3830506014e6714fe3e738f072f7f0a29897d676a2d5c2deb586b3ce3449bc53",
    ("series", "Diffused"): "e499e750f661083e053c7b53b5606642d4db28b394ad359ab4ff75ca8624380a",
    ("autoencoder", "Full"): "7dfb13300a4b6e551be4b61f8087f35dce8e84d061fbfe39bff7b9c54420b56b",
    ("autoencoder", "TopK"): "6fa1c62893277f23c480a06d4c5e5b063ae83d27944ad6bb1653c8e3b418c93f",
    ("autoencoder", "TinyProp"): "58961f9cbe0fe34b863da2930da47917b15b63b2f24eb5ff53bf4a29ab2e009b",
    ("autoencoder", "TinyPropV2"): "e7367e788d25ecaf88154f7e920e147ef43881da0bcb4cb5767774c9e8fe58ea",
    ("autoencoder", "Diffused"): "ee58c089d95b165496886a17e77dc2a985018f8867fde59f68b0f2037e353015",
}
# The same of the small models of test_shapes.py.
SHAPES = {
    "dense, no zeros": "48cc790c983cd69ef98e4a42a5d78bcc0dd014e4341ad9a6e7129b1ef6643356",
    "dense, half zeros": "6fed3d7ffadb5da7c4bb74fcbc07b9a0fab4d0e3a74403c47b6f2e9918dcd7b1",
    "dense, most zeros": "dc6a6c72d3d447b11c66dd4575488d5dfdc13597305c0376b0c932153861d65c",
    "dense, with room": "becd4574c4f8271f432d33bf31777e555b9cd88d51732e4faa48c99a09a96103",
    "depthwise": "16d7ef8af1c1b8542c883dd32b5e1d0de5025bf70016784a24654536d5c8d77b",
    "convolutions": "b4e2f91e9ede0d3659fa1f1e3024b89c808a9c0193e456499f45101893f67564",
    "convolutions, half zeros": "181a7fb1c1bcbc43be1208334fd79976d6ef04026c3ca92cc02f5a5f3f0c808e",
}
# The same of the small models of test_long_rows.py.
ROWS = {
    "long rows": "766517af503519a7bf7ec611f46d3c5fcaf0a7fc9bb3d10e579d0d04a9f9ea79",
    "long rows above a relu": "2483f0559fc4f50db21ef4b5ce64c27aa4de4052beb5376c3a12586a9f6ad49c",
}
