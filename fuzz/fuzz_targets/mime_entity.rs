//! Any bytes are an entity or a typed error, and every view of it reads to its end or fails.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::{
    io::{Limits, Source},
    mime::{Entity, Protection},
};
use smime_fuzz::{drain, small_limits};

fuzz_target!(|mail: &[u8]| {
    let limits = small_limits();
    let Ok(entity) = Entity::read(Source::from_bytes(mail), &limits) else {
        return;
    };
    assert_eq!(
        drain(entity.source()).expect("memory reads"),
        mail,
        "an entity keeps its bytes"
    );
    look_into(&entity, &limits);

    for part in entity.parts(&limits).unwrap_or_default() {
        look_into(&part, &limits);
    }
    for part in entity.nested_protections(&limits).unwrap_or_default() {
        assert!(
            !matches!(part.protection(), Ok(Protection::None)),
            "what is reported as protected claims protection"
        );
    }
});

fn look_into(entity: &Entity, limits: &Limits) {
    for field in ["From", "To", "Cc", "Subject"] {
        let _ = entity.headers().text(field);
        let _ = entity.headers().addresses(field);
    }
    let _ = entity.content_type();
    let _ = entity.check_complete(limits);
    let first = entity.decoded_body().map(|body| drain(&body).ok());
    let second = entity.decoded_body().map(|body| drain(&body).ok());
    assert_eq!(first.ok(), second.ok(), "a second pass sees the same bytes");
    match entity.protection() {
        Ok(Protection::Pkcs7(object)) => drop(drain(&object)),
        Ok(Protection::MultipartSigned {
            content, signature, ..
        }) => {
            let body = drain(&entity.body()).expect("memory reads");
            let content = drain(&content).unwrap_or_default();
            assert!(
                content.len() <= 2 * body.len(),
                "canonical text is at most twice as long"
            );
            let _ = drain(&signature);
        }
        _ => {}
    }
    if let Ok(outgoing) = entity.outgoing() {
        let _ = drain(&outgoing.entity);
    }
}
