//! Keys agreed upon with elliptic curves.

use smime_crypto::{
    Curve, DigestAlgorithm, Error, KeyKind, OsRandom, SignatureScheme, Signed,
    asn1::{Tag, Writer},
    read_private_key,
};

use crate::{ec_public, hex, pairs, providers, unhex};

#[test]
fn both_sides_agree_whoever_computes() {
    for (one, other) in pairs() {
        for (curve, a, b) in [
            (Curve::P256, key!("p256-a.pem"), key!("p256-b.pem")),
            (Curve::P384, key!("p384-a.pem"), key!("p384-b.pem")),
            (Curve::P521, key!("p521-a.pem"), key!("p521-b.pem")),
        ] {
            let (a, b) = (
                one.load_private_key(&a).unwrap(),
                other.load_private_key(&b).unwrap(),
            );
            let shared = a.agree(b.public_key()).unwrap();
            assert_eq!(shared.expose().len(), curve.field_length());
            assert_eq!(b.agree(a.public_key()), Ok(shared));
            let kind = KeyKind::Ec(curve);
            let ephemeral = one.ephemeral_key(kind, &OsRandom).unwrap();
            assert_eq!(ephemeral.public_key().kind(), kind);
            assert_eq!(
                ephemeral.agree(b.public_key()),
                b.agree(ephemeral.public_key())
            );
            let second = one.ephemeral_key(kind, &OsRandom).unwrap();
            assert_ne!(second.public_key(), ephemeral.public_key());
        }
    }
}

#[test]
fn agreement_is_the_vector_of_the_standard() {
    // RFC 5903 §8.1 and §8.3: the random ECP groups of 256 and 521 bits.
    for (curve, scalar, peer, shared) in [
        (
            Curve::P256,
            "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
            "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
            "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
        ),
        (
            Curve::P521,
            "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
            "0400d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a",
            "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea",
        ),
    ] {
        let sec1 = Writer::encode(|w| {
            w.sequence(|w| {
                w.small(1);
                w.octet_string(&unhex(scalar));
                w.constructed(Tag::context_constructed(0), |w| w.oid(curve.oid()));
            });
        });
        let pkcs8 = read_private_key(&sec1, None).unwrap();
        for provider in providers() {
            let key = provider.load_private_key(&pkcs8).unwrap();
            let agreed = key.agree(&ec_public(curve, &unhex(peer))).unwrap();
            assert_eq!(hex(agreed.expose()), shared);
        }
    }
}

#[test]
fn points_off_the_curve_and_of_another_curve_are_refused() {
    for provider in providers() {
        let key = provider.load_private_key(&key!("p521-a.pem")).unwrap();
        let mut off = key.public_key().key_bytes().to_vec();
        off[132] ^= 1;
        let (zero, large) = ([0; 132], [0xff; 132]);
        for point in [off, [&[4][..], &zero].concat(), [&[4][..], &large].concat()] {
            let peer = ec_public(Curve::P521, &point);
            assert!(matches!(key.agree(&peer), Err(Error::WrongKey(_))));
            let scheme = SignatureScheme::Ecdsa(DigestAlgorithm::Sha512);
            let signature = key.sign(scheme, Signed::Message(b"x"), &OsRandom).unwrap();
            let verified = provider.verify(&peer, scheme, Signed::Message(b"x"), &signature);
            assert!(matches!(verified, Err(Error::WrongKey(_))), "{provider:?}");
        }
        let key = provider.load_private_key(&key!("p256-a.pem")).unwrap();
        let other = provider.load_private_key(&key!("p384-a.pem")).unwrap();
        let mut off = key.public_key().key_bytes().to_vec();
        off[64] ^= 1;
        let zero = [&[4][..], &[0; 64]].concat();
        let large = [&[4][..], &[0xff; 64]].concat();
        for point in [off, zero, large] {
            let peer = ec_public(Curve::P256, &point);
            assert!(matches!(key.agree(&peer), Err(Error::WrongKey(_))));
            let scheme = SignatureScheme::Ecdsa(DigestAlgorithm::Sha256);
            let signature = key.sign(scheme, Signed::Message(b"x"), &OsRandom).unwrap();
            let verified = provider.verify(&peer, scheme, Signed::Message(b"x"), &signature);
            assert!(matches!(verified, Err(Error::WrongKey(_))), "{provider:?}");
        }
        assert!(matches!(
            key.agree(other.public_key()),
            Err(Error::WrongKey(_))
        ));
        // Compressed points are not PKIX keys of ours (RFC 5480 §2.2): such a key is unknown.
        let compressed = [&[2], &key.public_key().key_bytes()[1..33]].concat();
        assert_eq!(ec_public(Curve::P256, &compressed).kind(), KeyKind::Unknown);
    }
}
