use alloc::vec;

use super::Mechanism::{
    Anonymous, External, Plain, ScramSha1, ScramSha1Plus, ScramSha256, ScramSha256Plus, ScramSha512,
    ScramSha512Plus,
};
use super::*;

const ALL: [&str; 7] = [
    "PLAIN",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-512",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-512-PLUS",
];

fn offer(names: &[&str]) -> Offer {
    Offer::new(names.iter().copied())
}

fn bindings() -> Bindings {
    Bindings::new().with_exporter(*b"ekm").with_end_point(*b"cert")
}

fn exporter() -> ChannelBinding {
    ChannelBinding::Bound(BindingKind::TlsExporter, b"ekm".to_vec())
}

fn choose(
    selection: &Selection,
    offered: &[&str],
    bindings: &Bindings,
) -> Result<(Mechanism, ChannelBinding), PolicyError> {
    selection
        .choose(&offer(offered), bindings, true)
        .map(|choice| (choice.mechanism(), choice.channel_binding().clone()))
}

#[test]
fn r6120_6_3_3_04_the_client_takes_its_own_strongest() {
    let selection = Selection::new();
    let mut offered = ALL.to_vec();
    for _ in 0..ALL.len() {
        offered.rotate_left(1);
        // covers 6120-6.3.3-03: whatever the order of the list
        assert_eq!(choose(&selection, &offered, &bindings()), Ok((ScramSha512Plus, exporter())));
        // covers 6120-6.3.3-01: the next on the own list, where the first will not do
        assert_eq!(
            choose(&selection, &offered, &Bindings::new()),
            Ok((ScramSha512, ChannelBinding::NotSupported))
        );
    }
}

#[test]
fn r6120_13_8_3_02_plain_is_the_last_resort() {
    let selection = Selection::new();
    for other in Mechanism::PASSWORD.into_iter().filter(|mechanism| *mechanism != Plain) {
        assert_eq!(choose(&selection, &["PLAIN", other.name()], &bindings()).map(|c| c.0), Ok(other));
    }
    // covers 6120-13.8.3-03: not even the weakest gives way to it, and nothing to bind to does not help it
    assert_eq!(choose(&selection, &["PLAIN", "SCRAM-SHA-1"], &Bindings::new()).map(|c| c.0), Ok(ScramSha1));
    // covers 6120-13.8.3-01
    assert_eq!(choose(&selection, &["PLAIN"], &Bindings::new()).map(|c| c.0), Ok(Plain));
}

#[test]
fn r6120_13_8_1_01_what_everybody_has_is_used_by_default() {
    for mechanism in [ScramSha1, ScramSha1Plus] {
        assert_eq!(choose(&Selection::new(), &[mechanism.name()], &bindings()).map(|c| c.0), Ok(mechanism));
        assert!(Selection::new().offered(&bindings(), true).contains(&mechanism));
    }
}

#[test]
fn r6120_6_3_3_05_nothing_is_used_that_is_not_on_the_own_list() {
    let selection = Selection::new().mechanisms(&[ScramSha1]);
    assert_eq!(choose(&selection, &ALL, &bindings()).map(|c| c.0), Ok(ScramSha1));
    assert_eq!(choose(&selection, &["PLAIN"], &bindings()), Err(PolicyError::NoneUsable));
    for offered in [&[][..], &["EXTERNAL", "DIGEST-MD5", "SCRAM-SHA-384", "scram-sha-1", ""][..]] {
        assert_eq!(choose(&Selection::new(), offered, &bindings()), Err(PolicyError::NoneUsable));
    }
}

/// RFC 5802 section 6, the client's flag.
#[test]
fn the_client_says_y_when_the_sibling_is_missing() {
    let selection = Selection::new();
    let lacks = |offered: &[&str]| choose(&selection, offered, &bindings());
    assert_eq!(lacks(&["SCRAM-SHA-1"]), Ok((ScramSha1, ChannelBinding::ServerLacks)));
    // Names added to the list do not keep the server from finding out.
    assert_eq!(lacks(&["SCRAM-SHA-1", "SCRAM-SHA-384-PLUS"]), Ok((ScramSha1, ChannelBinding::ServerLacks)));
    // covers 6120-13.9.4-02: binding beats the better hash
    assert_eq!(lacks(&["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"]), Ok((ScramSha1Plus, exporter())));
    // PLAIN has nothing to say.
    assert_eq!(lacks(&["PLAIN"]).map(|c| c.0), Ok(Plain));
}

#[test]
fn a_client_that_cannot_bind_says_n() {
    let offered = ["SCRAM-SHA-1"];
    let n = Ok((ScramSha1, ChannelBinding::NotSupported));
    assert_eq!(choose(&Selection::new(), &offered, &Bindings::new()), n);
    let unbound = Selection::new().mechanisms(&[Plain, ScramSha1, ScramSha256]);
    assert_eq!(choose(&unbound, &offered, &bindings()), n);
    // It can see that the server binds, so it does not claim otherwise.
    let other = Selection::new().mechanisms(&[ScramSha1, ScramSha256Plus]);
    assert_eq!(choose(&other, &["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"], &bindings()), n);
    // Without TLS there is nothing to bind to, whatever the caller hands in.
    let choice = Selection::new().choose(&offer(&ALL), &bindings(), false).unwrap();
    assert_eq!((choice.mechanism(), choice.channel_binding()), (ScramSha512, &ChannelBinding::NotSupported));
}

#[test]
fn plain_without_tls_is_refused() {
    let offered = ["PLAIN"];
    let plain = |policy, tls| {
        let choice = Selection::new().plain(policy).choose(&offer(&offered), &Bindings::new(), tls);
        choice.map(|choice| choice.mechanism())
    };
    assert_eq!(plain(PlainPolicy::default(), true), Ok(Plain));
    assert_eq!(plain(PlainPolicy::default(), false), Err(PolicyError::PlainUnprotected));
    assert_eq!(plain(PlainPolicy::Always, false), Ok(Plain));
    assert_eq!(plain(PlainPolicy::Never, true), Err(PolicyError::PlainUnprotected));
}

#[test]
fn a_weaker_mechanism_than_before_is_refused() {
    for (position, minimum) in Mechanism::PASSWORD.into_iter().enumerate() {
        let selection = Selection::new().minimum(minimum);
        for (offered_position, offered) in Mechanism::PASSWORD.into_iter().enumerate() {
            let choice = choose(&selection, &[offered.name()], &bindings()).map(|c| c.0);
            let expected =
                if offered_position < position { Err(PolicyError::TooWeak(offered)) } else { Ok(offered) };
            assert_eq!(choice, expected);
        }
    }
}

#[test]
fn r6120_6_4_1_03_the_server_offers_in_order_of_preference() {
    let selection = Selection::new();
    assert_eq!(
        selection.offered(&bindings(), true),
        [ScramSha512Plus, ScramSha256Plus, ScramSha1Plus, ScramSha512, ScramSha256, ScramSha1, Plain]
    );
    // -PLUS only with a binding to verify.
    assert_eq!(selection.offered(&Bindings::new(), true), [ScramSha512, ScramSha256, ScramSha1, Plain]);
    assert_eq!(
        selection.offered(&Bindings::new().with_exporter([]), true),
        [ScramSha512, ScramSha256, ScramSha1, Plain]
    );
    let doubled = selection.mechanisms(&[ScramSha1, ScramSha256, ScramSha1]);
    assert_eq!(doubled.offered(&bindings(), true), [ScramSha256, ScramSha1]);
}

#[test]
fn r3920_6_2_01_plain_is_not_offered_before_tls() {
    assert_eq!(Selection::new().offered(&bindings(), false), [ScramSha512, ScramSha256, ScramSha1]);
    let open = Selection::new().plain(PlainPolicy::Always);
    assert_eq!(open.offered(&Bindings::new(), false), [ScramSha512, ScramSha256, ScramSha1, Plain]);
    let never = Selection::new().plain(PlainPolicy::Never);
    assert_eq!(never.offered(&Bindings::new(), true), [ScramSha512, ScramSha256, ScramSha1]);
}

/// RFC 5802 section 6: a server that would never let the bare variant pass offers only `-PLUS`.
#[test]
fn a_server_that_wants_binding_offers_nothing_else() {
    let selection = Selection::new().minimum(ScramSha1Plus);
    assert_eq!(selection.offered(&bindings(), true), [ScramSha512Plus, ScramSha256Plus, ScramSha1Plus]);
    assert_eq!(selection.offered(&Bindings::new(), true), []);
}

#[test]
fn the_server_says_why_it_refuses_a_mechanism() {
    let selection =
        Selection::new().mechanisms(&[Plain, ScramSha1, ScramSha256, ScramSha256Plus]).minimum(ScramSha256);
    let permit =
        |selection: &Selection, name, bindings: &Bindings, tls| selection.permit(name, bindings, tls);
    let all = bindings();
    assert_eq!(permit(&selection, "SCRAM-SHA-256", &all, true), Ok(ScramSha256));
    assert_eq!(permit(&selection, "SCRAM-SHA-256-PLUS", &all, true), Ok(ScramSha256Plus));
    // r3920-6.4-05
    assert_eq!(permit(&selection, "SCRAM-SHA-1", &all, true), Err(SaslCondition::MechanismTooWeak));
    // r3920-6.4-04: unknown, not enabled, or without a binding.
    for name in ["", "CRAM-MD5", "scram-sha-256", "SCRAM-SHA-1-PLUS"] {
        assert_eq!(permit(&selection, name, &all, true), Err(SaslCondition::InvalidMechanism), "{name}");
    }
    let unbound = permit(&selection, "SCRAM-SHA-256-PLUS", &Bindings::new(), true);
    assert_eq!(unbound, Err(SaslCondition::InvalidMechanism));
    // r6120-6.5.4-01
    let plain = Selection::new();
    assert_eq!(permit(&plain, "PLAIN", &all, false), Err(SaslCondition::EncryptionRequired));
    assert_eq!(permit(&plain, "PLAIN", &all, true), Ok(Plain));
    let never = plain.plain(PlainPolicy::Never);
    assert_eq!(permit(&never, "PLAIN", &all, true), Err(SaslCondition::InvalidMechanism));
    let offered = vec![ScramSha256Plus, ScramSha256];
    assert_eq!(selection.offered(&all, true), offered);
}

#[test]
fn r6120_6_3_4_02_a_certificate_comes_first() {
    let selection = Selection::new().allow(External);
    assert_eq!(selection.offered(&bindings(), true).first(), Some(&External));
    // covers 6120-6.3.4-03
    let all: Vec<_> = Mechanism::ALL.iter().map(|mechanism| mechanism.name()).collect();
    assert_eq!(choose(&selection, &all, &bindings()).map(|c| c.0), Ok(External));
    // Only under TLS, and only where somebody has said so.
    let choice = selection.choose(&offer(&["EXTERNAL", "SCRAM-SHA-1"]), &Bindings::new(), false);
    assert_eq!(choice.map(|choice| choice.mechanism()), Ok(ScramSha1));
    assert_eq!(selection.permit("EXTERNAL", &bindings(), false), Err(SaslCondition::EncryptionRequired));
    let permitted = Selection::new().permit("EXTERNAL", &bindings(), true);
    assert_eq!(permitted, Err(SaslCondition::InvalidMechanism));
}

#[test]
fn nobody_is_anonymous_unless_asked_for() {
    assert_eq!(choose(&Selection::new(), &["ANONYMOUS"], &bindings()), Err(PolicyError::NoneUsable));
    assert!(!Selection::new().offered(&bindings(), true).contains(&Anonymous));
    let selection = Selection::new().allow(Anonymous);
    assert_eq!(selection.offered(&bindings(), true).last(), Some(&Anonymous));
    assert_eq!(choose(&selection, &["ANONYMOUS", "PLAIN"], &bindings()).map(|c| c.0), Ok(Plain));
    let only = Selection::new().mechanisms(&[Anonymous]);
    assert_eq!(choose(&only, &["ANONYMOUS", "PLAIN"], &bindings()).map(|c| c.0), Ok(Anonymous));
}

#[cfg(feature = "digest-md5")]
#[test]
fn digest_md5_is_off_unless_allowed() {
    assert_eq!(choose(&Selection::new(), &["DIGEST-MD5"], &bindings()), Err(PolicyError::NoneUsable));
    assert!(!Selection::new().offered(&bindings(), true).contains(&Mechanism::DigestMd5));
    let allowed = Selection::new().allow(Mechanism::DigestMd5);
    assert_eq!(
        choose(&allowed, &["DIGEST-MD5", "PLAIN"], &bindings()).map(|c| c.0),
        Ok(Mechanism::DigestMd5)
    );
    let strong = ["DIGEST-MD5", "SCRAM-SHA-1"];
    assert_eq!(choose(&allowed, &strong, &bindings()).map(|c| c.0), Ok(ScramSha1));
}

#[test]
fn r6120_6_4_5_03_after_a_refusal_comes_the_next_that_protects_as_much() {
    let selection = Selection::new().allow(External).allow(Anonymous);
    let all: Vec<_> = Mechanism::ALL.iter().map(|mechanism| mechanism.name()).collect();
    let after = |refused| {
        selection.choose_after(refused, &offer(&all), &bindings(), true).map(|choice| choice.mechanism())
    };
    assert_eq!(after(External), Ok(ScramSha512Plus));
    assert_eq!(after(ScramSha512Plus), Ok(ScramSha256Plus));
    assert_eq!(after(ScramSha256Plus), Ok(ScramSha1Plus));
    // Bound to another channel: there may be somebody in the middle, who would like this client to do without.
    assert_eq!(after(ScramSha1Plus), Err(PolicyError::NoneUsable));
    assert_eq!(after(ScramSha512), Ok(ScramSha256));
    assert_eq!(after(ScramSha256), Ok(ScramSha1));
    // Who cannot prove to know the password does not get to read it.
    assert_eq!(after(ScramSha1), Err(PolicyError::NoneUsable));
    assert_eq!(after(Plain), Err(PolicyError::NoneUsable));
    assert_eq!(after(Anonymous), Err(PolicyError::NoneUsable));
    let strict = selection.clone().minimum(ScramSha512);
    let refused = strict.choose_after(ScramSha512, &offer(&all), &bindings(), true);
    assert_eq!(refused, Err(PolicyError::TooWeak(ScramSha256)));
}

/// XEP-0440 section 3.
#[test]
fn the_binding_type_is_one_that_both_ends_have() {
    let end_point = || ChannelBinding::Bound(BindingKind::TlsServerEndPoint, b"cert".to_vec());
    let choose = |types: &[&str], bindings: &Bindings| {
        let offer =
            offer(&["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"]).with_binding_types(types.iter().copied());
        let choice = Selection::new().choose(&offer, bindings, true).unwrap();
        (choice.mechanism(), choice.channel_binding().clone(), choice.must_protect)
    };
    let both = bindings();
    let plus = |binding| (ScramSha1Plus, binding, false);
    assert_eq!(choose(&["tls-server-end-point", "x", "tls-exporter"], &both), plus(exporter()));
    assert_eq!(choose(&["tls-server-end-point", "tls-unique"], &both), plus(end_point()));
    assert_eq!(choose(&["tls-exporter"], &both), plus(exporter()));
    // None in common: `n`, and where even the type that every server has is missing, only if the server vouches for its list.
    let only_exporter = Bindings::new().with_exporter(*b"ekm");
    let n = |must| (ScramSha1, ChannelBinding::NotSupported, must);
    assert_eq!(choose(&["tls-server-end-point"], &only_exporter), n(false));
    assert_eq!(choose(&["tls-unique"], &both), n(true));
    assert_eq!(choose(&[], &both), n(true));
    assert_eq!(choose(&["tls-unique"], &Bindings::new()), n(false));
    // PLAIN cannot be vouched for.
    let odd = offer(&["PLAIN", "SCRAM-SHA-1-PLUS"]).with_binding_types(["tls-unique"]);
    assert_eq!(Selection::new().choose(&odd, &both, true), Err(PolicyError::Contradiction));
}

/// XEP-0440 section 3 rule 5.
#[test]
fn types_without_a_mechanism_that_binds_are_a_sign_of_tampering() {
    let choose = |names: &[&str]| {
        let offer = offer(names).with_binding_types(["tls-exporter"]);
        Selection::new().choose(&offer, &bindings(), true).map(|choice| choice.mechanism())
    };
    assert_eq!(choose(&["SCRAM-SHA-1", "PLAIN"]), Err(PolicyError::Contradiction));
    assert_eq!(choose(&["SCRAM-SHA-1", "SCRAM-SHA-384-PLUS"]), Ok(ScramSha1));
    // A server that has no SCRAM has nothing to bind.
    assert_eq!(choose(&["PLAIN"]), Ok(Plain));
}
