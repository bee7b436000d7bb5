use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use smime::{
    cms,
    crypto::asn1::Reader,
    io::{Limits, Source, Spool},
    mime::{Entity, Protection, SmimeType},
    store,
    x509::{
        Certificate, CertificateBundle, Crl, OcspResponse, ParseError, Revocation,
        RevocationPolicy, TrustStore,
    },
};

use crate::{
    args::{Evidence, Trust},
    failure::{Failure, Kind, Unreadable},
    report::Report,
};

/// Opens a file, or standard input for `-`.
pub(crate) fn reader(path: &Path) -> Result<impl Read + Send + use<>, Failure> {
    let inner: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| Failure::unreadable(path, &error))?)
    };
    Ok(Named {
        inner,
        path: path.to_owned(),
    })
}

/// A reader whose errors say which input could not be read.
struct Named {
    inner: Box<dyn Read + Send>,
    path: PathBuf,
}

impl Read for Named {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.inner.read(out).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => Unreadable::wrap(&self.path, &error),
        })
    }
}

/// Copies a file, or standard input, into a spool.
pub(crate) fn source(path: &Path, limits: &Limits) -> Result<Source, Failure> {
    Ok(Spool::copy(reader(path)?, limits)?)
}

/// Reads a small file.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    reader(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads what is given to trust, and what is given to build chains with.
pub(crate) fn trust(trust: &Trust) -> Result<(TrustStore, CertificateBundle), Failure> {
    let (mut anchors, mut pool) = (TrustStore::new(), CertificateBundle::new());
    for path in &trust.anchor {
        for certificate in certificates(path)? {
            anchors.add(certificate);
        }
    }
    for path in &trust.pool {
        for certificate in certificates(path)? {
            pool.add(certificate);
        }
    }
    Ok((anchors, pool))
}

/// Reads what is given about revoked certificates; `usual` is the policy where none is given.
pub(crate) fn revocation(
    evidence: &Evidence,
    usual: RevocationPolicy,
) -> Result<Revocation, Failure> {
    let policy = evidence.revocation.map_or(usual, RevocationPolicy::from);
    let mut revocation = Revocation::new(policy);
    for path in &evidence.crl {
        for crl in crls(path)? {
            revocation.add_crl(crl);
        }
    }
    for path in &evidence.ocsp {
        for response in values(path, "OCSP RESPONSE")? {
            let response = OcspResponse::from_der(&response);
            revocation.add_response(response.map_err(|error| broken(path, &error))?);
        }
    }
    Ok(revocation)
}

/// Reads every CRL of a file; there must be one at least, and no broken one.
pub(crate) fn crls(path: &Path) -> Result<Vec<Crl>, Failure> {
    let ders = values(path, "X509 CRL")?;
    let crls = ders.iter().map(|der| Crl::from_der(der));
    crls.collect::<Result<_, _>>()
        .map_err(|error| broken(path, &error))
}

fn broken(path: &Path, error: &ParseError) -> Failure {
    let detail = format!("{}: {error}", path.display());
    Failure::new(Kind::Input, error.code(), detail)
}

/// Returns the DER values of a file: the PEM blocks of this label, or DER, or base64 as a whole.
fn values(path: &Path, label: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let bytes = bytes(path)?;
    let mut values = Vec::new();
    if bytes.first() == Some(&0x30) {
        let mut reader = Reader::new(&bytes);
        while !reader.is_empty() {
            let value = reader.any("value").map_err(ParseError::from);
            values.push(value.map_err(|error| broken(path, &error))?.raw.to_vec());
        }
        return Ok(values);
    }
    let text = String::from_utf8_lossy(&bytes);
    if !text.contains("-----BEGIN ") {
        values.push(base64(&text)?);
    }
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    for block in text.split(&begin).skip(1) {
        // What is cut off could be the list that counts.
        let (body, _) = block.split_once(&end).ok_or_else(|| {
            let detail = format!("{}: {label} without its last line", path.display());
            Failure::new(Kind::Input, "input.bad_armour", detail)
        })?;
        values.push(base64(body)?);
    }
    if values.iter().all(Vec::is_empty) {
        let detail = format!("{}: no {label}", path.display());
        return Err(Failure::new(Kind::Input, "input.no_evidence", detail));
    }
    Ok(values)
}

/// Decodes base64 as a MIME body is decoded.
fn base64(text: &str) -> Result<Vec<u8>, Failure> {
    let limits = Limits::default();
    let mut entity = b"Content-Transfer-Encoding: base64\r\n\r\n".to_vec();
    entity.extend_from_slice(text.as_bytes());
    let body = Entity::read(Source::from_bytes(entity), &limits)?.decoded_body()?;
    let mut decoded = Vec::new();
    body.open()?.read_to_end(&mut decoded)?;
    Ok(decoded)
}

/// Reads every certificate of a file; there must be one at least, and no broken one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let mut certificates = Vec::new();
    for item in store::items(&bytes(path)?) {
        match item.content {
            Ok(certificate) => certificates.push(certificate),
            Err(error) if may_be_certificate(item.kind, &error) => {
                let place = format!("{}, byte {}: {error}", path.display(), item.position);
                return Err(Failure::new(Kind::Input, error.code(), place));
            }
            Err(_) => {}
        }
    }
    if certificates.is_empty() {
        return Err(no_certificate(path));
    }
    Ok(certificates)
}

/// Gives every certificate of a file to `take`, and reports each that cannot be read at its place.
///
/// # Errors
/// A [`Failure`] that is reported already when one could not be read, but only after all others were
/// taken; another when there is no certificate.
pub(crate) fn each_certificate(
    path: &Path,
    report: &Report,
    mut take: impl FnMut(&Certificate),
) -> Result<(), Failure> {
    let (mut taken, mut unreadable) = (0_u64, 0_u64);
    // One at a time, so that a file of a million is not held twice.
    store::visit_items(&bytes(path)?, &mut |item| match item.to_item().content {
        Ok(certificate) => {
            taken += 1;
            take(&certificate);
        }
        Err(error) if may_be_certificate(item.kind, &error) => {
            unreadable += 1;
            report.unreadable(path, item.position, error.code(), &error.to_string());
        }
        Err(_) => {}
    });
    if taken + unreadable == 0 {
        return Err(no_certificate(path));
    }
    if unreadable == 0 {
        return Ok(());
    }
    let all = taken + unreadable;
    let detail = format!(
        "{}: {unreadable} of {all} certificates unreadable",
        path.display()
    );
    Err(Failure {
        reported: true,
        ..Failure::new(Kind::Input, "input.unreadable_certificates", detail)
    })
}

/// Says whether a certificate may be lost in what could not be read: passing over it would make
/// another certificate of the file the one that was meant.
fn may_be_certificate(kind: store::ItemKind, error: &store::ImportError) -> bool {
    use store::ImportError::{Astray, BadBase64, BadProperty, Container, Truncated};
    kind == store::ItemKind::Certificate
        || matches!(
            error,
            Astray | BadBase64 | BadProperty(_) | Container(_) | Truncated
        )
}

fn no_certificate(path: &Path) -> Failure {
    let detail = format!("{}: no certificate", path.display());
    Failure::new(Kind::Input, "input.no_certificate", detail)
}

/// A CMS object in whatever form it came.
pub(crate) struct CmsInput {
    /// The object's bytes.
    pub(crate) object: Source,
    /// The content that a multipart/signed carries beside it.
    pub(crate) content: Option<Source>,
}

/// Finds the CMS object in DER or BER, PEM, or an S/MIME entity.
pub(crate) fn cms(path: &Path, limits: &Limits) -> Result<CmsInput, Failure> {
    let source = source(path, limits)?;
    let mut start = Vec::new();
    source.open()?.take(64).read_to_end(&mut start)?;
    let bare = |object| CmsInput {
        object,
        content: None,
    };
    if start.first() == Some(&0x30) {
        return Ok(bare(source));
    }
    if start.starts_with(b"-----BEGIN ") {
        return Ok(bare(armoured(&source, limits)?));
    }
    let entity = Entity::read(source, limits)?;
    match entity.protection()? {
        Protection::Pkcs7(object) => Ok(bare(object)),
        Protection::MultipartSigned {
            content, signature, ..
        } => Ok(CmsInput {
            object: signature,
            content: Some(content),
        }),
        Protection::None => Err(Failure::new(
            Kind::Input,
            "input.not_cms",
            "neither CMS nor an S/MIME entity",
        )),
    }
}

/// Returns what is inside the first PEM block: base64, which is what a MIME body can be in.
fn armoured(source: &Source, limits: &Limits) -> Result<Source, Failure> {
    let text = source.read_to_vec("PEM", limits.structure)?;
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').skip(1);
    let mut entity = b"Content-Transfer-Encoding: base64\r\n\r\n".to_vec();
    for line in lines
        .by_ref()
        .take_while(|line| !line.starts_with(b"-----END "))
    {
        entity.extend_from_slice(line);
    }
    Ok(Entity::read(Source::from_bytes(entity), limits)?.decoded_body()?)
}

/// Reads a CMS object that must be a SignedData.
pub(crate) fn signed(
    input: CmsInput,
    content: Option<Source>,
    limits: &Limits,
) -> Result<cms::SignedMessage, Failure> {
    if let Some(content) = content.or(input.content) {
        return Ok(cms::SignedMessage::detached(
            &input.object,
            content,
            limits,
        )?);
    }
    match cms::read(input.object, limits)? {
        cms::Object::Signed(signed) => Ok(signed),
        _ => Err(Failure::new(
            Kind::Input,
            "input.not_signed",
            "not a SignedData",
        )),
    }
}

/// Returns the smime-type of an envelope by its cipher.
pub(crate) fn envelope_type(cipher: smime::crypto::ContentCipher) -> SmimeType {
    if cipher.is_authenticated() {
        SmimeType::AuthEnvelopedData
    } else {
        SmimeType::EnvelopedData
    }
}
