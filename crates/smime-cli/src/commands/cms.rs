use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::json;
use smime::{
    RsaPadding, SignatureChoice,
    cms::{
        self, Encryptor, Object, Outcome, Recipient, Sender, SignatureCheck, Signer, SignerReport,
        Summary,
    },
    crypto::{ContentCipher, DigestAlgorithm, KeyTransport, Random},
    mime::{self, MultipartSigned, Pkcs7Mime, SmimeType},
    x509::{Certificate, Purpose},
};

use crate::{
    args::{Cms, DigestWord, Global, Own},
    context::Context,
    failure::{Failure, Judgement, Kind},
    input, json,
    output::Output,
    paths::Paths,
    report::Report,
};

pub(crate) fn run(global: &Global, command: &Cms, report: &Report) -> Result<Judgement, Failure> {
    let mut context = Context::without_store(global)?;
    let mut inputs: Vec<&Path> = global.files().collect();
    match command {
        Cms::Show { file } => show(&context, file, report),
        Cms::Verify {
            file,
            content,
            output,
            judging,
            time,
            no_chain,
        } => {
            inputs.push(file);
            inputs.extend(content.as_deref());
            inputs.extend(judging.files());
            let output = output
                .as_deref()
                .map(|path| Output::open(Some(path), &inputs, report))
                .transpose()?
                .flatten();
            let paths = Paths::read(&mut context, judging)?;
            let chains = paths.verifier(&context);
            let email = judging.path.email.as_slice();
            let check = SignatureCheck {
                chains: (!no_chain).then_some(&chains),
                purpose: paths.purpose.unwrap_or(Purpose::SignMail),
                policies: &paths.policies,
                provider: context.provider,
                algorithms: &context.policy.algorithms,
                pool: &paths.pool,
                sender: match email {
                    [] => Sender::Any,
                    addresses => Sender::Addresses(addresses),
                },
                at: context.now(),
                claimed_time: (*time).into(),
            };
            let content = content.as_deref();
            verify(&context, file, content, output, &check, report)
        }
        Cms::Decrypt { file, output, own } => {
            inputs.push(file);
            inputs.extend(own.files());
            let output = Output::open(output.as_deref(), &inputs, report)?;
            decrypt(&context, file, output, own, report)
        }
        Cms::Sign {
            file,
            output,
            own,
            digest,
            pss,
            opaque,
            der,
        } => {
            inputs.push(file);
            inputs.extend(own.files());
            let out = Output::required(output.as_deref(), &inputs, report)?;
            let signer = signer(&context, own, *digest, *pss)?;
            let form = Form {
                opaque: *opaque,
                der: *der,
            };
            sign(&context, &signer, file, out, form, report)
        }
        Cms::Encrypt {
            file,
            output,
            to,
            cipher,
            oaep,
            der,
        } => {
            inputs.push(file);
            inputs.extend(to.iter().map(PathBuf::as_path));
            let out = Output::required(output.as_deref(), &inputs, report)?;
            let transport = oaep.then_some(KeyTransport::RsaOaep {
                digest: DigestAlgorithm::Sha256,
                mgf: DigestAlgorithm::Sha256,
            });
            let mut certificates = Vec::new();
            for file in to {
                certificates.extend(input::certificates(file)?);
            }
            let envelope = Sealed {
                certificates,
                transport,
                cipher: (*cipher).into(),
                der: *der,
            };
            encrypt(&context, envelope, file, out, report)
        }
    }
}

fn show(context: &Context, file: &Path, report: &Report) -> Result<Judgement, Failure> {
    let input = input::cms(file, &context.limits)?;
    let summary: Summary = cms::show(&input.object, &context.limits)?;
    let value = json::summary(&summary);
    report.result(&value, || {
        let fields = value.as_object().into_iter().flatten();
        let lines: Vec<_> = fields
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        lines.join("\n")
    });
    Ok(Judgement::Good)
}

fn verify(
    context: &Context,
    file: &Path,
    content: Option<&Path>,
    output: Option<Output>,
    check: &SignatureCheck<'_>,
    report: &Report,
) -> Result<Judgement, Failure> {
    let limits = &context.limits;
    let content = content
        .map(|path| input::source(path, limits))
        .transpose()?;
    let signed = input::signed(input::cms(file, limits)?, content, limits)?;
    let outcome = signed.verify(check)?;
    let (signers, content, good) = match &outcome {
        Outcome::Verified(it) => (it.signers(), it.content(), true),
        Outcome::Unverified(it) => (it.signers(), it.content(), false),
    };
    let words = || signer_words(signers);
    match output {
        Some(output) if output.is_standard() => {
            output.take(content)?;
            report.remark(&words());
        }
        output => {
            output.map_or(Ok(()), |output| output.take(content))?;
            report.result(&json::signers(signers, good, context.clock), words);
        }
    }
    Ok(Judgement::of(good))
}

fn signer_words(signers: &[SignerReport]) -> String {
    let lines = signers.iter().map(|signer| {
        let who = signer
            .certificate
            .as_ref()
            .map(|it| it.subject().to_string());
        let verdict = &signer.verdict;
        let who = who.unwrap_or_default();
        format!("{} ({}) {who}", verdict.name(), verdict.code())
    });
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        "no signer".to_owned()
    } else {
        lines.join("\n")
    }
}

fn decrypt(
    context: &Context,
    file: &Path,
    output: Option<Output>,
    own: &Own,
    report: &Report,
) -> Result<Judgement, Failure> {
    let (own, _, key) = context.own(own)?;
    let object = input::cms(file, &context.limits)?.object;
    let Object::Enveloped(envelope) = cms::read(object, &context.limits)? else {
        let detail = "not an envelope";
        return Err(Failure::new(Kind::Input, "input.not_enveloped", detail));
    };
    let cipher = envelope.cipher().ok();
    let (authenticated, content) = context.engine().decrypt(&envelope, &own, &key)?;
    if let Some(output) = output {
        output.take(&content)?;
    }
    if report.is_json() {
        let value = json!({
            "cipher": cipher.map(|it| it.name()),
            "authenticated": authenticated,
            "recipient": json::hex(own.fingerprint()),
        });
        report.result(&value, String::new);
    } else if !authenticated {
        report.remark("the content is not authenticated");
    }
    Ok(Judgement::Good)
}

fn signer(
    context: &Context,
    own: &Own,
    digest: Option<DigestWord>,
    pss: bool,
) -> Result<Signer, Failure> {
    let (own, others, key) = context.own(own)?;
    let choice = SignatureChoice {
        digest: digest.map(Into::into),
        padding: if pss {
            RsaPadding::Pss
        } else {
            RsaPadding::Pkcs1
        },
    };
    let scheme = choice.scheme(own.public_key())?;
    let signer = Signer::without_chain(own, Arc::new(key))?.scheme(scheme)?;
    Ok(signer.also_include(others))
}

/// How `cms sign` writes: around or beside the content, as S/MIME or bare.
#[derive(Clone, Copy)]
struct Form {
    opaque: bool,
    der: bool,
}

fn sign(
    context: &Context,
    signer: &Signer,
    file: &Path,
    mut out: Output,
    form: Form,
    report: &Report,
) -> Result<Judgement, Failure> {
    let content = input::source(file, &context.limits)?;
    let (provider, random, at) = (context.provider, context.random(), context.now());
    if form.der && form.opaque {
        cms::sign_der(signer, &content, provider, random, at, &mut out)?;
    } else if form.der {
        let mut digest = signer.detached(provider, random, at);
        io::copy(&mut content.open()?, &mut digest)?;
        out.write_all(&digest.finish()?)?;
    } else {
        let content = mime::canonical(content);
        out.write_all(b"MIME-Version: 1.0\r\n")?;
        if form.opaque {
            let base64 = Pkcs7Mime::begin(&mut out, SmimeType::SignedData)?;
            let mut signed = signer.opaque(base64, provider, random, at)?;
            io::copy(&mut content.open()?, &mut signed)?;
            signed.finish()?.finish()?;
        } else {
            let mut digest = signer.detached(provider, random, at);
            io::copy(&mut content.open()?, &mut digest)?;
            let micalg = signer.digest().micalg();
            let mut multipart = MultipartSigned::begin(&mut out, micalg, &boundary(random)?)?;
            io::copy(&mut content.open()?, multipart.content())?;
            multipart.finish(&digest.finish()?)?;
        }
    }
    out.keep()?;
    if report.is_json() {
        let value = json!({"signed": true, "digest": signer.digest().name()});
        report.result(&value, String::new);
    }
    Ok(Judgement::Good)
}

/// What `cms encrypt` makes.
struct Sealed {
    certificates: Vec<Certificate>,
    transport: Option<KeyTransport>,
    cipher: ContentCipher,
    der: bool,
}

fn encrypt(
    context: &Context,
    sealed: Sealed,
    file: &Path,
    mut out: Output,
    report: &Report,
) -> Result<Judgement, Failure> {
    let content = input::source(file, &context.limits)?;
    let cipher = sealed.cipher;
    let fingerprints: Vec<_> = sealed
        .certificates
        .iter()
        .map(|it| json::hex(it.fingerprint()))
        .collect();
    let recipients = sealed.certificates.into_iter().map(|certificate| {
        let recipient = Recipient::without_chain(certificate);
        match sealed.transport {
            Some(transport) => recipient.transport(transport),
            None => recipient,
        }
    });
    let encryptor = Encryptor::to(recipients, cipher, context.provider, context.random())?;
    if sealed.der {
        let length = io::copy(&mut content.open()?, &mut io::sink())?;
        let mut envelope = encryptor.wrap_definite(length, &mut out)?;
        io::copy(&mut content.open()?, &mut envelope)?;
        envelope.finish()?;
    } else {
        out.write_all(b"MIME-Version: 1.0\r\n")?;
        let base64 = Pkcs7Mime::begin(&mut out, input::envelope_type(cipher))?;
        let mut envelope = encryptor.wrap(base64)?;
        io::copy(&mut content.open()?, &mut envelope)?;
        envelope.finish()?.finish()?;
    }
    out.keep()?;
    if report.is_json() {
        let value = json!({"encrypted": true, "cipher": cipher.name(), "recipients": fingerprints});
        report.result(&value, String::new);
    }
    Ok(Judgement::Good)
}

fn boundary(random: &dyn Random) -> Result<String, Failure> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    Ok(json::hex(bytes))
}
