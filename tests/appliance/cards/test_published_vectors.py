"""Numbers others have published: ICAO Doc 9303 part 11, appendices D (BAC, secure messaging) and G (PACE)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from appliance.cards import bac, cipher
from appliance.cards.apdu import Command, Response
from appliance.cards.bac import BacCard, BacReader
from appliance.cards.cipher import KeyUse, Suite
from appliance.cards.errors import SecureMessagingLost
from appliance.cards.mrz import MrzKey
from appliance.cards.pace import PaceParty
from appliance.cards.secure_messaging import SecureMessaging
from appliance.cards.security_infos import PaceInfo, pace_infos

VECTORS = tomllib.loads(Path(__file__).with_name("icao_pace_vectors.toml").read_text())
PACE_MRZ = MrzKey("T22000129", "640812", "101031")
BAC_MRZ = MrzKey("L898902C", "690806", "940623")


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def chosen(*parts: str):
    """Randomness that is not: gives these values in turn."""
    queue = [unhex(part) for part in parts]

    def random_bytes(count: int) -> bytes:
        part = queue.pop(0)
        assert len(part) == count
        return part

    return random_bytes


# ---------------------------------------------------------------- appendix D


def test_bac_keys_follow_from_the_printed_lines():
    assert BAC_MRZ.information() == b"L898902C<369080619406236"
    seed = bac.key_seed(BAC_MRZ.information())
    assert seed == unhex("239AB9CB282DAF66231DC5A4DF6BFBAE")
    suite = Suite.TRIPLE_DES
    assert cipher.derive_key(suite, seed, KeyUse.ENCRYPTION) == unhex("AB94FDECF2674FDFB9B391F85D7F76F2")
    assert cipher.derive_key(suite, seed, KeyUse.AUTHENTICATION) == unhex("7962D9ECE03D1ACD4C76089DCE131543")


CHALLENGE = "4608F91988702212"
READER_RANDOM = "781723860C06C226"
READER_KEY = "0B795240CB7049B01C19B33E32804F0B"
CARD_KEY = "0B4F80323EB3191CB04970CB4052790B"
REQUEST = (
    "72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2"  # E_IFD
    "5F1448EEA8AD90A7"  # M_IFD
)
REPLY = "46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F2F2D235D074D7449"


def test_bac_as_the_reader_runs_it():
    reader = BacReader(BAC_MRZ.information(), chosen(READER_RANDOM, READER_KEY))
    assert reader.authenticate(unhex(CHALLENGE)) == unhex(REQUEST)
    session = reader.finish(unhex(REPLY))
    assert session is not None
    assert session.key_encryption == unhex("979EC13B1CBFE9DCD01AB0FED307EAE5")
    assert session.key_authentication == unhex("F1CB1F1FB5ADF208806B89DC579DC1F8")


def test_bac_as_the_card_runs_it():
    card = BacCard(BAC_MRZ.information(), chosen(CHALLENGE, CARD_KEY))
    assert card.challenge() == unhex(CHALLENGE)
    answer = card.answer(unhex(REQUEST))
    assert answer is not None
    assert answer[0] == unhex(REPLY)


def bac_session() -> SecureMessaging:
    return SecureMessaging(
        Suite.TRIPLE_DES,
        unhex("979EC13B1CBFE9DCD01AB0FED307EAE5"),
        unhex("F1CB1F1FB5ADF208806B89DC579DC1F8"),
        int("887022120C06C226", 16),
    )


EXCHANGES = [
    (
        Command(0x00, 0xA4, 0x02, 0x0C, unhex("011E")),
        "0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800",
        "990290008E08FA855A5D4C50A8ED9000",
        "",
    ),
    (
        Command(0x00, 0xB0, 0x00, 0x00, b"", 4),
        "0CB000000D9701048E08ED6705417E96BA5500",
        "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000",
        "60145F01",
    ),
    (
        Command(0x00, 0xB0, 0x00, 0x04, b"", 18),
        "0CB000040D9701128E082EA28A70F3C7B53500",
        "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000",
        "04303130365F36063034303030305C026175",
    ),
]


def test_secure_messaging_as_the_reader_runs_it():
    session = bac_session()
    for command, protected, answer, data in EXCHANGES:
        assert session.protect(command).encode() == unhex(protected)
        assert session.open(Response.decode(unhex(answer))) == Response(unhex(data), 0x9000)


def test_secure_messaging_as_the_card_runs_it():
    session = bac_session()
    for command, protected, answer, data in EXCHANGES:
        assert session.open_command(Command.decode(unhex(protected))) == command
        assert session.seal_response(Response(unhex(data), 0x9000)).encode() == unhex(answer)


def test_the_published_answers_in_the_wrong_order_end_the_session():
    session = bac_session()
    session.protect(EXCHANGES[0][0])
    with pytest.raises(SecureMessagingLost):
        session.open(Response.decode(unhex(EXCHANGES[1][2])))


# ---------------------------------------------------------------- appendix G


def test_pace_password_of_the_printed_lines():
    password = PACE_MRZ.pace_password()
    assert password == unhex("7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD")
    key = cipher.derive_key(Suite.AES_128, password, KeyUse.PASSWORD)
    assert key == unhex("89DED1B26624EC1E634C1989302849DD")


def run_pace(oid, agreement, password, vector):
    """Both sides on published secrets; returns the two parties with what they sent."""
    reader = PaceParty(
        oid, agreement, password, chosen(vector["map_private_reader"], vector["private_reader"])
    )
    card = PaceParty(
        oid, agreement, password, chosen(vector["nonce"], vector["map_private_card"], vector["private_card"])
    )
    sent = {"nonce_encrypted": card.make_nonce()}
    reader.set_nonce(sent["nonce_encrypted"])
    sent["map_public_reader"], sent["map_public_card"] = reader.mapping_key(), card.mapping_key()
    reader.map_with(sent["map_public_card"])
    card.map_with(sent["map_public_reader"])
    sent["generator"] = reader._base
    assert reader._base == card._base
    sent["public_reader"], sent["public_card"] = reader.ephemeral_key(), card.ephemeral_key()
    reader.agree_with(sent["public_card"])
    card.agree_with(sent["public_reader"])
    sent["token_reader"], sent["token_card"] = reader.token(), card.token()
    sessions = (reader.accept_token(sent["token_card"]), card.accept_token(sent["token_reader"]))
    assert None not in sessions
    for session in sessions:
        sent["key_encryption"], sent["key_authentication"] = (
            session.key_encryption,
            session.key_authentication,
        )
    return sent


@pytest.mark.parametrize("name", ["g1", "g2"])
def test_pace_generic_mapping(name):
    vector = VECTORS[name]
    oid = unhex(vector["oid"])
    agreement = PaceInfo(oid, vector["parameter_id"], b"").agreement()
    sent = run_pace(oid, agreement, PACE_MRZ.pace_password(), vector)
    assert {key: value.hex().upper() for key, value in sent.items()} == {key: vector[key] for key in sent}


def test_the_suite_of_the_cie():
    """Not published: the numbers of the CIE's own suite, kept so that they never change unnoticed."""
    access = unhex("31143012060A04007F00070202040101020102020102")
    (offer,) = pace_infos(access)
    assert (offer.suite, offer.parameter_id, offer.is_supported) == (Suite.TRIPLE_DES, 2, True)
    key = cipher.derive_key(Suite.TRIPLE_DES, b"123456", KeyUse.PASSWORD)
    assert key == unhex("581568CDA83D64209DCDB9570232610E")
    assert cipher.encrypt_cbc(Suite.TRIPLE_DES, key, unhex("0102030405060708")) == unhex("CBE110FD3D7F1798")
    import hashlib

    order = offer.agreement().group.q
    secret = {
        label: f"{int.from_bytes(hashlib.sha256(label.encode()).digest(), 'big') % order:064X}"
        for label in ("ifd map", "ic map", "ifd eph", "ic eph")
    }
    vector = {
        "nonce": "0102030405060708",
        "map_private_reader": secret["ifd map"],
        "map_private_card": secret["ic map"],
        "private_reader": secret["ifd eph"],
        "private_card": secret["ic eph"],
    }
    sent = run_pace(offer.oid, offer.agreement(), b"123456", vector)
    assert sent["nonce_encrypted"] == unhex("CBE110FD3D7F1798")
    assert sent["key_encryption"] == unhex("32F225455BE98F9D57431CA8BF83977C")
    assert sent["key_authentication"] == unhex("40764913236291BA7C624AB9CE57F47C")
    assert (sent["token_reader"], sent["token_card"]) == (
        unhex("463CC731D50A5208"),
        unhex("FAF8C9B3F295B595"),
    )


def test_a_wrong_password_is_seen_at_the_token():
    vector = VECTORS["g1"]
    oid = unhex(vector["oid"])
    agreement = PaceInfo(oid, vector["parameter_id"], b"").agreement()
    reader = PaceParty(
        oid, agreement, b"111111", chosen(vector["map_private_reader"], vector["private_reader"])
    )
    card = PaceParty(
        oid, agreement, b"222222", chosen(vector["nonce"], vector["map_private_card"], vector["private_card"])
    )
    reader.set_nonce(card.make_nonce())
    to_card, to_reader = reader.mapping_key(), card.mapping_key()
    reader.map_with(to_reader)
    card.map_with(to_card)
    to_card, to_reader = reader.ephemeral_key(), card.ephemeral_key()
    reader.agree_with(to_reader)
    card.agree_with(to_card)
    assert card.accept_token(reader.token()) is None


# ---------------------------------------------------------------- appendix I


CAM = {
    "private": (
        "5D8BB87BD74D985A4B7D4325B9F7B976FE835122773400798914AA22738135CC",
        "76ECFDAA9841C323A3F5FC5E88B88DB3EFF7E35EBF57A7E6946CB630006C2120",
    ),
    "nonce_encrypted": "CB60E8E0D85B76A9BD304747C2AD42E2",
    "map_public_reader": "047F1D410ADB7DDB3B84BF1030800981A9105D7457B4A3ADE002384F3086C67EDE"
    "1AB889104A27DB6D842B019020FBF3CEACB0DC627F7BDCAC29969E19D0E553C1",
    "map_public_card": "04A234236AA9B9621E8EFB73B5245C0E09D2576E5277183C1208BDD55280CAE8B3"
    "04F365713A356E65A451E165ECC9AC0AC46E3771342C8FE5AEDD092685338E23",
    "public_reader": "04446C934084D9DAB863944F219520076C29EE3F7AE6722B11FF319EC1C7728F95"
    "5483400BFF60BF0C5929270009277DC2A515E12575010AD9BA916CF1BF86FEFC",
    "public_card": "0402AD566F3C6EC7F9324509AD50A51FA52030782A4968FCFEDF737DAEA9933331"
    "11C3B9B4C2287789BD137E7F8AA882E2A3C633CCD6ECC2C63C57AD401A09C2E1",
    "chip_public": "041872709494399E7470A6431BE25E83EEE24FEA568C2ED28DB48E05DB3A610DC8"
    "84D256A40E35EFCB59BF6753D3A489D28C7A4D973C2DA138A6E7A4A08F68E16F",
    "token_reader": "E86BD06018A1CD3B",
    "token_card": "8596CF055C67C1A3",
    "key_encryption": "0A9DA4DB03BDDE39FC5202BC44B2E89E",
    "key_authentication": "4B1C06491ED5140CA2B537D344C6C0B1",
    "proof": "1EEA964DAAE372AC990E3EFDE6333353BFC89A6704D93DA8798CF77F5B7A54BD10CBA372B42BE0B9B5F28AA8DE2F4F92",
}


def test_pace_with_chip_authentication_mapping():
    oid = unhex("04007F00070202040602")
    party = PaceParty(
        oid,
        PaceInfo(oid, 13, b"").agreement(),
        MrzKey("C11T002JM", "960812", "231031").pace_password(),
        chosen(*CAM["private"]),
    )
    party.set_nonce(unhex(CAM["nonce_encrypted"]))
    assert party.mapping_key() == unhex(CAM["map_public_reader"])
    party.map_with(unhex(CAM["map_public_card"]))
    assert party.ephemeral_key() == unhex(CAM["public_reader"])
    party.agree_with(unhex(CAM["public_card"]))
    assert party.token() == unhex(CAM["token_reader"])
    session = party.accept_token(unhex(CAM["token_card"]))
    assert (session.key_encryption, session.key_authentication) == (
        unhex(CAM["key_encryption"]),
        unhex(CAM["key_authentication"]),
    )
    assert party.accept_mapping_proof(unhex(CAM["proof"]), unhex(CAM["chip_public"]))
    other = bytearray(unhex(CAM["proof"]))
    other[0] ^= 1
    assert not party.accept_mapping_proof(bytes(other), unhex(CAM["chip_public"]))
    assert not party.accept_mapping_proof(unhex(CAM["proof"]), unhex(CAM["map_public_card"]))
