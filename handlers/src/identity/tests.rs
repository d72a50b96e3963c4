use proptest::prelude::*;

use super::*;

fn principal(arn: &str) -> Result<String> {
    Principal::from_user_arn(Some(arn)).map(|p| p.as_str().to_owned())
}

#[test]
fn users_and_root_are_bound_to_themselves() {
    for arn in [
        "arn:aws:iam::123456789012:user/alice",
        "arn:aws:iam::123456789012:user/division/team/alice",
        "arn:aws-us-gov:iam::123456789012:user/alice",
        "arn:aws:iam::000000000000:root",
    ] {
        assert_eq!(principal(arn).unwrap(), arn);
    }
}

#[test]
fn a_role_is_bound_to_the_role_because_its_session_name_is_chosen() {
    let one = principal("arn:aws:sts::123456789012:assumed-role/Deployer/alice").unwrap();
    let other = principal("arn:aws:sts::123456789012:assumed-role/Deployer/mallory@example.com").unwrap();
    assert_eq!(one, "arn:aws:sts::123456789012:assumed-role/Deployer");
    assert_eq!(one, other);
    let elsewhere = principal("arn:aws:sts::210987654321:assumed-role/Deployer/alice").unwrap();
    assert_ne!(one, elsewhere);
}

#[test]
fn identity_center_is_bound_to_the_user() {
    let arn = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Power_User_0123456789abcdef/alice@example.com";
    assert_eq!(principal(arn).unwrap(), arn);
}

#[test]
fn a_role_that_only_looks_like_identity_center_is_bound_to_the_role() {
    for role in [
        "AWSReservedSSO_Power",
        "AWSReservedSSO_Power_0123456789abcdeg",
        "AWSReservedSSO__0123456789abcdef",
        "XAWSReservedSSO_P_0123456789abcdef",
    ] {
        let arn = format!("arn:aws:sts::123456789012:assumed-role/{role}/alice");
        assert_eq!(principal(&arn).unwrap(), format!("arn:aws:sts::123456789012:assumed-role/{role}"));
    }
}

#[test]
fn no_caller_is_401_and_others_are_refused() {
    for missing in [None, Some(""), Some("  ")] {
        assert_eq!(Principal::from_user_arn(missing).unwrap_err().kind(), Kind::Unauthorized);
    }
    let federated = principal("arn:aws:sts::123456789012:federated-user/bob").unwrap_err();
    assert_eq!(federated.kind(), Kind::Refused);
    assert!(federated.message().contains("GetFederationToken"), "{federated}");
    for odd in [
        "anonymous",
        "arn:aws:iam::123456789012:role/Deployer",
        "arn:aws:iam::123456789012:user/",
        "arn:aws:sts::123456789012:assumed-role/Deployer",
        "arn:aws:sts::123456789012:assumed-role//x",
        "arn:aws:sts::123456789012:assumed-role/Deployer/",
        "arn:aws:iam::1234:root",
        "arn:other:iam::123456789012:root",
        "arn:aws:iam:us-east-1:123456789012:root",
        "arn:aws:lambda::123456789012:root",
    ] {
        assert_eq!(principal(odd).unwrap_err().kind(), Kind::Refused, "{odd}");
    }
}

#[test]
fn two_callers_with_the_same_session_id_have_different_sessions() {
    let alice = Principal::from_user_arn(Some("arn:aws:iam::123456789012:user/alice")).unwrap();
    let bob = Principal::from_user_arn(Some("arn:aws:iam::123456789012:user/bob")).unwrap();
    assert_ne!(chat_session(&alice, "s-1"), chat_session(&bob, "s-1"));
    assert_ne!(chat_session(&alice, "s-1"), chat_session(&alice, "s-2"));
    assert_eq!(chat_session(&alice, "s-1"), chat_session(&alice, "s-1"));
}

#[test]
fn parts_do_not_run_together() {
    assert_ne!(derive("a", &["bc", "d"]), derive("a", &["b", "cd"]));
    assert_ne!(derive("a", &["bc"]), derive("a", &["b", "c"]));
    assert_ne!(derive("chat", &["x", "y"]), derive("specialist", &["x", "y"]));
}

#[test]
fn an_absent_session_id_is_a_new_one_each_time() {
    let (one, two) = (client_session_id(None).unwrap(), client_session_id(None).unwrap());
    assert_ne!(one, two);
    assert_eq!(client_session_id(Some(one.clone())).unwrap(), one);
}

/// The pattern of Bedrock's `sessionId`, written a second time and another way.
fn is_bedrock_session_id(id: &str) -> bool {
    const ALPHABET: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._:-";
    (2..=100).contains(&id.chars().count()) && id.chars().all(|c| ALPHABET.contains(c))
}

proptest! {
    #[test]
    fn session_ids_are_taken_exactly_as_bedrock_takes_them(id in "\\PC{0,110}|[0-9a-zA-Z._:-]{0,110}") {
        prop_assert_eq!(client_session_id(Some(id.clone())).is_ok(), is_bedrock_session_id(&id));
    }

    #[test]
    fn derived_sessions_are_valid_and_differ_with_any_part(a in "\\PC{0,40}", b in "\\PC{0,40}", c in "\\PC{0,40}", d in "\\PC{0,40}") {
        let (one, other) = (specialist_session(&a, &b), specialist_session(&c, &d));
        prop_assert!(is_bedrock_session_id(&one));
        prop_assert_eq!(one == other, (a, b) == (c, d));
    }

    #[test]
    fn any_user_arn_is_answered(arn in "\\PC{0,80}|arn:aws:(iam|sts)::123456789012:[a-z/-]{0,40}") {
        let _ = Principal::from_user_arn(Some(&arn));
    }

    #[test]
    fn a_role_session_name_never_changes_the_principal(a in "[\\w+=,.@-]{2,64}", b in "[\\w+=,.@-]{2,64}") {
        let of = |name: &str| principal(&format!("arn:aws:sts::123456789012:assumed-role/Deployer/{name}")).unwrap();
        prop_assert_eq!(of(&a), of(&b));
    }
}
