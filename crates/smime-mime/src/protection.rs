use smime_io::Source;

use crate::{
    ContentType, Entity, Error, Headers,
    canonical::completed,
    content_type::file_name,
    entity::TEXT,
    multipart::{Boundary, index},
};

/// How an entity is protected, by the claim of its header.
#[derive(Clone, Debug)]
pub enum Protection {
    /// Not at all, or in a way that is not S/MIME.
    None,
    /// The body is a CMS object; these are its bytes.
    Pkcs7(Source),
    /// A content in the clear and a signature beside it (RFC 8551 §3.5.3, RFC 1847 §2.1).
    MultipartSigned {
        /// The first part, header included, in its exact bytes but for line ends, which are CRLF
        /// (RFC 8551 §3.1.1). The line end before the boundary is not in it.
        content: Source,
        /// The second part's body, transfer-decoded: a CMS object.
        signature: Source,
        /// The digest algorithms as the header names them; nothing depends on it being right.
        micalg: Option<String>,
    },
}

/// What a header claims, as far as protection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    None,
    Pkcs7,
    /// `multipart/signed` with the protocol of S/MIME.
    Signed,
    /// `multipart/signed` that does not say which protocol; its second part tells.
    SignedSomehow,
}

impl Claim {
    pub(crate) fn of(headers: &Headers, content_type: &ContentType) -> Self {
        let parameter = |name| content_type.parameter(name).map(str::to_ascii_lowercase);
        match content_type.media_type.as_str() {
            "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
                // Certificates alone protect nothing (RFC 8551 §3.8).
                if parameter("smime-type").as_deref() == Some("certs-only") {
                    Self::None
                } else {
                    Self::Pkcs7
                }
            }
            // Gateways that do not know the type leave the name (RFC 8551 §3.9).
            "application/octet-stream" => {
                let name = file_name(headers, content_type).unwrap_or_default();
                let name = name.to_ascii_lowercase();
                if name.ends_with(".p7m") || name.ends_with(".p7z") {
                    Self::Pkcs7
                } else {
                    Self::None
                }
            }
            "multipart/signed" => match parameter("protocol") {
                None => Self::SignedSomehow,
                Some(protocol) if is_signature(protocol.trim()) => Self::Signed,
                Some(_) => Self::None,
            },
            _ => Self::None,
        }
    }
}

pub(crate) fn of(entity: &Entity) -> Result<Protection, Error> {
    let content_type = entity.content_type()?;
    match Claim::of(entity.headers(), &content_type) {
        Claim::None => Ok(Protection::None),
        Claim::Pkcs7 => Ok(Protection::Pkcs7(entity.decoded_body()?)),
        Claim::Signed => signed(entity, &content_type),
        Claim::SignedSomehow => match signed(entity, &content_type) {
            Err(error) if error.is_about_content() => Ok(Protection::None),
            result => result,
        },
    }
}

/// Takes a `multipart/signed` apart: exactly two parts, the second a signature, the boundary
/// closed (RFC 1847 §2.1).
fn signed(entity: &Entity, content_type: &ContentType) -> Result<Protection, Error> {
    let malformed = |what| Error::malformed(what, entity.body_offset());
    let boundary = Boundary::of(content_type)
        .ok_or_else(|| malformed("multipart/signed without a usable boundary"))?;
    let source = entity.source();
    let index = index(source, entity.body_offset(), boundary, entity.limits())?;
    if !index.is_closed {
        return Err(malformed("multipart/signed without its closing boundary"));
    }
    let [content, signature] = <[_; 2]>::try_from(index.parts)
        .map_err(|_| malformed("multipart/signed that has not two parts"))?;
    let content = source.section(content.block.start, content.end - content.block.start);
    let signature = Entity::of_part(source, signature, TEXT, entity.limits())?;
    if !is_signature(&signature.content_type()?.media_type) {
        return Err(malformed(
            "multipart/signed whose second part is no signature",
        ));
    }
    Ok(Protection::MultipartSigned {
        content: completed(content),
        signature: signature.decoded_body()?,
        micalg: content_type.parameter("micalg").map(str::to_owned),
    })
}

fn is_signature(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/pkcs7-signature" | "application/x-pkcs7-signature"
    )
}

#[cfg(test)]
mod tests;
