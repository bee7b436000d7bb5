//! Looks people up by address in a store that holds a population: `lookups STORE COUNT`.
//!
//! Prints microseconds for each, the store warm: the median of rounds of a thousand addresses
//! spread over all, each asked for again and again.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)] // it may stop
#![allow(clippy::disallowed_methods)] // the benches may measure time

use std::{env, path::Path, time::Instant};

use smime::{
    store::{Embedded, Store as _},
    x509::EmailAddress,
};
use smime_testkit::Population;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [store, count] = arguments.as_slice() else {
        panic!("lookups STORE COUNT");
    };
    let count: u64 = count.parse().unwrap();
    let store = Embedded::open(Path::new(store)).unwrap();
    let addresses: Vec<_> = (0..1000)
        .map(|number| number * count / 1000)
        .map(|number| EmailAddress::new(&Population::address(number)).unwrap())
        .collect();
    let mut rounds: Vec<f64> = (0..22)
        .map(|_| {
            let began = Instant::now();
            for address in &addresses {
                assert_eq!(store.by_address(address).unwrap().len(), 1);
            }
            began.elapsed().as_secs_f64() * 1e6 / 1000.0
        })
        .skip(1)
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{:.2}", rounds[rounds.len() / 2]);
}
