use super::*;
use crate::registry;

#[test]
fn an_id_is_made_of_a_name() {
    for (name, id) in [
        ("My Custom MCP Server", "my-custom-mcp-server"),
        ("  Weather -- (EU) ", "weather-eu"),
        ("a", "a"),
        ("Überwachung", "berwachung"),
        ("天気", "server"),
        ("---", "server"),
        ("The server of the team that looks after everything", "the-server-of-the-team-that-lo"),
        ("abcdefghijklmnopqrstuvwxyz123 4567", "abcdefghijklmnopqrstuvwxyz123"),
    ] {
        assert_eq!(slug(name), id, "{name}");
        let long = format!("{}-{}", slug(name), hash("token:team", "https://s.example.com"));
        assert!(registry::valid_server_id(id) && registry::valid_server_id(&long), "{long}");
    }
}

#[test]
fn the_hash_tells_owners_and_endpoints_apart() {
    let first = hash("token:a", "https://s.example.com/mcp");
    assert_eq!((first.len(), &first), (8, &hash("token:a", "https://s.example.com/mcp")));
    assert_ne!(first, hash("token:b", "https://s.example.com/mcp"));
    assert_ne!(first, hash("token:a", "https://s.example.com/mcp2"));
    assert_ne!(hash("token:a", "b"), hash("token:ab", ""));
}

#[test]
fn the_next_version_is_a_release() {
    let of = |text: &str| next(&Version::parse(text).unwrap());
    assert_eq!(of("1.0.0").as_deref(), Some("1.0.1"));
    assert_eq!(of("2.3.9").as_deref(), Some("2.3.10"));
    assert_eq!(of("1.0.0-rc.1+build.7").as_deref(), Some("1.0.1"));
    assert_eq!(of("1.0.18446744073709551615"), None);
}
