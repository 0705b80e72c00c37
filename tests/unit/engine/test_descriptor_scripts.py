"""Scripts of descriptors, against the test vectors that the BIPs publish."""

from __future__ import annotations

import re

import pytest
from embit import bip32
from embit.descriptor.checksum import add_checksum
from embit.networks import NETWORKS
from embit.script import Script

from headwater.engine import DescriptorUnusableError, watched_scripts

# source: BIP 32, test vectors 1 and 2: the extended public keys that BIP 381 to 389 use too.
V2 = "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL"
V3 = "xpub68NZiKmJWnxxS6aaHmn81bvJeTESw724CRDs6HbuccFQN9Ku14VQrADWgqbhhTHBaohPX4CjNLf9fq9MYo6oDaPPLPxSb7gwQN3ih19Zm4Y"
V2_0 = "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH"
V2_M = "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB"
V2_MH = (
    "xpub69H7F5dQzmVd3vPuLKtcXJziMEQByuDidnX3YdwgtNsecY5HRGtAAQC5mXTt4dsv9RzyjgDjAQs9VGVV6ydYCHnprc9vvaA5YtqWyL6hyds"
)
V1_2 = "xpub6FHa3pjLCk84BayeJxFW2SP4XRrFd1JYnxeLeU8EqN3vDfZmbqBqaGJAyiLjTAwm6ZLRQUMv1ZACTj37sR62cfN7fe5JnJ7dh8zL4fiyLHV"
V1_M = "xpub661MyMwAqRbcGDZQUKLqmWodYLcoBQnQH33yYkkF3jjxeLvY8qr2wWGEWkiKFaaQfJCoi3HeEq3Dc5DptfbCyjD38fNhSqtKc1UHaP4ba3t"
KEY = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"
X_ONLY = KEY[2:]
LONG = f"04{X_ONLY}5b8dec5235a0fa8722476c7709c02559e3aa73aa03918ba2d492eea75abea235"
SIXTEEN = (
    "03669b8afcec803a0d323e9a17f3ea8e68e8abe5a278020a929adbec52421adbd0,"
    "0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600,"
    "0362a74e399c39ed5593852a30147f2959b56bb827dfa3e60e464b02ccf87dc5e8,"
    "0261345b53de74a4d721ef877c255429961b7e43714171ac06168d7e08c542a8b8,"
    "02da72e8b46901a65d4374fe6315538d8f368557dda3a1dcf9ea903f3afe7314c8,"
    "0318c82dd0b53fd3a932d16e0ba9e278fcc937c582d5781be626ff16e201f72286,"
    "0297ccef1ef99f9d73dec9ad37476ddb232f1238aff877af19e72ba04493361009,"
    "02e502cfd5c3f972fe9a3e2a18827820638f96b6f347e54d63deb839011fd5765d,"
    "03e687710f0e3ebe81c1037074da939d409c0025f17eb86adb9427d28f0f7ae0e9,"
    "02c04d3a5274952acdbc76987f3184b346a483d43be40874624b29e3692c1df5af,"
    "02ed06e0f418b5b43a7ec01d1d7d27290fa15f75771cb69b642a51471c29c84acd,"
    "036d46073cbb9ffee90473f3da429abc8de7f8751199da44485682a989a4bebb24,"
    "02f5d1ff7c9029a80a4e36b9a5497027ef7f3e73384a4a94fbfe7c4e9164eec8bc,"
    "02e41deffd1b7cce11cde209a781adcffdabd1b91c0ba0375857a2bfd9302419f3,"
    "02d76625f7956a7fc505ab02556c23ee72d832f1bac391bcd2d3abce5710a13d06,"
    "0399eb0a5487515802dc14544cf10b3666623762fbed2ec38a3975716e2c29c232"
)
IN_TREE = "02df12b7035bdac8e3bab862a3a83d06ea6b17b6753d52edecba9be46f5d09e076"
MULTI_OF_TWO = (
    "512103a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd4104a34b99f22c790c4e36b2b3c2c35a36db06226e41"
    "c692fc82b8b56ac1c540c5bd5b8dec5235a0fa8722476c7709c02559e3aa73aa03918ba2d492eea75abea23552ae"
)
TWO_OF_TWO = tuple(
    f"5221{first}21{second}52ae"
    for first, second in (
        (
            "025d5fc65ebb8d44a5274b53bac21ff8307fec2334a32df05553459f8b1f7fe1b6",
            "02fbd47cc8034098f0e6a94c6aeee8528abf0a2153a5d8e46d325b7284c0467846",
        ),
        (
            "0264fd4d1f5dea8ded94c61e9641309349b62f27fbffe807291f664e286bfbe647",
            "03f4ece6dfccfa37b211eb3d0af4d0c61dba9ef698622dc17eecdf764beeb005a6",
        ),
        (
            "022ccabda84c30bad578b13c89eb3b9544ce149787e5b538175b1d1ba259cbb833",
            "024d902e1a2fc7a8755ab5b694c575fce742c48d9ff192e63df5193e4c7afe1f9c",
        ),
    )
)
FIXED = [
    # BIP 381
    (f"pk({KEY})", f"21{KEY}ac"),
    (f"pk({LONG})", f"41{LONG}ac"),
    (f"pkh([deadbeef/1/2'/3/4']{KEY})", "76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac"),
    (f"pkh([deadbeef/1/2h/3/4h]{KEY})", "76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac"),
    (f"pkh({LONG})", "76a914b5bd079c4d57cc7fc28ecf8213a6b791625b818388ac"),
    (f"sh(pk({KEY}))", "a9141857af51a5e516552b3086430fd8ce55f7c1a52487"),
    (f"sh(pkh({KEY}))", "a9141a31ad23bf49c247dd531a623c2ef57da3c400c587"),
    (f"pkh([bd16bee5/2147483647h]{V2_MH}/0)", "76a914ebdc90806a9c4356c1c88e42216611e1cb4c1c1788ac"),
    (f"pk({V3}/0)", "210379e45b3cf75f9c5f9befd8e9506fb962f6a9d185ac87001ec44a8d3df8d4a9e3ac"),
    # BIP 382
    (f"wpkh({KEY})", "00149a1c78a507689f6f54b847ad1cef1e614ee23f1e"),
    (f"wpkh([ffffffff/13']{V2_0}/1/2/0)", "0014326b2249e3a25d5dc60935f044ee835d090ba859"),
    (f"wsh(pkh({KEY}))", "0020338e023079b91c58571b20e602d7805fb808c22473cbc391a41b1bd3a192e75b"),
    (f"wsh(pk({KEY}))", "00202e271faa2325c199d25d22e1ead982e45b64eeb4f31e73dbdf41bd4b5fec23fa"),
    (f"sh(wsh(pkh({KEY})))", "a914b61b92e2ca21bac1e72a3ab859a742982bea960a87"),
    # BIP 383
    (f"multi(1,{KEY},{LONG})", MULTI_OF_TWO),
    (f"sortedmulti(1,{LONG},{KEY})", MULTI_OF_TWO),
    (f"sh(multi(2,[00000000/111'/222]{V2},{V3}/0))", "a91445a9a622a8b0a1269944be477640eedc447bbd8487"),
    (f"sh(wsh(multi(16,{SIXTEEN})))", "a9147fc63e13dc25e8a95a3cee3d9a714ac3afd96f1e87"),
    # BIP 385
    ("raw(deadbeef)", "deadbeef"),
    (f"raw({MULTI_OF_TWO})", MULTI_OF_TWO),
    ("addr(3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j)", "a914eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee87"),
    # BIP 386
    (f"tr({X_ONLY})", "512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11"),
    (f"tr({KEY})", "512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11"),
    (
        f"tr({X_ONLY},pk(669b8afcec803a0d323e9a17f3ea8e68e8abe5a278020a929adbec52421adbd0))",
        "512017cf18db381d836d8923b1bdb246cfcd818da1a9f0e6e7907f187f0b2f937754",
    ),
    (
        f"tr({X_ONLY},{{pk({V1_2}/0),{{{{pk({V2}),pk({IN_TREE})}},pk({KEY})}}}})",
        "512071fff39599a7b78bc02623cbe814efebf1a404f5d8ad34ea80f213bd8943f574",
    ),
    # Bitcoin Core, doc/descriptors.md: the key as it stands, without a tweak
    (f"rawtr({X_ONLY})", f"5120{X_ONLY}"),
]
RANGED = [
    # BIP 382
    (
        f"wpkh([ffffffff/13']{V2_0}/1/2/*)",
        [
            "0014326b2249e3a25d5dc60935f044ee835d090ba859",
            "0014af0bd98abc2f2cae66e36896a39ffe2d32984fb7",
            "00141fa798efd1cbf95cebf912c031b8a4a6e9fb9f27",
        ],
    ),
    # BIP 383
    (
        f"sortedmulti(2,{V2}/*,{V3}/0/0/*)",
        [
            TWO_OF_TWO[0],
            TWO_OF_TWO[1],
            TWO_OF_TWO[2],
        ],
    ),
    # BIP 386
    (
        f"tr({V2}/0/*,pk({V2}/1/*))",
        [
            "512078bc707124daa551b65af74de2ec128b7525e10f374dc67b64e00ce0ab8b3e12",
            "512001f0a02a17808c20134b78faab80ef93ffba82261ccef0a2314f5d62b6438f11",
            "512021024954fcec88237a9386fce80ef2ced5f1e91b422b26c59ccfc174c8d1ad25",
        ],
    ),
]
UNUSABLE = [
    # BIP 380
    "raw(deadbeef)#",
    "raw(deadbeef)#89f8spxmx",
    "raw(deadbeef)#89f8spx",
    "raw(deedbeef)#89f8spxm",
    "raw(deedbeef)##9f8spxm",
    "raw(\u00dc)#00000000",
    f"pkh([deadbef/0h/0h/0h]{KEY})",
    f"pkh([deadbeeef/0h/0h/0h]{KEY})",
    f"pkh([deadbeef/0f/0f/0f]{KEY})",
    f"pkh([gaaaaaaa]{KEY})",
    "pkh([deadbeef])",
    f"pkh({V2}/2147483648)",
    f"pkh({V2}/1aa)",
    f"wpkh({V2}/3h/*)",
    f"wpkh({V2}/3/*h)",
    # BIP 381
    f"pk(pk({KEY}))",
    f"pkh(pk({KEY}))",
    f"sh({KEY})",
    f"sh(sh(pkh({KEY})))",
    # BIP 382
    f"wpkh({LONG})",
    f"sh(wpkh({LONG}))",
    f"wsh(pk({LONG}))",
    f"wsh(wpkh({KEY}))",
    f"wsh(wsh(pkh({KEY})))",
    f"sh(wsh(wsh(pkh({KEY}))))",
    f"wpkh(wsh(pkh({KEY})))",
    f"wsh({KEY})",
    # BIP 383
    f"sh(multi(16,{SIXTEEN}))",
    f"multi(1,{SIXTEEN})",
    f"multi(a,{KEY},{LONG})",
    f"multi(0,{KEY},{LONG})",
    f"multi(3,{KEY},{LONG})",
    # BIP 385
    "raw(asdf)",
    "addr(asdf)",
    "sh(raw(deadbeef))",
    "wsh(raw(deadbeef))",
    "sh(addr(3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j))",
    # BIP 386
    f"tr({LONG})",
    f"wsh(tr({X_ONLY}))",
    f"sh(tr({X_ONLY}))",
    f"tr({X_ONLY}, pkh({KEY}))",
    # BIP 389
    f"pkh({V2_M}/<0;1>/<2;3>)",
    f"pkh([deadbeef/<0;1>]{V2_M}/0)",
    f"tr({V2_M}/<6;7;8;9>/*,{{pk({V2}/<1;2;3>/0/*),pk({V1_M}/0/0/<3;4;5>/*)}})",
    f"sh(multi(2,{V2}/<1;2;3>/0/*,{V3}/0/*,{V1_M}/0/0/<3;4>/*))",
    f"wpkh({V2_M}/<>/*)",
    f"wpkh({V2_M}/0>/*)",
    f"wpkh({V2_M}/<0/*)",
    f"wpkh({V2_M}/<0;>/*)",
    f"wpkh({V2_M}/<0;0>/*)",
    "",
    "policy(x)",
]


@pytest.mark.parametrize(("descriptor", "script"), FIXED)
def test_a_descriptor_of_one_script(descriptor: str, script: str) -> None:
    found = watched_scripts(descriptor)
    assert (found.is_ranged, found.branches) == (False, 1)
    assert [one.hex() for one in found.at(0)] == [script]
    assert watched_scripts(add_checksum(descriptor)).at(0) == found.at(0)


@pytest.mark.parametrize(("descriptor", "scripts"), RANGED)
def test_a_descriptor_of_many_scripts(descriptor: str, scripts: list[str]) -> None:
    found = watched_scripts(descriptor)
    assert found.is_ranged
    assert [found.at(index)[0].hex() for index in range(3)] == scripts


@pytest.mark.parametrize(
    ("descriptor", "expanded"),
    [
        # BIP 389
        (f"pk({V3}/<0;1>)", [f"pk({V3}/0)", f"pk({V3}/1)"]),
        (f"wpkh([ffffffff/13h]{V2_0}/<1;3>/2/*)", [f"wpkh({V2_0}/1/2/*)", f"wpkh({V2_0}/3/2/*)"]),
        (
            f"multi(2,{V2}/<1;2>/*,{V3}/<3;4>/0/*)",
            [f"multi(2,{V2}/1/*,{V3}/3/0/*)", f"multi(2,{V2}/2/*,{V3}/4/0/*)"],
        ),
        (f"pkh({V2_M}/<0;1;2>)", [f"pkh({V2_M}/{branch})" for branch in range(3)]),
        (
            f"sh(multi(2,{V2}/<1;2;3>/0/*,{V3}/0/*,{V1_M}/0/0/<3;4;5>/*))",
            [f"sh(multi(2,{V2}/{n}/0/*,{V3}/0/*,{V1_M}/0/0/{n + 2}/*))" for n in (1, 2, 3)],
        ),
        (f"tr({V2}/<0;1>/*)", [f"tr({V2}/0/*)", f"tr({V2}/1/*)"]),
        (f"combo({V2}/<0;1>/*)", [f"combo({V2}/0/*)", f"combo({V2}/1/*)"]),
    ],
)
def test_a_multipath_descriptor_is_several(descriptor: str, expanded: list[str]) -> None:
    found = watched_scripts(descriptor)
    assert found.branches == len(expanded)
    for branch, alone in enumerate(expanded):
        assert [found.at(index, branch) for index in range(3)] == [watched_scripts(alone).at(n) for n in range(3)]


def test_combo_is_four_scripts_and_two_of_a_long_key() -> None:
    # BIP 384 has no vectors; it says that each script is the one of the other expression.
    forms = ("pk({})", "pkh({})", "wpkh({})", "sh(wpkh({}))")
    expected = tuple(watched_scripts(form.format(KEY)).at(0)[0] for form in forms)
    assert watched_scripts(f"combo({KEY})").at(0) == expected
    expected = tuple(watched_scripts(form.format(LONG)).at(0)[0] for form in forms[:2])
    assert watched_scripts(f"combo({LONG})").at(0) == expected


@pytest.mark.parametrize("descriptor", UNUSABLE)
def test_what_is_no_descriptor_is_refused_without_its_text(descriptor: str) -> None:
    with pytest.raises(DescriptorUnusableError) as told:
        watched_scripts(descriptor).at(0)
    assert not re.search(r"pub|[0-9a-fA-F]{16}|deadbeef", str(told.value))


@pytest.mark.parametrize("form", ["pk({})", "pkh({})", "combo({})", "wpkh({})", "tr({})", "multi(1,{})", "rawtr({})"])
def test_a_private_key_is_refused_without_being_shown(form: str) -> None:
    private = bip32.HDKey.from_seed(bytes(range(16))).to_base58()
    with pytest.raises(DescriptorUnusableError, match="holds a private key") as told:
        watched_scripts(form.format(private))
    assert private not in str(told.value)


V1_2_CHILD = (
    "xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy"
)
ACCOUNT_86 = (
    "xpub6BgBgsespWvERF3LHQu6CnqdvfEvtMcQjYrcRzx53QJjSxarj2afYWcLteoGVky7D3UKDP9QyrLprQ3VCECoY49yfdDEHGCtMMj92pReUsQ"
)


@pytest.mark.parametrize(
    ("form", "key", "network", "addresses"),
    [
        # SLIP 132, "Bitcoin Test Vectors": accounts of BIP 44, 49 and 84
        (
            "pkh",
            "xpub6BosfCnifzxcFwrSzQiqu2DBVTshkCXacvNsWGYJVVhhawA7d4R5WSWGFNbi8Aw6ZRc1brxMyWMzG3DSSSSoekkudhUd9yLb6qx39T9nMdj",
            "main",
            {(0, 0): "1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA"},
        ),
        (
            "sh(wpkh",
            "ypub6Ww3ibxVfGzLrAH1PNcjyAWenMTbbAosGNB6VvmSEgytSER9azLDWCxoJwW7Ke7icmizBMXrzBx9979FfaHxHcrArf3zbeJJJUZPf663zsP",
            "main",
            {(0, 0): "37VucYSaXLCAsxYyAPfbSi9eh4iEcbShgf"},
        ),
        # BIP 49
        (
            "sh(wpkh",
            "upub5EFU65HtV5TeiSHmZZm7FUffBGy8UKeqp7vw43jYbvZPpoVsgU93oac7Wk3u6moKegAEWtGNF8DehrnHtv21XXEMYRUocHqguyjknFHYfgY",
            "test",
            {(0, 0): "2Mww8dCYPUpKHofjgcXcBCEGmniw9CoaiD2"},
        ),
        # BIP 84
        (
            "wpkh",
            "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs",
            "main",
            {
                (0, 0): "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu",
                (0, 1): "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g",
                (1, 0): "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el",
            },
        ),
        # BIP 86
        (
            "tr",
            ACCOUNT_86,
            "main",
            {
                (0, 0): "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
                (0, 1): "bc1p4qhjn9zdvkux4e44uhx8tc55attvtyu358kutcqkudyccelu0was9fqzwh",
                (1, 0): "bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7",
            },
        ),
    ],
)
def test_accounts_of_bip_44_49_84_and_86(
    form: str, key: str, network: str, addresses: dict[tuple[int, int], str]
) -> None:
    found = watched_scripts(f"{form}({key}/<0;1>/*){')' * form.count('(')}")
    for (branch, index), address in addresses.items():
        assert Script(found.at(index, branch)[0]).address(NETWORKS[network]) == address


def test_children_of_a_public_key_are_those_of_bip_32() -> None:
    # BIP 32, test vector 1: M/0H/1/2H/2 and its child 1000000000
    assert watched_scripts(f"pk({V1_2}/1000000000)").at(0) == watched_scripts(f"pk({V1_2_CHILD})").at(0)
