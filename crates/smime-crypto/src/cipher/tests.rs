use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit, aead::AeadInOut};
use proptest::prelude::*;

use super::*;

#[test]
fn nist_gcm_test_cases_hold() {
    // The test cases 1, 2, 4, 13 and 16 of the GCM submission to NIST.
    let key4 = "feffe9928665731c6d6a8f9467308308";
    let plain4 = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    let aad4 = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    for (key, iv, aad, plaintext, ciphertext, tag) in [
        (
            "00".repeat(16),
            "00".repeat(12),
            "",
            "",
            "",
            "58e2fccefa7e3061367f1d57a4e7455a",
        ),
        (
            "00".repeat(16),
            "00".repeat(12),
            "",
            "00000000000000000000000000000000",
            "0388dace60b6a392f328c2b971b2fe78",
            "ab6e47d42cec13bdf53a67b21257bddf",
        ),
        (
            key4.into(),
            "cafebabefacedbaddecaf888".into(),
            aad4,
            plain4,
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
            "5bc94fbc3221a5db94fae95ae7121a47",
        ),
        (
            "00".repeat(32),
            "00".repeat(12),
            "",
            "",
            "",
            "530f8afbc74536b9a963b4f1c4cb738b",
        ),
        (
            key4.repeat(2),
            "cafebabefacedbaddecaf888".into(),
            aad4,
            plain4,
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b",
        ),
    ] {
        let key = Secret::new(hex(&key));
        let cipher = if key.expose().len() == 16 {
            ContentCipher::Aes128Gcm
        } else {
            ContentCipher::Aes256Gcm
        };
        let (sealed, made) = seal(cipher, &key, &hex(&iv), &hex(aad), &hex(plaintext), &[]);
        assert_eq!((sealed, made), (hex(ciphertext), hex(tag)));
    }
}

#[test]
fn nist_cbc_vectors_hold() {
    // SP 800-38A appendix F.2.1 and F.2.5, the first two blocks.
    let plaintext = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    let iv = hex("000102030405060708090a0b0c0d0e0f");
    for (key, ciphertext) in [
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
        ),
        (
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
        ),
    ] {
        let key = Secret::new(hex(key));
        let cipher = if key.expose().len() == 16 {
            ContentCipher::Aes128Cbc
        } else {
            ContentCipher::Aes256Cbc
        };
        let (sealed, tag) = seal(cipher, &key, &iv, &[], &plaintext, &[]);
        assert_eq!(sealed[..32], hex(ciphertext));
        assert_eq!((sealed.len(), tag.len()), (48, 0));
        assert_eq!(open(cipher, &key, &iv, &sealed, &[]), Ok(plaintext.clone()));
    }
}

#[test]
fn keys_and_vectors_of_another_length_are_refused() {
    for cipher in ContentCipher::ALL {
        let key = Secret::new(vec![1; cipher.key_length()]);
        let iv = vec![2; cipher.iv_length()];
        for wrong in [0, 15, 17, 24, 31, 33, 48 - cipher.key_length()] {
            let wrong = Secret::new(vec![1; wrong]);
            assert!(matches!(
                Sealer::new(cipher, &wrong, &iv, &[]),
                Err(Error::WrongKey(_))
            ));
            assert!(matches!(
                Opener::new(cipher, &wrong, &iv),
                Err(Error::WrongKey(_))
            ));
        }
        for wrong in [0, 8, 13, 28 - cipher.iv_length()] {
            let wrong = vec![2; wrong];
            assert!(matches!(
                Sealer::new(cipher, &key, &wrong, &[]),
                Err(Error::Unsupported(_))
            ));
            assert!(matches!(
                Opener::new(cipher, &key, &wrong),
                Err(Error::Unsupported(_))
            ));
        }
        let checker = Checker::new(cipher, &key, &iv, &[]);
        assert_eq!(checker.is_ok(), cipher.is_authenticated());
        assert_eq!(
            Sealer::new(cipher, &key, &iv, b"aad").is_ok(),
            cipher.is_authenticated()
        );
    }
}

#[test]
fn a_tag_is_refused_when_anything_changes() {
    let cipher = ContentCipher::Aes256Gcm;
    let (key, iv, aad) = (Secret::new(vec![3; 32]), [4; 12], b"attributes");
    let (sealed, tag) = seal(cipher, &key, &iv, aad, &[5; 100], &[]);
    let check = |key: &Secret, iv: &[u8], aad: &[u8], sealed: &[u8], tag: &[u8]| {
        let mut checker = Checker::new(cipher, key, iv, aad).unwrap();
        checker.update(sealed);
        checker.finish(tag)
    };
    let refused = Err(Error::DecryptFailed);
    for length in 0..=tag.len() {
        let expected = if length < 12 { refused } else { Ok(()) };
        assert_eq!(
            check(&key, &iv, aad, &sealed, &tag[..length]),
            expected,
            "{length} bytes of tag"
        );
    }
    assert_eq!(
        check(&key, &iv, aad, &sealed, &[&tag[..], &[0]].concat()),
        refused
    );
    for bit in 0..8 * sealed.len() {
        let mut altered = sealed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(check(&key, &iv, aad, &altered, &tag), refused);
    }
    for bit in 0..8 * tag.len() {
        let mut altered = tag.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(check(&key, &iv, aad, &sealed, &altered), refused);
    }
    assert_eq!(check(&key, &iv, aad, &sealed[1..], &tag), refused);
    assert_eq!(check(&key, &iv, b"attribute", &sealed, &tag), refused);
    assert_eq!(
        check(&key, &iv, &[], &[&aad[..], &sealed].concat(), &tag),
        refused
    );
    assert_eq!(check(&key, &[5; 12], aad, &sealed, &tag), refused);
    assert_eq!(
        check(&Secret::new(vec![4; 32]), &iv, aad, &sealed, &tag),
        refused
    );
}

#[test]
fn only_whole_blocks_with_whole_padding_open() {
    let cipher = ContentCipher::Aes128Cbc;
    let (key, iv) = (Secret::new(vec![3; 16]), [4; 16]);
    let failed = Err(Error::DecryptFailed);
    assert_eq!(open(cipher, &key, &iv, &[], &[]), failed);
    for length in 1..48 {
        let (sealed, _) = seal(cipher, &key, &iv, &[], &[5; 40], &[]);
        if length % 16 != 0 {
            assert_eq!(
                open(cipher, &key, &iv, &sealed[..length], &[]),
                failed,
                "{length} bytes"
            );
        }
    }
    // Blocks as they stand after decryption, with every kind of padding but the right one.
    let mut wrong = vec![[0; 16], [17; 16], [255; 16]];
    for length in 2..=16_u8 {
        for position in 1..length {
            let mut block = [length; 16];
            block[15 - usize::from(position)] ^= 1;
            wrong.push(block);
        }
    }
    for block in wrong {
        assert_eq!(
            open(cipher, &key, &iv, &raw_block(&key, &iv, block), &[]),
            failed,
            "{block:?}"
        );
    }
    for length in 1..=16_u8 {
        let mut block = [0; 16];
        block[16 - usize::from(length)..].fill(length);
        let content = block[..16 - usize::from(length)].to_vec();
        assert_eq!(
            open(cipher, &key, &iv, &raw_block(&key, &iv, block), &[]),
            Ok(content)
        );
    }
}

#[test]
fn a_failed_end_appends_nothing() {
    let (key, iv) = (Secret::new(vec![3; 16]), [4; 16]);
    let mut opener = Opener::new(ContentCipher::Aes128Cbc, &key, &iv).unwrap();
    let mut out = Vec::new();
    opener.update(&raw_block(&key, &iv, [0; 16]), &mut out);
    assert_eq!(opener.finish(&mut out), Err(Error::DecryptFailed));
    assert!(out.is_empty());
}

#[test]
fn nothing_secret_is_printed() {
    let (key, iv) = (Secret::new(vec![0xab; 16]), [4; 12]);
    let cipher = ContentCipher::Aes128Gcm;
    assert_eq!(
        format!("{:?}", Sealer::new(cipher, &key, &iv, &[]).unwrap()),
        "Sealer"
    );
    assert_eq!(
        format!("{:?}", Checker::new(cipher, &key, &iv, &[]).unwrap()),
        "Checker"
    );
    assert_eq!(
        format!("{:?}", Opener::new(cipher, &key, &iv).unwrap()),
        "Opener"
    );
}

proptest! {
    #[test]
    fn gcm_in_pieces_is_the_one_shot_cipher(
        key in prop::collection::vec(any::<u8>(), 32),
        iv in any::<[u8; 12]>(),
        aad in prop::collection::vec(any::<u8>(), 0..50),
        plaintext in prop::collection::vec(any::<u8>(), 0..600),
        cuts in prop::collection::vec(0_usize..80, 0..20),
        long in any::<bool>(),
    ) {
        let cipher = if long { ContentCipher::Aes256Gcm } else { ContentCipher::Aes128Gcm };
        let key = &key[..cipher.key_length()];
        let mut expected = plaintext.clone();
        let nonce = iv.into();
        let expected_tag = if long {
            let one_shot = Aes256Gcm::new_from_slice(key).unwrap();
            one_shot.encrypt_inout_detached(&nonce, &aad, expected.as_mut_slice().into()).unwrap()
        } else {
            let one_shot = Aes128Gcm::new_from_slice(key).unwrap();
            one_shot.encrypt_inout_detached(&nonce, &aad, expected.as_mut_slice().into()).unwrap()
        };
        let key = Secret::from(key);
        let (sealed, tag) = seal(cipher, &key, &iv, &aad, &plaintext, &cuts);
        prop_assert_eq!(&sealed, &expected);
        prop_assert_eq!(&tag[..], &expected_tag[..]);
        let mut checker = Checker::new(cipher, &key, &iv, &aad).unwrap();
        pieces(&sealed, &cuts).for_each(|piece| checker.update(piece));
        prop_assert_eq!(checker.finish(&tag), Ok(()));
        prop_assert_eq!(open(cipher, &key, &iv, &sealed, &cuts), Ok(plaintext));
    }

    #[test]
    fn cbc_does_not_depend_on_the_cuts(
        key in prop::collection::vec(any::<u8>(), 32),
        iv in any::<[u8; 16]>(),
        plaintext in prop::collection::vec(any::<u8>(), 0..600),
        cuts in prop::collection::vec(0_usize..80, 0..20),
        other_cuts in prop::collection::vec(0_usize..80, 0..20),
    ) {
        for cipher in [ContentCipher::Aes128Cbc, ContentCipher::Aes256Cbc] {
            let key = Secret::from(&key[..cipher.key_length()]);
            let (whole, _) = seal(cipher, &key, &iv, &[], &plaintext, &[]);
            let (sealed, _) = seal(cipher, &key, &iv, &[], &plaintext, &cuts);
            prop_assert_eq!(&sealed, &whole);
            prop_assert_eq!(sealed.len(), plaintext.len() / 16 * 16 + 16);
            prop_assert_eq!(open(cipher, &key, &iv, &sealed, &other_cuts), Ok(plaintext.clone()));
        }
    }

    #[test]
    fn altered_cbc_never_panics(sealed in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = open(ContentCipher::Aes256Cbc, &Secret::new(vec![1; 32]), &[2; 16], &sealed, &[7]);
    }
}

fn seal(
    cipher: ContentCipher,
    key: &Secret,
    iv: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    cuts: &[usize],
) -> (Vec<u8>, Vec<u8>) {
    let mut sealer = Sealer::new(cipher, key, iv, aad).unwrap();
    let mut out = Vec::new();
    pieces(plaintext, cuts).for_each(|piece| sealer.update(piece, &mut out));
    let tag = sealer.finish(&mut out);
    (out, tag)
}

fn open(
    cipher: ContentCipher,
    key: &Secret,
    iv: &[u8],
    sealed: &[u8],
    cuts: &[usize],
) -> Result<Vec<u8>, Error> {
    let mut opener = Opener::new(cipher, key, iv)?;
    let mut out = Vec::new();
    pieces(sealed, cuts).for_each(|piece| opener.update(piece, &mut out));
    opener.finish(&mut out)?;
    Ok(out)
}

/// Encrypts one block as it is, without padding.
fn raw_block(key: &Secret, iv: &[u8], block: [u8; 16]) -> Vec<u8> {
    let (mut sealed, _) = seal(ContentCipher::Aes128Cbc, key, iv, &[], &block, &[]);
    sealed.truncate(16);
    sealed
}

fn pieces<'a>(bytes: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    let last = [usize::MAX];
    let cuts: Vec<usize> = cuts.iter().chain(&last).copied().collect();
    cuts.into_iter().map(move |cut| {
        let (piece, tail) = rest.split_at(cut.min(rest.len()));
        rest = tail;
        piece
    })
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}
