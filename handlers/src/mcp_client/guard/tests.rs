use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::*;

fn reach() -> Reach {
    Reach { stage: "dev".to_owned(), ..Reach::default() }
}

fn guard(allowed: &[&str]) -> Guard {
    let allowed_networks = allowed.iter().map(|net| net.parse().unwrap()).collect();
    Guard::new(&Reach { allowed_networks, ..reach() }).unwrap()
}

#[test]
fn hostile_endpoints_are_refused() {
    let long = format!("https://example.com/{}", "a".repeat(3000));
    let endpoints = [
        "",
        "example.com",
        "http://example.com/mcp",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com@169.254.169.254/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://0/",
        "https://10.0.0.1:8443/mcp",
        "https://169.254.169.254/latest/meta-data/",
        "https://169.254.170.2/v2/credentials",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://[64:ff9b::169.254.169.254]/",
        "https://[2002:7f00:1::]/",
        "https://169.254.170.23/v1/credentials",
        "https://169.254.169.254.:443/",
        "HTTPS://0XA9FEA9FE/",
        "https://2852039166/latest/meta-data/",
        "https://[fd00:ec2::23]/",
        "https://[fd00:ec2::253]/",
        "https://[fe80::a9fe:a9fe]/",
        "https://[fe80::1%25eth0]/",
        "https://[::1%lo]/",
        "https://[::ffff:0:127.0.0.1]/",
        "https://[::10.0.0.1]/",
        "https://[64:ff9b:1::a00:1]/",
        "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
        "https://[2002:a9fe:a9fe::]/",
        "https://[fc00::1]/",
        "https://[fd12:3456::1]/",
        "https://[fec0::1]/",
        "https://[ff02::1]/",
        "https://100.64.0.1/",
        "https://192.0.0.192/",
        "https://198.18.0.1/",
        "https://224.0.0.251/",
        "https://255.255.255.255/",
        "https://1.1.1.1/#part",
        "https://1.1.1.1/#",
        "https://example.com:65536/",
        "https://example.com:-1/",
        "https://exa mple.com/",
        "https://example.com%00.evil.example/",
        "https://256.256.256.256/",
        "https://1.2.3.4.5/",
        "https://0x100000000/",
        "https://[::1/",
        "https:///",
        "https://?host=example.com",
        "https://@/",
        "https://:443/",
        "\thttps://127.0.0.1/",
        "https:\\\\127.0.0.1\\",
        "https:127.0.0.1",
        "https://127.0.0.\n1/",
        "https://１２７.0.0.1/",
        "https://127｡0｡0｡1/",
        "https://%31%32%37.0.0.1/",
        "https://①②⑦.0.0.1/",
        "HTTP://EXAMPLE.COM/",
        "javascript:alert(1)",
        "lambda:my-function",
        "my-function",
        "123456789012:function:my-function",
        long.as_str(),
    ];
    for endpoint in endpoints {
        assert!(matches!(guard(&[]).endpoint(endpoint), Err(Failure::Refused(_))), "{endpoint}");
    }
}

#[test]
fn ordinary_endpoints_pass() {
    for endpoint in
        ["https://mcp.example.com/mcp", "https://mcp.example.com:8443/a?b=c", "https://1.1.1.1/", "HTTPS://Example.com"]
    {
        assert!(matches!(guard(&[]).endpoint(endpoint), Ok(Endpoint::Http { via: None, .. })), "{endpoint}");
    }
}

#[test]
fn plain_http_is_for_admitted_ranges() {
    let guard = guard(&["10.1.0.0/16"]);
    assert!(guard.endpoint("http://10.1.2.3/mcp").is_ok());
    assert!(guard.endpoint("https://10.1.2.3/mcp").is_ok());
    assert!(guard.endpoint("http://10.2.2.3/mcp").is_err());
    assert!(guard.endpoint("http://1.1.1.1/mcp").is_err());
    // A name is judged by its addresses when the connection is made.
    assert!(guard.endpoint("http://server.internal/mcp").is_ok());
}

#[test]
fn only_full_arns_of_other_peoples_functions_pass() {
    let arn = |rest: &str| format!("arn:aws:lambda:us-east-1:123456789012:function:{rest}");
    for good in [
        arn("team-tools"),
        arn("team-tools:live"),
        arn("team-tools:$LATEST"),
        arn("team-tools:7"),
        arn("switchyard-dev-pipelines"),
    ] {
        assert!(
            matches!(guard(&[]).endpoint(&good), Ok(Endpoint::Lambda(found)) if found.to_string() == good),
            "{good}"
        );
    }
    let mut bad = vec![
        "arn:aws:lambda:us-east-1:123456789012:layer:x".to_owned(),
        "arn:aws:lambda:us-east-1:12345:function:x".to_owned(),
        "arn:aws:lambda::123456789012:function:x".to_owned(),
        "arn:aws:s3:::bucket".to_owned(),
        "arn:evil:lambda:us-east-1:123456789012:function:x".to_owned(),
        arn(""),
        arn("x:live:more"),
        arn("../other"),
        arn("x y"),
        arn("x:"),
    ];
    for own in OWN_FUNCTIONS {
        bad.extend([
            arn(&format!("switchyard-dev-{own}")),
            arn(&format!("switchyard-dev-{own}:live")),
            arn(&format!("switchyard-dev-{own}:$LATEST")),
            arn(&format!("switchyard-other-stage-{own}")),
            arn(&format!("Switchyard-dev-{}", own.to_uppercase())),
            format!("switchyard-dev-{own}"),
            format!("123456789012:switchyard-dev-{own}"),
        ]);
    }
    for bad in bad {
        assert!(matches!(guard(&[]).endpoint(&bad), Err(Failure::Refused(_))), "{bad}");
    }
}

#[test]
fn listed_functions_are_recognised_with_and_without_qualifier() {
    let listed = "arn:aws:lambda:us-east-1:123456789012:function:team-tools";
    let guard = Guard::new(&Reach { invocable_functions: vec![listed.to_owned()], ..reach() }).unwrap();
    assert!(guard.is_listed(&LambdaArn::parse(listed).unwrap()));
    assert!(guard.is_listed(&LambdaArn::parse(&format!("{listed}:live")).unwrap()));
    assert!(!guard.is_listed(&LambdaArn::parse(&format!("{listed}2")).unwrap()));
}

#[test]
fn connect_to_is_for_the_local_stage() {
    let pairs = |to: &str| BTreeMap::from([("*.lambda-url.us-east-1.on.aws:443".to_owned(), to.to_owned())]);
    let local = |to| Reach { stage: "local".to_owned(), connect_to: pairs(to), ..Reach::default() };
    assert!(Guard::new(&Reach { connect_to: pairs("127.0.0.1:4566"), ..reach() }).is_err());
    assert!(Guard::new(&local("localhost")).is_err());
    let guard = Guard::new(&local("127.0.0.1:4566")).unwrap();
    let led = |url: &str| match guard.endpoint(url) {
        Ok(Endpoint::Http { via, .. }) => via.map(|to| to.to_string()),
        other => panic!("{other:?}"),
    };
    assert_eq!(led("https://abc.lambda-url.us-east-1.on.aws/").as_deref(), Some("127.0.0.1:4566"));
    assert_eq!(led("https://abc.lambda-url.us-east-1.on.aws:8443/"), None);
    assert_eq!(led("https://evil-lambda-url.us-east-1.on.aws/"), None);
}

async fn resolve(resolver: &Arc<GuardedResolver>, host: &str) -> Result<Vec<SocketAddr>, String> {
    resolver.resolve(host.parse().unwrap()).await.map(Iterator::collect).map_err(|e| e.to_string())
}

#[tokio::test]
async fn a_name_that_changes_its_answer_is_caught_when_the_connection_is_made() {
    let asked = AtomicUsize::new(0);
    let guard = guard(&[]).with_lookup(move |_| {
        let answers = ["93.184.215.14", "127.0.0.1"];
        vec![answers[asked.fetch_add(1, Ordering::SeqCst).min(1)].parse().unwrap()]
    });
    let resolver = guard.resolver(false);
    assert!(resolve(&resolver, "rebind.example").await.is_ok());
    let refused = resolve(&resolver, "rebind.example").await.unwrap_err();
    assert!(refused.contains("127.0.0.1 is a loopback address"), "{refused}");
}

#[tokio::test]
async fn one_bad_address_condemns_a_name() {
    let guard = guard(&["10.0.0.0/8"]).with_lookup(|host| {
        if host == "mixed" {
            vec!["1.1.1.1".parse().unwrap(), "::1".parse().unwrap()]
        } else {
            vec!["10.0.0.7".parse().unwrap()]
        }
    });
    assert!(resolve(&guard.resolver(false), "mixed").await.is_err());
    assert!(resolve(&guard.resolver(true), "inside").await.is_ok());
}

#[tokio::test]
async fn plain_http_to_a_name_outside_the_admitted_ranges_is_refused() {
    let guard = guard(&["10.0.0.0/8"]).with_lookup(|_| vec!["1.1.1.1".parse().unwrap()]);
    assert!(resolve(&guard.resolver(true), "public.example").await.is_err());
    assert!(resolve(&guard.resolver(false), "public.example").await.is_ok());
}

#[tokio::test]
async fn the_systems_own_lookup_is_checked_too() {
    let refused = resolve(&guard(&[]).resolver(false), "localhost").await.unwrap_err();
    assert!(refused.contains("loopback"), "{refused}");
}
