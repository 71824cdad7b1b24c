# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by
# `python -m host_sim digests` with numpy; every other backend and board must agree.
AFTER_1000 = {
    ("mlp", "Full"): "fa59202115cfd026b9097fc82bd85f5609d1996375287b6aa2138ffeaade53dc",
    ("mlp", "TopK"): "870d2f8164987dd5117da9bfbb47e558da70adb126de8471d1c19c479f9ada5d",
    ("mlp", "TinyProp"): "5f45ec7fc8859716647221c7a4757a99db95f87c0a52b0cfad0a7f9913baa022",
    ("mlp", "TinyPropV2"): "15deb4472ee62b9a4d59ad9f50f12e89b7545e2dc56f9ac3218eac5b9beda03f",
    ("mlp", "Diffused"): "ea682885f4723328a4f4ac4a389e18a00d50975d9a32917f135bd1e100c86834",
    ("cnn", "Full"): "b5ab98e34f41a2a698b326c49719d4f604c5cddc39109883f4bc3e48bd40e8db",
    ("cnn", "TopK"): "dc446a133c8ddfac0cc5c0b86a2679d2a4835a75fc27e7cc4cdd2820b995d8b3",
    ("cnn", "TinyProp"): "af076b77a6e65948da318ee899ec1e331acffbf8fee40a33003643da6f4db846",
    ("cnn", "TinyPropV2"): "15c382a2d3b92b645f400fc9cf6c8343e387cfe0a175be3ea72f72e3b8429160",
    ("cnn", "Diffused"): "589b72d3ec88803088c9a2d446c80ad721a076d7ac0bf47a66b0a61f78fa0bf2",
    ("series", "Full"): "0658638dc30ef48cc2d6384c76ab391c33025ff0a87636c55b18d1c901df34ff",
    ("series", "TopK"): "17a610f7dc3f3a456794c84b9232e22f0c6dd50abac332cbc6bb51452e1447b2",
    ("series", "TinyProp"): "77436e9c4c2b4ca6cfe54160071eee992713cb56ce0794210799405b760a439c",
    ("series", "TinyPropV2"): "a91a2356ca704bedefd3670b80440d4d283a4181975652cc1698976db22684b9",
    ("series", "Diffused"): "a1cea6ad0e23ea8b64e3e8dcc58cd5d832e077fca39bb1e464001a1b96fa8077",
    ("autoencoder", "Full"): "091dd9b77b9aed126adc57faece408649034d5d60eb13b320ec3d8e26ace03c2",
    ("autoencoder", "TopK"): "62114463a8666b7623d9051ca9c557b73bebf40354a0c511abb2966db31de487",
    ("autoencoder", "TinyProp"): "2c0e74b8344a7f19f157bfa685f93b091f78b151b87ed6498d28625a8fba8b3a",
    ("autoencoder", "TinyPropV2"): "457bb1a78cc0ae5701ce6112e912c8b26b2e01fe3a806799fa3235b69a98d06f",
    ("autoencoder", "Diffused"): "f7facef32489be5c50c640e46f5f1132d0aa7beb5349a010f12dc9657b91beaf",
}
# The same of the small models of test_shapes.py.
SHAPES = {
    "dense, no zeros": "a3df30b25c4d6d81c69203f965016f8c57790bed25640fc58f89f7e8e8cd1bb4",
    "dense, half zeros": "6148056cae889f323e8bb1e0cebb6a1b5297fec8568031b9d834d1de92bfa507",
    "dense, most zeros": "0cee4c5031c5148b610776a2ebafe70923276e1351e76415b29590b6e75a0bbe",
    "dense, with room": "bb9d17f652e7792cb3336aa5d9c7d177dcc77d7b27319c42539e8f1bff89afdb",
    "depthwise": "825aa31ca4cec2e219e20b03860ae92a03b68323b5b3286283ec5b238d2aa623",
    "convolutions": "c13536256dfb7e599d79ca68114ee2ab53dbfe1c357797ad2c3fb6ca0e9fba47",
    "convolutions, half zeros": "d22084ac09386396c5932cd85d76aefb8e0fb4c6ca047f1c5b856b3a9a18e2c5",
}
# The same of the small models of test_long_rows.py.
ROWS = {
    "long rows": "84ffef55358122e4a7a94d176679958ca899334c21d1fab95bbc3c82ea057b6e",
    "long rows above a relu": "f8b474bb28463afa40906275272652dbfe1964fcb80273ae4c0c8130399f561e",
}
