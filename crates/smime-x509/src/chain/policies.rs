use std::collections::{BTreeSet, HashMap, HashSet};

use smime_crypto::Oid;

use crate::{Certificate, ChainErrorKind, PolicyInputs, PolicyMapping, chain::budget::Budget, oid};

/// Processes the certificate policies of a path as RFC 5280 §6.1 has it, with the graph of
/// RFC 9618 §5 in place of the tree, and returns the user-constrained policy set, sorted.
///
/// `path` is the leaf first and does not hold the anchor, whose policyConstraints and
/// inhibitAnyPolicy must have been made part of `inputs`. A set that holds anyPolicy means that
/// every policy is good. The cost is that of reading the policies once for each certificate above
/// the leaf.
///
/// # Errors
/// With the certificate at which the path failed.
pub(crate) fn process<'a>(
    path: &'a [Certificate],
    inputs: &PolicyInputs,
    limits: InitialLimits,
    budget: &mut Budget,
) -> Result<Vec<Oid>, (ChainErrorKind, &'a Certificate)> {
    let mut state = State::new(path.len(), inputs, limits);
    for (below, certificate) in path.iter().enumerate().rev() {
        state
            .take(certificate, below, budget)
            .map_err(|kind| (kind, certificate))?;
    }
    let set = state.graph.user_constrained(&inputs.acceptable);
    match path.first() {
        Some(leaf) if state.explicit_policy == 0 && set.is_empty() => {
            Err((ChainErrorKind::NoAcceptablePolicy, leaf))
        }
        _ => Ok(set.into_iter().collect()),
    }
}

/// How many certificates later a rule begins, as the anchor says; `None` where it says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InitialLimits {
    pub(crate) explicit_policy: Option<u32>,
    pub(crate) policy_mapping: Option<u32>,
    pub(crate) inhibit_any: Option<u32>,
}

/// The state variables of RFC 5280 §6.1.2 that are about policies.
struct State {
    graph: Graph,
    explicit_policy: u32,
    policy_mapping: u32,
    inhibit_any: u32,
}

impl State {
    /// RFC 5280 §6.1.2 (a), (d), (e), (f).
    fn new(length: usize, inputs: &PolicyInputs, limits: InitialLimits) -> Self {
        let never = u32::try_from(length).unwrap_or(u32::MAX).saturating_add(1);
        let start = |at_once: bool, limit: Option<u32>| match limit {
            _ if at_once => 0,
            Some(limit) => limit.min(never),
            None => never,
        };
        Self {
            graph: Graph::new(),
            explicit_policy: start(inputs.explicit_policy, limits.explicit_policy),
            policy_mapping: start(inputs.inhibit_mapping, limits.policy_mapping),
            inhibit_any: start(inputs.inhibit_any, limits.inhibit_any),
        }
    }

    fn take(
        &mut self,
        certificate: &Certificate,
        below: usize,
        budget: &mut Budget,
    ) -> Result<(), ChainErrorKind> {
        let is_leaf = below == 0;
        let is_self_issued = certificate.is_self_issued();
        budget.spend_items(self.graph.size())?;
        // RFC 5280 §6.1.3 (d), (e)
        match policies(certificate, budget)? {
            Some(policies) => {
                let any_counts = self.inhibit_any > 0 || (!is_leaf && is_self_issued);
                self.graph.take_policies(policies, any_counts);
            }
            None => self.graph.clear(),
        }
        // RFC 5280 §6.1.3 (f)
        if self.explicit_policy == 0 && self.graph.is_null() {
            return Err(ChainErrorKind::NoAcceptablePolicy);
        }
        if is_leaf {
            self.wrap_up(certificate);
            return Ok(());
        }
        // RFC 5280 §6.1.4 (a), (b)
        let mappings = mappings(certificate, budget)?;
        self.graph.map(&mappings, self.policy_mapping > 0);
        // RFC 5280 §6.1.4 (h)
        if !is_self_issued {
            self.explicit_policy = self.explicit_policy.saturating_sub(1);
            self.policy_mapping = self.policy_mapping.saturating_sub(1);
            self.inhibit_any = self.inhibit_any.saturating_sub(1);
        }
        // RFC 5280 §6.1.4 (i), (j)
        let constraints = certificate.view().policy_constraints().unwrap_or_default();
        let lower =
            |value: &mut u32, limit: Option<u32>| *value = limit.unwrap_or(*value).min(*value);
        lower(
            &mut self.explicit_policy,
            constraints.require_explicit_policy,
        );
        lower(&mut self.policy_mapping, constraints.inhibit_policy_mapping);
        lower(
            &mut self.inhibit_any,
            certificate.view().inhibit_any_policy(),
        );
        Ok(())
    }

    /// RFC 5280 §6.1.5 (a), (b).
    fn wrap_up(&mut self, leaf: &Certificate) {
        self.explicit_policy = self.explicit_policy.saturating_sub(1);
        let constraints = leaf.view().policy_constraints().unwrap_or_default();
        if constraints.require_explicit_policy == Some(0) {
            self.explicit_policy = 0;
        }
    }
}

/// The policies of a certificate; one that stands there twice makes them unreadable, since
/// RFC 5280 §4.2.1.4 forbids it and the two may differ in what they ask.
fn policies(
    certificate: &Certificate,
    budget: &mut Budget,
) -> Result<Option<HashSet<Oid>>, ChainErrorKind> {
    let Some(list) = certificate.view().certificate_policies() else {
        return Ok(None);
    };
    let mut policies = HashSet::new();
    for information in list.iter() {
        budget.spend_items(1)?;
        if !policies.insert(information.policy) {
            return Err(ChainErrorKind::PoliciesMalformed);
        }
    }
    Ok(Some(policies))
}

/// The mappings of a certificate, of which none may be to or from anyPolicy
/// (RFC 5280 §6.1.4 (a)).
fn mappings(
    certificate: &Certificate,
    budget: &mut Budget,
) -> Result<Vec<PolicyMapping>, ChainErrorKind> {
    let mut mappings = Vec::new();
    let list = certificate.view().policy_mappings();
    for mapping in list.iter().flat_map(|list| list.iter()) {
        budget.spend_items(1)?;
        if mapping.issuer_domain == oid::ANY_POLICY || mapping.subject_domain == oid::ANY_POLICY {
            return Err(ChainErrorKind::PoliciesMalformed);
        }
        mappings.push(mapping);
    }
    Ok(mappings)
}

/// The valid_policy_graph of RFC 9618 §5.2: one level for each certificate, top first.
///
/// A node stands for a policy once, however many policies above it are mapped to it; this is what
/// keeps the graph small where the tree grew exponentially. The last level holds the policies that
/// the next certificate is expected to have.
struct Graph {
    levels: Vec<Level>,
}

/// The nodes of one depth.
#[derive(Default)]
struct Level {
    /// The parents of each policy but anyPolicy; an empty list says that anyPolicy is the parent.
    parents: HashMap<Oid, Vec<Oid>>,
    /// Whether there is a node for anyPolicy, whose parent is always anyPolicy.
    any: bool,
}

impl Level {
    fn is_empty(&self) -> bool {
        self.parents.is_empty() && !self.any
    }
}

impl Graph {
    /// RFC 5280 §6.1.2 (a): the root is anyPolicy, and so is what it expects.
    fn new() -> Self {
        Self {
            levels: vec![Level {
                parents: HashMap::new(),
                any: true,
            }],
        }
    }

    fn last(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        self.levels.last_mut().expect("a level was just pushed")
    }

    /// Returns how many nodes the last level has.
    fn size(&self) -> usize {
        self.levels.last().map_or(0, |level| level.parents.len())
    }

    fn clear(&mut self) {
        *self.last() = Level::default();
    }

    fn is_null(&self) -> bool {
        self.levels.last().is_none_or(Level::is_empty)
    }

    /// RFC 9618 §5.3 (d): keeps of the expected policies those that the certificate has.
    fn take_policies(&mut self, mut policies: HashSet<Oid>, any_counts: bool) {
        let level = self.last();
        let has_any = policies.remove(&oid::ANY_POLICY) && any_counts;
        if !has_any {
            level.parents.retain(|policy, _| policies.contains(policy));
        }
        if level.any {
            for policy in policies {
                level.parents.entry(policy).or_default();
            }
        }
        level.any &= has_any;
    }

    /// RFC 9618 §5.4 (b): says which policies the next certificate is expected to have.
    fn map(&mut self, mappings: &[PolicyMapping], permitted: bool) {
        let mut next = Level::default();
        let level = self.last();
        let mut mapped = HashSet::new();
        for mapping in mappings {
            let policy = mapping.issuer_domain;
            mapped.insert(policy);
            if !permitted {
                continue;
            }
            if level.any {
                level.parents.entry(policy).or_default();
            }
            if level.parents.contains_key(&policy) {
                next.parents
                    .entry(mapping.subject_domain)
                    .or_default()
                    .push(policy);
            }
        }
        if !permitted {
            level.parents.retain(|policy, _| !mapped.contains(policy));
        }
        for policy in level.parents.keys().filter(|it| !mapped.contains(it)) {
            next.parents.entry(*policy).or_default().push(*policy);
        }
        next.any = level.any;
        self.levels.push(next);
    }

    /// RFC 9618 §5.5 (g): the policies, as the anchor's domain calls them, that reach the leaf and
    /// are acceptable to the user; an empty list of those is anyPolicy.
    fn user_constrained(&self, acceptable: &[Oid]) -> BTreeSet<Oid> {
        let mut reached = BTreeSet::new();
        let mut current = HashSet::new();
        if let Some(level) = self.levels.last() {
            current.extend(level.parents.keys().copied());
            if level.any {
                reached.insert(oid::ANY_POLICY);
            }
        }
        for level in self.levels.iter().rev() {
            let mut above = HashSet::new();
            for policy in current {
                match level.parents.get(&policy).map(Vec::as_slice) {
                    None => {}
                    Some([]) => {
                        reached.insert(policy);
                    }
                    Some(parents) => above.extend(parents),
                }
            }
            current = above;
        }
        let any = acceptable.is_empty() || acceptable.contains(&oid::ANY_POLICY);
        if any {
            return reached;
        }
        let all_good = reached.contains(&oid::ANY_POLICY);
        let acceptable = acceptable.iter().copied();
        acceptable
            .filter(|policy| all_good || reached.contains(policy))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use smime_crypto::asn1::Writer;
    use smime_testkit::{Authority, TestKey};

    use super::*;

    const CERTIFICATE_POLICIES: Oid = Oid::new("2.5.29.32");
    const POLICY_MAPPINGS: Oid = Oid::new("2.5.29.33");

    /// 1.3.6.1.4.1.99999 with two arcs behind.
    fn numbered(number: usize) -> Oid {
        let (high, low) = (number / 128, number % 128);
        let mut content = vec![0x2b, 6, 1, 4, 1, 0x86, 0x8d, 0x1f];
        content.push(u8::try_from(high + 1).unwrap() | 0x80);
        content.push(u8::try_from(low).unwrap());
        Oid::from_bytes(&content).unwrap()
    }

    /// An authority's certificate with these policies and mappings.
    fn certificate(name: &str, policies: &[Oid], mappings: &[(Oid, Oid)]) -> Certificate {
        let list = Writer::encode(|w| {
            w.sequence(|w| policies.iter().for_each(|it| w.sequence(|w| w.oid(*it))));
        });
        let pairs = Writer::encode(|w| {
            w.sequence(|w| {
                for (issuer, subject) in mappings {
                    w.sequence(|w| {
                        w.oid(*issuer);
                        w.oid(*subject);
                    });
                }
            });
        });
        let root = Authority::root("Root", TestKey::P256A);
        let made = root.intermediate_with(name, TestKey::P256B, |builder| {
            let builder = match policies {
                [] => builder,
                _ => builder.extension(CERTIFICATE_POLICIES, false, &list),
            };
            match mappings {
                [] => builder,
                _ => builder.extension(POLICY_MAPPINGS, true, &pairs),
            }
        });
        Certificate::from_der(made.certificate().der()).unwrap()
    }

    fn processed(path: &[Certificate], inputs: &PolicyInputs) -> Result<Vec<Oid>, ChainErrorKind> {
        let mut budget = Budget::new();
        process(path, inputs, InitialLimits::default(), &mut budget).map_err(|(kind, _)| kind)
    }

    fn explicit(acceptable: &[Oid]) -> PolicyInputs {
        PolicyInputs {
            acceptable: acceptable.to_vec(),
            explicit_policy: true,
            ..PolicyInputs::default()
        }
    }

    #[test]
    fn a_mapping_to_or_from_any_policy_and_a_policy_that_stands_twice_are_refused() {
        let (one, any) = (numbered(1), oid::ANY_POLICY);
        let leaf = certificate("Leaf", &[one], &[]);
        for bad in [
            certificate("CA", &[one], &[(any, one)]),
            certificate("CA", &[one], &[(one, any)]),
            certificate("CA", &[one, one], &[]),
            certificate("CA", &[any, any], &[]),
        ] {
            let result = processed(&[leaf.clone(), bad], &PolicyInputs::default());
            assert_eq!(result, Err(ChainErrorKind::PoliciesMalformed));
        }
        let twice = certificate("Leaf", &[one, one], &[]);
        let result = processed(&[twice], &PolicyInputs::default());
        assert_eq!(result, Err(ChainErrorKind::PoliciesMalformed));
    }

    #[test]
    fn a_policy_must_stand_in_every_certificate_or_be_mapped_or_be_any() {
        let (one, two, any) = (numbered(1), numbered(2), oid::ANY_POLICY);
        let leaf = |policies: &[Oid]| certificate("Leaf", policies, &[]);
        let ca = |policies: &[Oid], mappings: &[_]| certificate("CA", policies, mappings);
        let cases = [
            (leaf(&[one]), ca(&[one], &[]), vec![one]),
            (leaf(&[two]), ca(&[one], &[]), vec![]),
            (leaf(&[]), ca(&[one], &[]), vec![]),
            (leaf(&[one]), ca(&[], &[]), vec![]),
            (leaf(&[one, two]), ca(&[any], &[]), vec![one, two]),
            (leaf(&[any]), ca(&[one], &[]), vec![one]),
            (leaf(&[any]), ca(&[any], &[]), vec![any]),
            (leaf(&[two]), ca(&[one], &[(one, two)]), vec![one]),
            (leaf(&[one]), ca(&[one], &[(one, two)]), vec![]),
            (leaf(&[two]), ca(&[any], &[(one, two)]), vec![one]),
            (leaf(&[two]), ca(&[two], &[(one, two)]), vec![two]),
        ];
        for (number, (leaf, ca, expected)) in cases.into_iter().enumerate() {
            let path = [leaf, ca];
            let mut expected = expected;
            expected.sort();
            let free = processed(&path, &PolicyInputs::default());
            assert_eq!(free, Ok(expected.clone()), "{number}");
            let all = processed(&path, &explicit(&[]));
            assert_eq!(all.is_ok(), !expected.is_empty(), "{number}");
            let has_one = expected.contains(&one) || expected.contains(&any);
            let only_one = processed(&path, &explicit(&[one]));
            assert_eq!(only_one.is_ok(), has_one, "{number}");
        }
    }

    #[test]
    fn inhibited_mapping_and_any_policy_end_what_rests_on_them() {
        let (one, two, any) = (numbered(1), numbered(2), oid::ANY_POLICY);
        let mapped = [
            certificate("Leaf", &[two], &[]),
            certificate("CA", &[one], &[(one, two)]),
        ];
        let by_any = [
            certificate("Leaf", &[any], &[]),
            certificate("CA", &[one], &[]),
        ];
        for (path, inhibit_mapping, inhibit_any, good) in [
            (&mapped, false, false, true),
            (&mapped, true, false, false),
            (&mapped, false, true, true),
            (&by_any, false, false, true),
            (&by_any, true, false, true),
            (&by_any, false, true, false),
        ] {
            let inputs = PolicyInputs {
                inhibit_mapping,
                inhibit_any,
                ..explicit(&[])
            };
            assert_eq!(processed(path, &inputs).is_ok(), good);
        }
    }

    /// Attack class 24, CVE-2023-0464: mappings of each policy to every other, on every level.
    #[test]
    fn policies_mapped_to_each_other_on_every_level_cost_in_proportion_to_their_bytes() {
        let spent = |count: usize| {
            let all: Vec<_> = (0..count).map(numbered).collect();
            let pairs = all.iter().zip(all.iter().cycle().skip(1));
            let both = pairs.flat_map(|(one, other)| [(*one, *one), (*one, *other)]);
            let mappings: Vec<_> = both.collect();
            let mut path = vec![certificate("Leaf", &all, &[])];
            path.extend((0..9).map(|n| certificate(&format!("CA {n}"), &all, &mappings)));
            let mut budget = Budget::new();
            let limits = InitialLimits::default();
            let set = process(&path, &explicit(&[]), limits, &mut budget).unwrap();
            assert_eq!(set.len(), count);
            budget.items_spent()
        };
        let [once, twice, four_times] = [100, 200, 400].map(spent);
        assert!(
            twice <= once * 2 + 20 && four_times <= once * 4 + 60,
            "{once} {twice} {four_times}"
        );
    }

    #[test]
    fn a_graph_too_large_exhausts_the_budget() {
        let leaf = certificate("Leaf", &(0..100).map(numbered).collect::<Vec<_>>(), &[]);
        let path = vec![leaf; 6000];
        let result = processed(&path, &PolicyInputs::default());
        assert_eq!(result, Err(ChainErrorKind::BudgetExhausted));
    }
}
