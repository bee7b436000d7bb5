use super::*;

fn content(disk: &Disk) -> Vec<u8> {
    let length = usize::try_from(disk.len().unwrap()).unwrap();
    let mut content = vec![0; length];
    disk.read(0, &mut content).unwrap();
    content
}

fn holding(content: &[u8]) -> Disk {
    let disk = Disk::new();
    disk.set_len(u64::try_from(content.len()).unwrap()).unwrap();
    disk.write(0, content).unwrap();
    disk
}

/// Returns every state in which a process that is killed while it makes a store can leave the file.
fn half_made() -> Vec<Vec<u8>> {
    let mut states = Vec::new();
    for writes in 0.. {
        let disk = Disk::new();
        disk.writes_left.store(writes, Ordering::SeqCst);
        let made = Embedded::with_backend(disk.clone(), LIMITS).is_ok();
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        states.push(content(&disk));
        if made && left > 0 {
            return states;
        }
    }
    states
}

#[test]
fn power_that_fails_while_a_store_is_made_is_made_good_by_opening_it_again() {
    let all = people(3);
    let states = half_made();
    let begun = |state: &&Vec<u8>| !state.is_empty() && !state.starts_with(b"redb");
    assert!(states.iter().filter(begun).count() >= 2, "{}", states.len());
    for (writes, state) in states.iter().enumerate() {
        let disk = holding(state);
        let store = Embedded::with_backend(disk.clone(), LIMITS)
            .unwrap_or_else(|error| panic!("{error:?} after {writes} writes"));
        assert!(store.certificates().unwrap().is_empty());
        store.add_certificates(&all, NOW).unwrap();
        drop(store);
        assert_found(&Embedded::with_backend(disk, LIMITS).unwrap(), &all);
    }
}

#[test]
fn a_file_that_is_nearly_a_store_half_made_is_foreign_and_stays_as_it_is() {
    let states = half_made();
    let begun = |state: &&Vec<u8>| state.starts_with(&[0; 9]);
    let (empty, header) = {
        let mut begun = states.iter().filter(begun);
        (begun.next().unwrap(), begun.next_back().unwrap())
    };
    assert!(empty.iter().all(|byte| *byte == 0) && header.iter().any(|byte| *byte != 0));
    let last = empty.len() - 1;
    let with = |state: &Vec<u8>, at: usize| {
        let mut other = state.clone();
        other[at] ^= 1;
        other
    };
    let mut others = vec![
        empty[..last].to_vec(),
        header[..last].to_vec(),
        [&empty[..], &[0]].concat(),
        [&header[..], &[0]].concat(),
        vec![0; 9],
        vec![0; 4096],
    ];
    for at in (0..320).chain([320, 4095, 4096, last / 2, last]) {
        others.push(with(empty, at));
        others.push(with(header, at));
    }
    for other in others {
        let disk = holding(&other);
        let error = Embedded::with_backend(disk.clone(), LIMITS).unwrap_err();
        assert!(matches!(error, Error::ForeignFile), "{error:?}");
        assert!(content(&disk) == other);
    }
}

#[test]
fn a_store_that_another_is_making_is_locked_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    for state in half_made()
        .iter()
        .filter(|state| state.starts_with(&[0; 9]))
    {
        std::fs::write(&path, state).unwrap();
        let other = FileBackend::new(opening::open_file(&path).unwrap()).unwrap();
        let all = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        assert!(other.try_lock_range(all.0, all.1).unwrap());
        let error = Embedded::open(&path).unwrap_err();
        assert!(matches!(error, Error::Locked), "{error:?}");
        assert!(std::fs::read(&path).unwrap() == *state);
        drop(other);
        assert!(
            Embedded::open(&path)
                .unwrap()
                .certificates()
                .unwrap()
                .is_empty()
        );
    }
}
