//! Writes the certificates of many people as one PEM file: `population N FILE`.

use std::{
    env,
    fs::File,
    io::{self, BufWriter, Write as _},
};

use smime_testkit::Population;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [count, file] = arguments.as_slice() else {
        return Err(io::Error::other("usage: population N FILE"));
    };
    let count = count.parse().map_err(io::Error::other)?;
    let mut out = BufWriter::new(File::create(file)?);
    Population::new(count).write_pem(&mut out)?;
    out.flush()
}
