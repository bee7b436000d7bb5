//! Signatures with elliptic curves.

use smime_crypto::{
    Curve, DigestAlgorithm, Error, OsRandom, Secret, SignatureScheme, Signed,
    asn1::{Reader, Tag, Writer},
    read_private_key,
};

use crate::{NoRandom, hex, providers, unhex};

#[test]
fn ecdsa_signatures_have_one_encoding_and_numbers_in_range() {
    for (pkcs8, order, digest) in [
        (
            key!("p256-a.pem"),
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
            DigestAlgorithm::Sha256,
        ),
        (
            key!("p384-a.pem"),
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
            DigestAlgorithm::Sha384,
        ),
        (
            key!("p521-a.pem"),
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
            DigestAlgorithm::Sha512,
        ),
    ] {
        check_one_encoding(&pkcs8, &unhex(order), SignatureScheme::Ecdsa(digest));
    }
}

fn check_one_encoding(pkcs8: &Secret, order: &[u8], scheme: SignatureScheme) {
    let signature = |r: &[u8], s: &[u8]| {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.unsigned(r);
                w.unsigned(s);
            });
        })
    };
    for provider in providers() {
        let key = provider.load_private_key(pkcs8).unwrap();
        let good = key.sign(scheme, Signed::Message(b"x"), &OsRandom).unwrap();
        let mut outer = Reader::new(&good);
        let mut fields = outer.sequence("").unwrap();
        let (r, s) = (fields.unsigned("").unwrap(), fields.unsigned("").unwrap());
        let mut other_length = good.clone();
        if good[1] == 0x81 {
            // A length in one octet more than it needs.
            other_length[1] = 0x82;
            other_length.insert(2, 0);
        } else {
            other_length.insert(1, 0x81);
        }
        let padded = Writer::encode(|w| {
            w.sequence(|w| {
                w.element(Tag::INTEGER, &[&[0, 0], r].concat());
                w.unsigned(s);
            });
        });
        let three = Writer::encode(|w| {
            w.sequence(|w| [r, s, s].iter().for_each(|number| w.unsigned(number)));
        });
        let negative = Writer::encode(|w| {
            w.sequence(|w| {
                w.element(Tag::INTEGER, &[0x80]);
                w.unsigned(s);
            });
        });
        for bad in [
            signature(&[], s),
            signature(r, &[]),
            signature(order, s),
            signature(r, order),
            signature(&vec![0xff; order.len()], s),
            signature(&vec![1; order.len() + 1], s),
            signature(s, r),
            [r, s].concat(),
            other_length,
            padded,
            [&good[..], &[0]].concat(),
            three,
            negative,
        ] {
            let verified = provider.verify(key.public_key(), scheme, Signed::Message(b"x"), &bad);
            assert_eq!(
                verified,
                Err(Error::BadSignature),
                "{provider:?} {}",
                hex(&bad)
            );
        }
        assert_eq!(
            provider.verify(key.public_key(), scheme, Signed::Message(b"x"), &good),
            Ok(())
        );
    }
}

#[test]
fn deterministic_ecdsa_gives_the_signatures_of_the_standard() {
    // RFC 6979 §A.2.5 to §A.2.7: the message "sample".
    for (curve, scalar, algorithm, r, s) in [
        (
            Curve::P256,
            "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
            DigestAlgorithm::Sha256,
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            Curve::P256,
            "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
            DigestAlgorithm::Sha384,
            "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719",
            "4861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954",
        ),
        (
            Curve::P384,
            "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
            DigestAlgorithm::Sha384,
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46",
            "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
        ),
        (
            Curve::P521,
            "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
            DigestAlgorithm::Sha256,
            "01511bb4d675114fe266fc4372b87682baecc01d3cc62cf2303c92b3526012659d16876e25c7c1e57648f23b73564d67f61c6f14d527d54972810421e7d87589e1a7",
            "004a171143a83163d6df460aaf61522695f207a58b95c0644d87e52aa1a347916e4f7a72930b1bc06dbe22ce3f58264afd23704cbb63b29b931f7de6c9d949a7ecfc",
        ),
        (
            Curve::P521,
            "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
            DigestAlgorithm::Sha512,
            "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa",
            "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a",
        ),
    ] {
        let expected = Writer::encode(|w| {
            w.sequence(|w| {
                w.unsigned(&unhex(r));
                w.unsigned(&unhex(s));
            });
        });
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
            let scheme = SignatureScheme::Ecdsa(algorithm);
            let signature = key
                .sign(scheme, Signed::Message(b"sample"), &NoRandom)
                .unwrap();
            assert_eq!(hex(&signature), hex(&expected));
        }
    }
}
