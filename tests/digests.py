# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by
# `python -m host_sim digests`, by numpy; every other backend and board must agree.
AFTER_1000 = {
    ("mlp", "Full"): "11f5e7ea031b09e430aff8a5dc2c65021b86074b6f9027409952b6f07a1e138e",
    ("mlp", "TopK"): "dc90e4698c8365c96672f1897a6849ebc4529ef60c0347d51dbd2d47dce37429",
    ("mlp", "TinyProp"): "20c1c9e488165d16c62d72eb00f78ee1d981a2abb25faa0ea15e1e4e86b48274",
    ("mlp", "TinyPropV2"): "b4adfeac59fdda4b329e0726743ab19a035e0d9d6f2f5e974619fd0bae8af61c",
    ("mlp", "Diffused"): "05c943e8cca3015923d64ad56ec0399183f8f50e79ec5c533e6f98828a9807da",
    ("cnn", "Full"): "410599b7561f964457b2e38ce22b97b6d5a6e58e14682085aaea1d2236ef3752",
    ("cnn", "TopK"): "bd91aa76433e621e2ed735fa8e2c3a912abcf647dba8ac5df392183630f6bd38",
    ("cnn", "TinyProp"): "d46f24bff23b1eedcc700317abc4f33ec5e3e7a11c6bd3a4480e8b8d14706327",
    ("cnn", "TinyPropV2"): "f7a80cf73bff772704ea2b15a79d0dcf42e0e5352a12cfb3648867b66d4ab3cc",
    ("cnn", "Diffused"): "7ce8583ddf7f89fbe0abb44e3426bddfd5d7dd3956f1e4c9be70a814025090ee",
    ("series", "Full"): "f59b8b0c753bd60fd3b7891b69f08dd60856cd901d84e684b1f8dc42d04c5105",
    ("series", "TopK"): "61dd7b474cd858776efa6804de727cf500aab891ea16509c39c1975911b44ca2",
    ("series", "TinyProp"): "023157eb1b5958c8b3f009b83f883567039814ac7232e029104c88a14118793f",
    ("series", "TinyPropV2"): "32c6646a862cbf5623dbba5c970b187e251b9bd0404f42860f17fa353db9b0f5",
    ("series", "Diffused"): "536f88a88fef1cd6680de1966a6a23d324b738a54a829431155f75f82cb3ba47",
    ("autoencoder", "Full"): "332c43683230d029f71fa80b742aa419f770501e727e5fbdf4c208d3e01d6ea6",
    ("autoencoder", "TopK"): "ef911e60427660885acf31f4d64cf4f597fc542caef742b820c99840e1d02cd2",
    ("autoencoder", "TinyProp"): "50ef1854f3d040e7b13f6ed899cabd3362dc6119bd58ba5e2cdf2ed69b6ccf26",
    ("autoencoder", "TinyPropV2"): "d84053fca69e5dd44b3e790f3e2aad91f0b18033d227f81b1a58963205dc7225",
    ("autoencoder", "Diffused"): "dcba54939fb8f72776cb26b941377d1f2ac09b6fe60ece039b7e899411055a97",
}
# The same of the small models of test_shapes.py.
SHAPES = {
    "dense, no zeros": "94186d7185f9797566940afea0bdd38e25afb4c4e061c45727460754da1ae0fe",
    "dense, half zeros": "fff5b43ce70edc0871f2b17d97f03b0dacf572cfc842d28fbb010deb70384afd",
    "dense, most zeros": "7d429ee5f68db24ff3b57d5b6d13a0b1a72728ce4541e1575cb286d2ca0c87d8",
    "dense, with room": "67970e62373e7255a60d06b7374820d4605ee5ac03d6196cb1196c3ff8d49e7d",
    "depthwise": "a2d4d5a5012351650704e0fc410fbd4bbc3783b81fcb7da8d8570dea7b3a6fac",
    "convolutions": "71c74846475b02c1a2db1b1c9c37846b486f10e93b57775d1c102db27b46d960",
    "convolutions, half zeros": "8851b488b336ddc89877e17f32563a863ae7e901479765bf1e809c93c33d9cf6",
}
# The same of the small models of test_long_rows.py.
ROWS = {
    "long rows": "43114f494db3f6e441e774fdbaf1bf98f68bd915b4704698553ea520e7fdc8e6",
    "long rows above a relu": "804a162e709731e20cc8fb104a7bd85717cc12c35b6aff8b37c76d49ba30973a",
}
