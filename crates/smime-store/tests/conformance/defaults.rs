use smime_store::{Binding, Defaults, Impossible, Level, Mode, Scope};

use crate::on_every_store;

fn scope(text: &str) -> Scope {
    Scope::new(text).unwrap()
}

const STRICT: Defaults = Defaults {
    sign: Level {
        mode: Mode::Always,
        binding: Binding::Mandatory,
    },
    encrypt: Level {
        mode: Mode::Never,
        binding: Binding::Default,
    },
    impossible: Impossible::Discard,
};

#[test]
fn defaults_come_back_as_they_were_set() {
    on_every_store(|place| {
        let (sales, domain) = (scope("Sales"), scope("@Example.com"));
        let address = scope("\"ada..lovelace\"@example.com");
        let store = place.store();
        store.set_defaults(&address, Some(&STRICT)).unwrap();
        store
            .set_defaults(&domain, Some(&Defaults::STANDARD))
            .unwrap();
        store
            .set_defaults(&sales, Some(&Defaults::STANDARD))
            .unwrap();
        store.set_defaults(&sales, Some(&STRICT)).unwrap();
        place.reopen();
        let store = place.store();
        assert_eq!(store.defaults(&sales).unwrap(), Some(STRICT));
        let same = scope("@EXAMPLE.COM");
        assert_eq!(store.defaults(&same).unwrap(), Some(Defaults::STANDARD));
        let all = store.all_defaults().unwrap();
        let wanted = [
            (sales.clone(), STRICT),
            (domain, Defaults::STANDARD),
            (address, STRICT),
        ];
        assert_eq!(all, wanted);
        store.set_defaults(&sales, None).unwrap();
        assert_eq!(store.defaults(&sales).unwrap(), None);
        assert_eq!(store.all_defaults().unwrap().len(), 2);
    });
}

#[test]
fn what_was_not_set_has_no_defaults() {
    on_every_store(|place| {
        let store = place.store();
        store.set_defaults(&scope("sales"), Some(&STRICT)).unwrap();
        for other in ["Sales", "sale", "@sales", "sales@sales"] {
            assert_eq!(store.defaults(&scope(other)).unwrap(), None, "{other}");
        }
        store.set_defaults(&scope("nobody"), None).unwrap();
        assert_eq!(store.all_defaults().unwrap().len(), 1);
    });
}
