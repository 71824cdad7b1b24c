# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by
# `python -m host_sim digests`, that is by numpy; every other backend and board must agree.
AFTER_1000 = {
    ("mlp", "Full"): "48fc13b21db972e836a10d86a9240a2b20695ca49843ae6cfc0d57bc0bfe92f4",
    ("mlp", "TopK"): "4bccb2036f6c19f40735fcf2f63559a05b4586e4dec1193569fb405629515571",
    ("mlp", "TinyProp"): "ea295b27c8fb931ee19710cffa7a4e891450fb02ebb6f2e4345779d29217d2ee",
    ("mlp", "TinyPropV2"): "4dabfc9d9bd1bd38e0cffab442ad40a1d048123e58373a215f48dc48cd1985b2",
    ("mlp", "Diffused"): "194ae61aaf418c4a032c9d1441317d43fef661734f3f964250493c5012b58b8c",
    ("cnn", "Full"): "cc2a5677c741d1cb3100201c8929482cc077e6a01b0faf5bfa1745f61d7ab5d4",
    ("cnn", "TopK"): "10259fa6843ad64c4e16caba8390ed2646858c86d78c6a05a5881e220baf810c",
    ("cnn", "TinyProp"): "c8c9b245696e9548e5c8d21b3baabd0f01c08b27c1ba961ca4f8475054a34b4d",
    ("cnn", "TinyPropV2"): "40f8ae22a1d917eb61f7653400edd05b190be65b9c6234c90e9d98ba0bce2094",
    ("cnn", "Diffused"): "4fc6595fa1cba84dd59e21a45ae49866a57895c02d6d3668c7d4ba3e8a5b2154",
    ("series", "Full"): "69ac057e8cff0b17c84b1f1570af32469519c23c90220bf7a4d257156ee6351f",
    ("series", "TopK"): "2d396c94381137baf855b4b2041efada0665bc31eed2a815756922ab9fbcb4b3",
    ("series", "TinyProp"): "6b7168c0b73f5bd35340dd62a0b226329c51bcbf7e9fae3c3f443908704f4293",
    ("series", "TinyPropV2"): "2e1632a60c9af23228750d3d25ab3a3bf4f1dec0c2ae185bdb4d4fee62bbb454",
    ("series", "Diffused"): "916dcb6b9290e59cdcf682ce45804feec77f6953bd2c5b499c1fcf87f4bebb41",
    ("autoencoder", "Full"): "abcbc32e6733ba6bf102f5c70d1413a447e2c567d1e9b1217b6ffab52b92f334",
    ("autoencoder", "TopK"): "233ae8430863dbcc05338414ab1afcbcb3aa10ea924f3e70004332e2a1941cb0",
    ("autoencoder", "TinyProp"): "3015d411c1263a1a000c36a12f91987c17678f726556a0ba59f2c24e5856da38",
    ("autoencoder", "TinyPropV2"): "fc973ce568814efd71be3a461151c77df6ff06f23cc3eb9c89e86b707f0bbc1a",
    ("autoencoder", "Diffused"): "59662df1db2bf03dd72a35ebe8fde4bb3bc95d25a99f8cd3a2fef3b26d99f402",
}
