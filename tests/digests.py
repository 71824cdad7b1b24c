# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by
# `python -m host_sim digests`, that is by numpy; every other backend and board must agree.
AFTER_1000 = {
    ("mlp", "Full"): "6b1d31be18563f27a4b1635b7e688c9d6bb7b9b5a8e0474103633338290e1833",
    ("mlp", "TopK"): "98c5c87cc788237b2d816a80650fddac7663029986dd547b55a4c9c9285c886c",
    ("mlp", "TinyProp"): "e0b9bbab1ae9ac74e674f8673db12491eb96e92491ba5cb171d52c0b3fdee979",
    ("mlp", "TinyPropV2"): "3e174dd57e13a8d29a0ed0bc5fc55ac0bb77594dad7ad5b2c7aed6365fefbe03",
    ("mlp", "Diffused"): "3c2a3d5cb41e5910f522dab4ff9bc04e1d10df6dc987fc2da00877649e3fb541",
    ("cnn", "Full"): "89681f4b08b3ddf2681a08460f187a919b35792337476fc4bba052ea5511d0dd",
    ("cnn", "TopK"): "e03a4e80fe817a9cc839f62e4f734025d241b8f01af578c3b2556a204577e8ae",
    ("cnn", "TinyProp"): "eb4a6d24e148675fef89e00cb7d20373e8f3a5d62ce9a932d3bcd6845779c7ca",
    ("cnn", "TinyPropV2"): "4eac371bfd8267e0344d553c1b4b29947ca59ee96b6bec69aed16bae4791293d",
    ("cnn", "Diffused"): "6f9837a18a0a5404e303cf4b791c4a88a904e338902d66ac865aaafbb3a1d13f",
    ("series", "Full"): "7242f76ec27199d43af1f0473d551d26bc952a98d492806fc6c497f32e6fe0b2",
    ("series", "TopK"): "5c50a049cda79182253a4af7f1d07a9a16a6bc217f775b989675187738962f8f",
    ("series", "TinyProp"): "042fa8af3fe38b63173cfec6ab51a8055f8d193de937a6f09ece57018e882055",
    ("series", "TinyPropV2"): "e7583f4543d3577f92a90d7042b3464d7b560d2537653c25d0252585f13cdfe6",
    ("series", "Diffused"): "6dba418777875d809bcdf7b23a339ae703f7e187367866c0a557d9a50dd46939",
    ("autoencoder", "Full"): "fd6e315df177bd44e9f398eb61640259873fc1936844b1e7c6e08662e0ae89ea",
    ("autoencoder", "TopK"): "49165950a56ac347cf9adccb6fa3f3c268a02206ffc9ab0671f447a9815d069a",
    ("autoencoder", "TinyProp"): "421d2156aac42bb48b8bc3a05174b26890d4a03b81771dc4b62bc2d38bac8fd4",
    ("autoencoder", "TinyPropV2"): "b1a57da13598f667a1d3b410269d2b201977c91db3b8b95830da0f7d7f8790b9",
    ("autoencoder", "Diffused"): "507abb17dc2b4005d3315d1b75d61d25ab167c3f00a522dd6c62a8d389a04ac3",
}
